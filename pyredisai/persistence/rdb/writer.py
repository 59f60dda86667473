"""Values to RDB version 10, in the encodings that Redis 7.0 would choose with its default limits."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Stream
from pyredisai.persistence import module_types
from pyredisai.persistence.rdb.opcodes import Type
from pyredisai.persistence.rdb.packed import canonical_integer, write_intset, write_listpack
from pyredisai.persistence.rdb.primitives import Sink
from pyredisai.persistence.rdb.streams import write_stream
from pyredisai.resp.encoder import format_double

_HASH_ENTRIES: Final = 128
_ZSET_ENTRIES: Final = 128
_SET_INTEGERS: Final = 512
_SMALL: Final = 64
_LIST_NODE_BYTES: Final = 8192
_PLAIN, _PACKED = 1, 2


def write_value(sink: Sink, value: Any) -> None:
    """The type byte and the value. Raises TypeError for a value that RDB has no form for."""
    if isinstance(value, bytes | memoryview):
        sink.append(Type.STRING)
        sink.string(value)
    elif isinstance(value, deque):
        _list(sink, value)
    elif isinstance(value, dict):
        _hash(sink, value)
    elif isinstance(value, set):
        _set(sink, value)
    elif isinstance(value, SortedSet):
        _sorted_set(sink, value)
    elif isinstance(value, Stream):
        sink.append(Type.STREAM_LISTPACKS_2)
        write_stream(sink, value)
    else:
        sink.append(Type.MODULE_2)
        module_types.write_value(sink, value)


def _list(sink: Sink, value: deque[bytes]) -> None:
    sink.append(Type.LIST_QUICKLIST_2)
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


def _hash(sink: Sink, value: dict[bytes, bytes]) -> None:
    if len(value) <= _HASH_ENTRIES and all(len(f) <= _SMALL and len(v) <= _SMALL for f, v in value.items()):
        sink.append(Type.HASH_LISTPACK)
        sink.string(write_listpack(x for item in value.items() for x in item))
        return
    sink.append(Type.HASH)
    sink.length(len(value))
    for field, item in value.items():
        sink.string(field)
        sink.string(item)


def _set(sink: Sink, value: set[bytes]) -> None:
    if len(value) <= _SET_INTEGERS:
        numbers = [canonical_integer(member) for member in value]
        if None not in numbers:
            sink.append(Type.SET_INTSET)
            sink.string(write_intset(n for n in numbers if n is not None))
            return
    sink.append(Type.SET)
    sink.length(len(value))
    for member in value:
        sink.string(member)


def _sorted_set(sink: Sink, value: SortedSet) -> None:
    if len(value) <= _ZSET_ENTRIES and all(len(member) <= _SMALL for member in value.scores):
        sink.append(Type.ZSET_LISTPACK)
        sink.string(write_listpack(x for score, member in value for x in (member, format_double(score))))
        return
    sink.append(Type.ZSET_2)
    sink.length(len(value))
    for score, member in reversed(list(value)):
        sink.string(member)
        sink.double(score)
