"""Streams in RDB files: nodes of entries as listpacks, then ids, groups and what is pending."""

from __future__ import annotations

from itertools import pairwise

from sortedcontainers import SortedDict

from pyredisai.errors import PersistenceError
from pyredisai.keyspace.stream import MAX_ID, Consumer, Group, Node, Pending, Stream, StreamId
from pyredisai.persistence.rdb.packed import Element, as_bytes, read_listpack, write_listpack
from pyredisai.persistence.rdb.primitives import Sink, Source

_DELETED, _SAME_FIELDS = 1, 2


def read_stream(source: Source, version: int) -> Stream:
    """A stream; `version` is that of its listpacks type (1: Redis 5, 2: 7.0, 3: 7.2)."""
    stream = Stream()
    for _ in range(source.length()):
        key = source.string()
        if len(key) != 16:
            raise PersistenceError("a stream node's id is malformed")
        master = (int.from_bytes(key[:8], "big"), int.from_bytes(key[8:], "big"))
        packed = source.string()
        _read_node(stream, master, read_listpack(packed), len(packed))
    if any(one.last >= other.first for one, other in pairwise(stream.nodes)):
        raise PersistenceError("a stream's nodes are not in order")
    length = source.length()
    if length != len(stream):
        raise PersistenceError(f"a stream says {length} entries and holds {len(stream)}")
    stream.last_id = (source.length(), source.length())
    stream.added = length
    if version >= 2:
        source.length(), source.length()  # the first id: known from the entries
        stream.max_deleted_id = (source.length(), source.length())
        stream.added = source.length()
    for _ in range(source.length()):
        name = source.string()
        stream.groups[name] = _read_group(source, version)
    return stream


def _read_node(stream: Stream, master: StreamId, items: list[Element], size: int) -> None:
    feed = iter(items)

    def take() -> Element:
        for item in feed:
            return item
        raise PersistenceError("a stream node is cut off")

    def integer() -> int:
        item = take()
        if not isinstance(item, int):
            raise PersistenceError("a stream node holds a string where a number is due")
        return item

    total = integer() + integer()
    fields = [as_bytes(take()) for _ in range(integer())]
    node = Node(master, tuple(fields))
    integer()
    for _ in range(total):
        flags = integer()
        id = (master[0] + integer(), master[1] + integer())
        if flags & _SAME_FIELDS:
            entry = tuple(x for name in fields for x in (name, as_bytes(take())))
        else:
            entry = tuple(as_bytes(take()) for _ in range(2 * integer()))
        integer()
        if (node.total and not node.last < id) or not master <= id <= MAX_ID or not 0 <= id[1] <= MAX_ID[1]:
            raise PersistenceError("a stream's entries are not in order")
        node.last = id
        node.total += 1
        if not flags & _DELETED:
            node.ids.append(id)
            stream.entries[id] = entry
    node.size = size
    stream.nodes.append(node)


def _raw_id(source: Source) -> StreamId:
    return int.from_bytes(source.take(8), "big"), int.from_bytes(source.take(8), "big")


def _time(source: Source) -> int:
    return int.from_bytes(source.take(8), "little", signed=True)


def _read_group(source: Source, version: int) -> Group:
    group = Group((source.length(), source.length()))
    if version >= 2:
        read = source.length()
        group.entries_read = None if read == 2**64 - 1 else read
    waiting = {_raw_id(source): (_time(source), source.length()) for _ in range(source.length())}
    for _ in range(source.length()):
        consumer = Consumer(source.string(), _time(source))
        consumer.active_ms = _time(source) if version >= 3 else consumer.seen_ms
        group.consumers[consumer.name] = consumer
        for _ in range(source.length()):
            id = _raw_id(source)
            if id not in waiting:
                raise PersistenceError("a consumer's pending entry is not in its group's list")
            consumer.pending[id] = Pending(consumer.name, *waiting[id])
    group.pending = SortedDict(item for consumer in group.consumers.values() for item in consumer.pending.items())
    return group


def write_stream(sink: Sink, stream: Stream) -> None:
    """The form of Redis 7.0 (type STREAM_LISTPACKS_2)."""
    nodes = [node for node in stream.nodes if node.ids]
    sink.length(len(nodes))
    for node in nodes:
        sink.string(node.first[0].to_bytes(8, "big") + node.first[1].to_bytes(8, "big"))
        sink.string(write_listpack(_node_items(stream, node)))
    for number in (len(stream), *stream.last_id, *stream.first_id, *stream.max_deleted_id, stream.added):
        sink.length(number)
    sink.length(len(stream.groups))
    for name, group in sorted(stream.groups.items()):
        sink.string(name)
        _write_group(sink, group)


def _node_items(stream: Stream, node: Node) -> list[Element]:
    items: list[Element] = [len(node.ids), 0, len(node.names), *node.names, 0]
    for id in node.ids:
        entry = stream.entries[id]
        same = entry[::2] == node.names
        items += (_SAME_FIELDS if same else 0, id[0] - node.first[0], id[1] - node.first[1])
        body: tuple[Element, ...] = entry[1::2] if same else (len(entry) // 2, *entry)
        items += body
        items.append(len(body) + 3)
    return items


def _write_group(sink: Sink, group: Group) -> None:
    sink.length(group.last_id[0])
    sink.length(group.last_id[1])
    sink.length(2**64 - 1 if group.entries_read is None else group.entries_read)
    sink.length(len(group.pending))
    for id, pending in group.pending.items():
        _write_id(sink, id)
        sink += pending.delivered_ms.to_bytes(8, "little", signed=True)
        sink.length(pending.count)
    sink.length(len(group.consumers))
    for consumer in group.in_order():
        sink.string(consumer.name)
        sink += consumer.seen_ms.to_bytes(8, "little", signed=True)
        sink.length(len(consumer.pending))
        for id in consumer.pending:
            _write_id(sink, id)


def _write_id(sink: Sink, id: StreamId) -> None:
    sink += id[0].to_bytes(8, "big") + id[1].to_bytes(8, "big")
