"""Values to RDB version 10, in the encodings that Redis 7.0 would choose with its default limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from pyredisai.keyspace.sorted_set import SortedSet, packed_score
from pyredisai.keyspace.stream import Stream
from pyredisai.persistence import module_types
from pyredisai.persistence.rdb.opcodes import Type
from pyredisai.persistence.rdb.packed import Element, canonical_integer, write_intset, write_listpack
from pyredisai.persistence.rdb.primitives import Sink
from pyredisai.persistence.rdb.streams import write_stream
from pyredisai.resp.encoder import format_double

_HASH_ENTRIES: Final = 128
_ZSET_ENTRIES: Final = 128
_SET_INTEGERS: Final = 512
_SMALL: Final = 64
_LIST_NODE_BYTES: Final = 8192
_PLAIN, _PACKED = 1, 2


def write_value(sink: Sink, value: Any, key: bytes | None = None) -> None:
    """The type byte, the key where one is given (it stands between), and the value.

    Raises TypeError for a value that RDB has no form for.
    """
    kind, write = _form(value)
    sink.append(kind)
    if key is not None:
        sink.string(key)
    write(sink, value)


def _form(value: Any) -> tuple[int, Callable[[Sink, Any], None]]:
    form = _FORMS.get(type(value))
    if form is None:
        return Type.MODULE_2, module_types.write_value
    return form(value)


def _string_form(value: bytes | memoryview) -> tuple[int, Callable[[Sink, Any], None]]:
    return Type.STRING, Sink.string


def _list_form(value: deque[bytes]) -> tuple[int, Callable[[Sink, Any], None]]:
    return Type.LIST_QUICKLIST_2, _write_list


def _write_list(sink: Sink, value: deque[bytes]) -> None:
    nodes: list[list[bytes]] = [[]]
    size = 0
    for item in value:
        if size + len(item) > _LIST_NODE_BYTES and nodes[-1]:
            nodes.append([])
            size = 0
        nodes[-1].append(item)
        size += len(item) + 11
    sink.length(len(nodes))
    for node in nodes:
        if len(node) == 1 and len(node[0]) > _LIST_NODE_BYTES:
            sink.length(_PLAIN)
            sink.string(node[0])
        else:
            sink.length(_PACKED)
            sink.string(write_listpack(node))


def _hash_form(value: dict[bytes, bytes]) -> tuple[int, Callable[[Sink, Any], None]]:
    small = len(value) <= _HASH_ENTRIES and _longest(value) <= _SMALL and _longest(value.values()) <= _SMALL
    return (Type.HASH_LISTPACK, _write_packed_hash) if small else (Type.HASH, _write_hash)


def _longest(words: Iterable[bytes]) -> int:
    return max(map(len, words), default=0)


def _write_packed_hash(sink: Sink, value: dict[bytes, bytes]) -> None:
    sink.string(write_listpack(chain.from_iterable(value.items())))


def _write_hash(sink: Sink, value: dict[bytes, bytes]) -> None:
    sink.length(len(value))
    for field, item in value.items():
        sink.string(field)
        sink.string(item)


def _set_form(value: set[bytes]) -> tuple[int, Callable[[Sink, Any], None]]:
    integers = len(value) <= _SET_INTEGERS and all(canonical_integer(member) is not None for member in value)
    return (Type.SET_INTSET, _write_integers) if integers else (Type.SET, _write_set)


def _write_integers(sink: Sink, value: set[bytes]) -> None:
    sink.string(write_intset(map(int, value)))


def _write_set(sink: Sink, value: set[bytes]) -> None:
    sink.length(len(value))
    for member in value:
        sink.string(member)


def _sorted_set_form(value: SortedSet) -> tuple[int, Callable[[Sink, Any], None]]:
    small = len(value) <= _ZSET_ENTRIES and _longest(value.scores) <= _SMALL
    return (Type.ZSET_LISTPACK, _write_packed_sorted_set) if small else (Type.ZSET_2, _write_sorted_set)


def _write_packed_sorted_set(sink: Sink, value: SortedSet) -> None:
    sink.string(write_listpack(x for score, member in value for x in (member, _packed_score(score))))


def _packed_score(score: float) -> Element:
    packed = packed_score(score)
    return packed if isinstance(packed, int) else format_double(packed)


def _write_sorted_set(sink: Sink, value: SortedSet) -> None:
    sink.length(len(value))
    for score, member in reversed(list(value)):
        sink.string(member)
        sink.double(score)


def _stream_form(value: Stream) -> tuple[int, Callable[[Sink, Any], None]]:
    return Type.STREAM_LISTPACKS_2, write_stream


_FORMS: Final[dict[type, Callable[[Any], tuple[int, Callable[[Sink, Any], None]]]]] = {
    bytes: _string_form,
    memoryview: _string_form,
    deque: _list_form,
    dict: _hash_form,
    set: _set_form,
    SortedSet: _sorted_set_form,
    Stream: _stream_form,
}
