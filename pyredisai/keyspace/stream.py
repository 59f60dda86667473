"""The stream: entries in the order of their ids, and the consumer groups that read them.

Entries stand in nodes, as in Redis, since approximate trimming removes whole nodes: a node is full at a number of
entries (deleted ones count) or of bytes, the size of the listpack in which Redis would keep them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeAlias

from sortedcontainers import SortedDict

from pyredisai.keyspace.types import is_int64

StreamId: TypeAlias = tuple[int, int]
Fields: TypeAlias = tuple[bytes, ...]
MAX_PART: Final = 2**64 - 1
MIN_ID: StreamId = (0, 0)
MAX_ID: StreamId = (MAX_PART, MAX_PART)

NODE_ENTRIES: Final = 100
NODE_BYTES: Final = 4096
MAX_NODE_BYTES: Final = 1 << 30
_EMPTY_NODE_BYTES: Final = 7


def next_id(id: StreamId) -> StreamId | None:
    """The id after another; None after the last one of all."""
    ms, seq = id
    if seq < MAX_PART:
        return ms, seq + 1
    return (ms + 1, 0) if ms < MAX_PART else None


def previous_id(id: StreamId) -> StreamId | None:
    """The id before another; None before the first one of all."""
    ms, seq = id
    if seq:
        return ms, seq - 1
    return (ms - 1, MAX_PART) if ms else None


def _integer_size(value: int) -> int:
    """Bytes of an integer in a listpack, with its length behind it."""
    if 0 <= value < 128:
        return 2
    if -4096 <= value < 4096:
        return 3
    if -(2**15) <= value < 2**15:
        return 4
    if -(2**23) <= value < 2**23:
        return 5
    return 6 if -(2**31) <= value < 2**31 else 10


def _element_size(text: bytes) -> int:
    """Bytes of a string in a listpack, with its length behind it; integers are kept as such."""
    length = len(text)
    if length < 21 and text[:1] < b":" and is_int64(text):
        return _integer_size(int(text))
    if length < 64:
        return length + 2
    size = length + (2 if length < 4096 else 5)
    if size < 16383:
        return size + (1 if size < 128 else 2)
    return size + (3 if size < 2097151 else 4 if size < 268435455 else 5)


@dataclass(slots=True, eq=False)
class Pending:
    """An entry that was delivered and not acknowledged. `delivered_ms` in Unix milliseconds.

    `consumer` is the name: with the consumer itself the two would be a cycle, which is not freed with its stream.
    """

    consumer: bytes
    delivered_ms: int
    count: int = 1


def _pending_list() -> Any:
    """Pending entries by id, in order of ids: `SortedDict[StreamId, Pending]`."""
    return SortedDict()


@dataclass(slots=True, eq=False)
class Consumer:
    """A reader of a group. `seen_ms`: last tried, `active_ms`: last got something (-1: never)."""

    name: bytes
    seen_ms: int
    active_ms: int = -1
    pending: Any = field(default_factory=_pending_list)


@dataclass(slots=True, eq=False)
class Group:
    """A consumer group. `entries_read` is None when the counter cannot be known.

    A pending entry is in the group's list and in its consumer's, one object in both.
    """

    last_id: StreamId
    entries_read: int | None = None
    pending: Any = field(default_factory=_pending_list)
    consumers: dict[bytes, Consumer] = field(default_factory=dict)

    def assign(self, id: StreamId, consumer: Consumer, delivered_ms: int) -> Pending:
        """Note an entry as delivered to a consumer for the first time, whosever it was."""
        known: Pending | None = self.pending.get(id)
        if known is None:
            known = self.pending[id] = Pending(consumer.name, delivered_ms)
        else:
            del self.consumers[known.consumer].pending[id]
            known.consumer, known.delivered_ms, known.count = consumer.name, delivered_ms, 1
        consumer.pending[id] = known
        return known

    def transfer(self, id: StreamId, pending: Pending, consumer: Consumer) -> None:
        """Let a pending entry, which may be a new one, belong to a consumer of the group."""
        if pending.consumer != consumer.name:
            self.consumers[pending.consumer].pending.pop(id, None)
            pending.consumer = consumer.name
        self.pending[id] = consumer.pending[id] = pending

    def acknowledge(self, id: StreamId) -> bool:
        """Forget a pending entry; False when it is not there."""
        pending: Pending | None = self.pending.pop(id, None)
        if pending is None:
            return False
        del self.consumers[pending.consumer].pending[id]
        return True

    def remove_consumer(self, consumer: Consumer) -> int:
        """Remove a consumer and what is pending for it; how much that was."""
        for id in consumer.pending:
            del self.pending[id]
        del self.consumers[consumer.name]
        return len(consumer.pending)

    def in_order(self) -> list[Consumer]:
        """The consumers, by name."""
        return [self.consumers[name] for name in sorted(self.consumers)]

    def copy(self) -> Group:
        """A group of its own."""
        made = Group(self.last_id, self.entries_read)
        for consumer in self.consumers.values():
            twin = made.consumers[consumer.name] = Consumer(consumer.name, consumer.seen_ms, consumer.active_ms)
            twin.pending.update((id, Pending(twin.name, p.delivered_ms, p.count)) for id, p in consumer.pending.items())
            made.pending.update(twin.pending)
        return made


class Node:
    """Some entries in a row. `ids`: those that are there; `total` counts deleted ones too, `last` may be one.

    `first` is the id that the node is found by, `names` the fields of its first entry: entries with the same
    fields take less. `size` in bytes.
    """

    __slots__ = ("first", "ids", "last", "names", "size", "total")

    def __init__(self, first: StreamId, names: Fields) -> None:
        self.first = self.last = first
        self.names = names
        self.ids: list[StreamId] = []
        self.total = 0
        self.size = _EMPTY_NODE_BYTES + 6 + _integer_size(len(names)) + sum(map(_element_size, names))

    def add(self, id: StreamId, fields: Fields) -> None:
        """Put an entry at the end."""
        names, values = fields[::2], fields[1::2]
        size = 2 + _integer_size(id[0] - self.first[0]) + _integer_size(id[1] - self.first[1])
        size += sum(map(_element_size, values))
        count = len(values) + 3
        if names != self.names:
            size += _integer_size(len(names)) + sum(map(_element_size, names))
            count += len(names) + 1
        self.size += size + _integer_size(count)
        self.ids.append(id)
        self.last = id
        self.total += 1

    def copy(self) -> Node:
        """A node of its own."""
        made = Node(self.first, self.names)
        made.ids, made.last, made.total, made.size = self.ids.copy(), self.last, self.total, self.size
        return made


class Stream:
    """Entries: id to a flat tuple of fields and values. Ids only grow; deletions leave holes."""

    __slots__ = ("added", "entries", "groups", "last_id", "max_deleted_id", "nodes")

    redis_type: ClassVar[str] = "stream"
    encoding: ClassVar[str] = "stream"

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.entries: dict[StreamId, Fields] = {}
        self.last_id: StreamId = MIN_ID
        self.max_deleted_id: StreamId = MIN_ID
        self.added = 0
        self.groups: dict[bytes, Group] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[tuple[bytes, ...]]:
        return iter(self.entries.values())

    def __contains__(self, id: StreamId) -> bool:
        return id in self.entries

    def __bool__(self) -> bool:
        """A stream stays when it is empty."""
        return True

    def copy(self) -> Stream:
        """A stream of its own with the same entries and groups."""
        made = Stream()
        made.nodes = [node.copy() for node in self.nodes]
        made.entries = self.entries.copy()
        made.last_id, made.max_deleted_id, made.added = self.last_id, self.max_deleted_id, self.added
        made.groups = {name: group.copy() for name, group in self.groups.items()}
        return made

    def parts(self) -> list[Any]:
        """The containers it is made of, for one who frees it piece by piece."""
        return [self.nodes, self.entries, self.groups]

    @property
    def ids(self) -> list[StreamId]:
        """All ids, in order."""
        return [id for node in self.nodes for id in node.ids]

    @property
    def first_id(self) -> StreamId:
        """The id of the first entry; 0-0 without entries."""
        return next((node.ids[0] for node in self.nodes if node.ids), MIN_ID)

    @property
    def top_id(self) -> StreamId:
        """The id of the last entry that is there; 0-0 without entries."""
        return next((node.ids[-1] for node in reversed(self.nodes) if node.ids), MIN_ID)

    def append(
        self, id: StreamId, fields: Fields, max_bytes: int = NODE_BYTES, max_entries: int = NODE_ENTRIES
    ) -> None:
        """Add an entry; its id is above `last_id` (the command has checked).

        A node is full at either limit (0: none).
        """
        node = self.nodes[-1] if self.nodes else None
        if (
            node is None
            or node.size + sum(map(len, fields)) >= (max_bytes or MAX_NODE_BYTES)
            or (max_entries and node.total >= max_entries)
        ):
            node = Node(id, fields[::2])
            self.nodes.append(node)
        node.add(id, fields)
        self.entries[id] = fields
        self.last_id = id
        self.added += 1

    def delete(self, id: StreamId) -> bool:
        """Delete an entry; False when it is not there."""
        if self.entries.pop(id, None) is None:
            return False
        at = bisect_right(self.nodes, id, key=lambda node: node.first) - 1
        ids = self.nodes[at].ids
        if len(ids) == 1:
            del self.nodes[at]
        else:
            del ids[bisect_left(ids, id)]
        self.max_deleted_id = max(self.max_deleted_id, id)
        return True

    def trim_length(self, length: int, *, whole_nodes: bool = False, limit: int = 0) -> int:
        """Delete the oldest entries until `length` are left; how many went.

        `whole_nodes`: only as far as nodes can be removed as a whole. `limit` ends it before the node with which
        more entries would go (0: no limit).
        """
        removed = passed = 0
        for node in self.nodes:
            size = len(node.ids)
            excess = len(self) - removed - length
            if excess <= 0 or (limit and removed + size > limit):
                break
            if size > excess:
                if not whole_nodes:
                    removed += self._trim_node(node, excess)
                break
            removed += size
            passed += 1
        return self._remove_nodes(passed, removed)

    def trim_before(self, id: StreamId, *, whole_nodes: bool = False, limit: int = 0) -> int:
        """Delete the entries below an id; how many went. Otherwise as `trim_length`."""
        removed = passed = 0
        for node in self.nodes:
            size = len(node.ids)
            if limit and removed + size > limit:
                break
            if node.last >= id:
                if not whole_nodes:
                    removed += self._trim_node(node, bisect_left(node.ids, id))
                break
            removed += size
            passed += 1
        return self._remove_nodes(passed, removed)

    def _trim_node(self, node: Node, count: int) -> int:
        for gone in node.ids[:count]:
            del self.entries[gone]
        del node.ids[:count]
        return count

    def _remove_nodes(self, count: int, removed: int) -> int:
        for node in self.nodes[:count]:
            for id in node.ids:
                del self.entries[id]
        del self.nodes[:count]
        return removed

    def range(self, first: StreamId, last: StreamId, *, count: int = 0, backwards: bool = False) -> list[StreamId]:
        """The ids from `first` to `last`, both included; `count` at most (0: all), from the end when `backwards`."""
        found: list[StreamId] = []
        nodes = self.nodes
        start = max(bisect_right(nodes, first, key=lambda node: node.first) - 1, 0)
        stop = bisect_right(nodes, last, key=lambda node: node.first)
        for at in reversed(range(start, stop)) if backwards else range(start, stop):
            ids = nodes[at].ids
            ids = ids[bisect_left(ids, first) : bisect_right(ids, last)]
            if backwards:
                ids.reverse()
            found += ids
            if count and len(found) >= count:
                del found[count:]
                break
        return found

    def has_holes(self, start: StreamId) -> bool:
        """Whether an entry from `start` on may have been deleted."""
        return bool(self.entries) and self.max_deleted_id != MIN_ID and start <= self.max_deleted_id

    def entries_before(self, id: StreamId) -> int | None:
        """How many entries ever were added up to an id, itself included; None where that cannot be told."""
        if not self.added:
            return 0
        if not self.entries and id <= self.last_id:
            return self.added
        if id == self.last_id:
            return self.added
        if id > self.last_id:
            return None
        first = self.first_id
        if (self.max_deleted_id == MIN_ID or self.max_deleted_id < first) and id <= first:
            return self.added - len(self) + (id == first)
        return None

    def lag(self, group: Group) -> int | None:
        """How many entries a group has still to read; None where that cannot be told."""
        if not self.added:
            return 0
        read = group.entries_read
        if read is None or self.has_holes(group.last_id):
            read = self.entries_before(group.last_id)
        return None if read is None else self.added - read

    def deliver(self, group: Group, id: StreamId) -> None:
        """Move a group's position to an entry that it is about to read."""
        if id <= group.last_id:
            return
        if group.entries_read is not None and not self.has_holes(id):
            group.entries_read += 1
        elif self.added:
            group.entries_read = self.entries_before(id)
        group.last_id = id
