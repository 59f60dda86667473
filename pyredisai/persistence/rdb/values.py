"""Stored values to the keyspace's containers: every encoding that Redis 2.6 to 7.2 writes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from pyredisai.errors import PersistenceError
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.persistence import module_types
from pyredisai.persistence.rdb.opcodes import Type
from pyredisai.persistence.rdb.packed import (
    Element,
    as_bytes,
    as_strings,
    read_intset,
    read_listpack,
    read_ziplist,
    read_zipmap,
)
from pyredisai.persistence.rdb.primitives import Source
from pyredisai.persistence.rdb.streams import read_stream

_QUICKLIST_PLAIN: Final = 1


def read_value(source: Source, kind: int) -> Any:
    """The value of type `kind` at the source's position. Raises PersistenceError."""
    unpack = PACKED.get(kind)
    if unpack is not None:
        return unpack(source.string())
    try:
        reader = _READERS[kind]
    except KeyError:
        raise PersistenceError(f"unknown value type {kind} at byte {source.position}") from None
    return reader(source)


def _strings(source: Source) -> list[bytes]:
    return [source.string() for _ in range(source.length())]


def _pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    if len(items) % 2:
        raise PersistenceError("a container of pairs has an odd number of elements")
    feed = iter(items)
    return zip(feed, feed, strict=True)


def _hash(items: list[Element]) -> dict[bytes, bytes]:
    return dict(_pairs(as_strings(items)))


def _sorted_set(items: list[Element]) -> SortedSet:
    try:
        return _without_nan(SortedSet((as_bytes(member), float(score)) for member, score in _pairs(items)))
    except ValueError:
        raise PersistenceError("a score is no number") from None


def _without_nan(value: SortedSet) -> SortedSet:
    if any(score != score for score in value.scores.values()):
        raise PersistenceError("a score is not a number")
    return value


def _old_sorted_set(source: Source) -> SortedSet:
    return _without_nan(SortedSet((source.string(), source.double_text()) for _ in range(source.length())))


def _binary_sorted_set(source: Source) -> SortedSet:
    return _without_nan(SortedSet((source.string(), source.unpack("d")) for _ in range(source.length())))


def _plain_hash(source: Source) -> dict[bytes, bytes]:
    return {source.string(): source.string() for _ in range(source.length())}


def _quicklist(source: Source) -> deque[bytes]:
    out: deque[bytes] = deque()
    for _ in range(source.length()):
        out += as_strings(read_ziplist(source.string()))
    return out


def _quicklist_2(source: Source) -> deque[bytes]:
    out: deque[bytes] = deque()
    for _ in range(source.length()):
        if source.length() == _QUICKLIST_PLAIN:
            out.append(source.string())
        else:
            out += as_strings(read_listpack(source.string()))
    return out


def _old_module(source: Source) -> Any:
    raise PersistenceError(f"a module value of the format before Redis 4.0 at byte {source.position}")


# The containers that are one string.
PACKED: Final[dict[int, Callable[[bytes], Any]]] = {
    Type.HASH_ZIPMAP: lambda data: dict(_pairs(read_zipmap(data))),
    Type.LIST_ZIPLIST: lambda data: deque(as_strings(read_ziplist(data))),
    Type.SET_INTSET: lambda data: {b"%d" % member for member in read_intset(data)},
    Type.ZSET_ZIPLIST: lambda data: _sorted_set(read_ziplist(data)),
    Type.HASH_ZIPLIST: lambda data: _hash(read_ziplist(data)),
    Type.HASH_LISTPACK: lambda data: _hash(read_listpack(data)),
    Type.ZSET_LISTPACK: lambda data: _sorted_set(read_listpack(data)),
    Type.SET_LISTPACK: lambda data: set(as_strings(read_listpack(data))),
}
_READERS: Final[dict[int, Callable[[Source], Any]]] = {
    Type.STRING: Source.string,
    Type.LIST: lambda source: deque(_strings(source)),
    Type.SET: lambda source: set(_strings(source)),
    Type.ZSET: _old_sorted_set,
    Type.HASH: _plain_hash,
    Type.ZSET_2: _binary_sorted_set,
    Type.MODULE: _old_module,
    Type.MODULE_2: module_types.read_value,
    Type.LIST_QUICKLIST: _quicklist,
    Type.STREAM_LISTPACKS: lambda source: read_stream(source, 1),
    Type.LIST_QUICKLIST_2: _quicklist_2,
    Type.STREAM_LISTPACKS_2: lambda source: read_stream(source, 2),
    Type.STREAM_LISTPACKS_3: lambda source: read_stream(source, 3),
}
