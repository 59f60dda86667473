"""The stream: entries in the order of their ids, and the consumer groups that read them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

StreamId: TypeAlias = tuple[int, int]
MIN_ID: StreamId = (0, 0)
MAX_ID: StreamId = (2**64 - 1, 2**64 - 1)


@dataclass(slots=True, eq=False)
class Pending:
    """An entry that was delivered and not acknowledged. `delivered_ms` in Unix milliseconds."""

    consumer: Consumer
    delivered_ms: int
    count: int = 1


@dataclass(slots=True, eq=False)
class Consumer:
    """A reader of a group. `seen_ms`: last tried, `active_ms`: last got something (-1: never)."""

    name: bytes
    seen_ms: int
    active_ms: int = -1
    pending: dict[StreamId, Pending] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Group:
    """A consumer group. `entries_read` is None when the counter cannot be known."""

    last_id: StreamId
    entries_read: int | None = None
    pending: dict[StreamId, Pending] = field(default_factory=dict)
    consumers: dict[bytes, Consumer] = field(default_factory=dict)


class Stream:
    """Entries: id to a flat tuple of fields and values. Ids only grow; deletions leave holes."""

    __slots__ = ("added", "entries", "groups", "ids", "last_id", "max_deleted_id")

    redis_type: ClassVar[str] = "stream"

    def __init__(self) -> None:
        self.ids: list[StreamId] = []
        self.entries: dict[StreamId, tuple[bytes, ...]] = {}
        self.last_id: StreamId = MIN_ID
        self.max_deleted_id: StreamId = MIN_ID
        self.added = 0
        self.groups: dict[bytes, Group] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def append(self, id: StreamId, fields: tuple[bytes, ...]) -> None:
        """Add an entry; its id is above `last_id` (the command has checked)."""
        self.ids.append(id)
        self.entries[id] = fields
        self.last_id = id
        self.added += 1

    def delete(self, id: StreamId) -> bool:
        """Delete an entry; False when it is not there."""
        if self.entries.pop(id, None) is None:
            return False
        del self.ids[bisect_left(self.ids, id)]
        self.max_deleted_id = max(self.max_deleted_id, id)
        return True

    def trim_first(self, count: int) -> None:
        """Delete the `count` oldest entries."""
        gone = self.ids[:count]
        del self.ids[:count]
        for id in gone:
            del self.entries[id]
        if gone:
            self.max_deleted_id = max(self.max_deleted_id, gone[-1])

    def range(self, first: StreamId, last: StreamId) -> list[StreamId]:
        """The ids from `first` to `last`, both included."""
        return self.ids[bisect_left(self.ids, first) : bisect_right(self.ids, last)]
