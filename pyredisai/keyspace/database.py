"""One numbered database: a dictionary of values and one of expiry times.

A value's Python type is its Redis type: `bytes` or read-only `memoryview` is a string, `deque` a list,
`dict` a hash, `set` a set; others (sorted set, stream, tensor, model, script) are classes of their own.
Containers are mutated in place, then reported with `touch`; an emptied one is deleted by its command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeAlias

from pyredisai import clock
from pyredisai.keyspace.events import KeyspaceEvents

Discard: TypeAlias = Callable[[int, list[MutableMapping[bytes, Any]]], None]


class Database:
    """The keys of one SELECT number. All methods run on the loop.

    `accessed` holds when (monotonic seconds) each key was last used, from the moment at which
    somebody asked for it (`track_access`); None until then, and free of cost. `sweep` is where the
    active expiry stands. `data` and `expires` are plain dictionaries, except while a picture of the keys is
    in use and for a little longer (`keyspace.layered`).
    """

    __slots__ = ("accessed", "data", "events", "expires", "index", "sweep")

    def __init__(self, index: int, events: KeyspaceEvents) -> None:
        self.index = index
        self.events = events
        self.data: MutableMapping[bytes, Any] = {}
        self.expires: MutableMapping[bytes, int] = {}
        self.accessed: dict[bytes, int] | None = None
        self.sweep: Iterator[bytes] | None = None

    def get(self, key: bytes) -> Any:
        """The value of a key, or None; a key whose time has come is deleted first (lazy expiry)."""
        if self.expires and key in self.expires and self.expires[key] <= clock.now_ms() and self.expire(key):
            return None
        return self.data.get(key)

    def lookup(self, key: bytes) -> Any:
        """`get` for commands that read: counts a hit or a miss, and notes the access."""
        value = self.data.get(key)
        if value is None or (
            self.expires and key in self.expires and self.expires[key] <= clock.now_ms() and self.expire(key)
        ):
            events = self.events
            events.stats.keyspace_misses += 1
            if events.on_event:
                events.notify("m", "keymiss", self.index, key)
            return None
        self.events.stats.keyspace_hits += 1
        if self.accessed is not None:
            self.accessed[key] = int(time.monotonic())
        return value

    def set(self, key: bytes, value: Any, *, keep_ttl: bool = False) -> None:
        """Store a value under a key whatever was there; its expiry goes unless `keep_ttl`."""
        events = self.events
        if self.expires and key in self.expires:
            gone = self.expires[key] <= clock.now_ms() and self.expire(key)
            if gone or not keep_ttl:
                self.expires.pop(key, None)
        if events.on_event and key not in self.data:
            events.notify("n", "new", self.index, key)
        self.data[key] = value
        events.dirty += 1
        if events.on_key:
            for listener in events.on_key:
                listener(self.index, key)
        if self.accessed is not None:
            self.accessed[key] = int(time.monotonic())

    def delete(self, key: bytes) -> bool:
        """Remove a key; False when it is not there (or has expired)."""
        if self.get(key) is None:
            return False
        self._remove(key)
        self.touch(key)
        return True

    def touch(self, key: bytes) -> None:
        """Report that the value of a key changed."""
        self.events.dirty += 1
        for listener in self.events.on_key:
            listener(self.index, key)

    def notify(self, kind: str, event: str, key: bytes) -> None:
        """Announce a keyspace event on a key of this database."""
        if self.events.on_event:
            self.events.notify(kind, event, self.index, key)

    def expire(self, key: bytes) -> bool:
        """The time of a key has come: whether it counts as gone. On a primary it is deleted, and that announced."""
        events = self.events
        if events.expiry != "delete":
            return events.expiry == "hide"
        for listener in events.on_expire:
            listener(self.index, key)
        self._remove(key)
        events.stats.expired_keys += 1
        for listener in events.on_key:
            listener(self.index, key)
        events.notify("x", "expired", self.index, key)
        return True

    def is_past(self, when_ms: int) -> bool:
        """Whether a key that is given this expiry is to be deleted at once; a replica leaves that to its primary."""
        return when_ms <= clock.now_ms() and self.events.expiry == "delete"

    def expiry(self, key: bytes) -> int | None:
        """When the key expires, in Unix milliseconds; None without expiry."""
        return self.expires.get(key)

    def set_expiry(self, key: bytes, when_ms: int) -> None:
        """Let an existing key expire at `when_ms` (Unix milliseconds)."""
        self.expires[key] = when_ms

    def persist(self, key: bytes) -> bool:
        """Take the expiry of a key away; False when it had none."""
        return self.expires.pop(key, None) is not None

    def flush(self, discard: Discard | None = None) -> int:
        """Remove all keys; how many there were. `discard(count, dictionaries)` frees them, else they are freed now."""
        count = len(self.data)
        for listener in self.events.on_flush:
            listener(self.index)
        self.sweep = None
        if discard is not None:
            accessed = self.accessed
            discard(count, [self.data, self.expires] if accessed is None else [self.data, self.expires, accessed])
            self.data, self.expires, self.accessed = {}, {}, None if accessed is None else {}
        elif type(self.data) is dict and type(self.expires) is dict:
            self.data.clear()
            self.expires.clear()
        else:  # a picture may be reading what lies under the layer
            self.data, self.expires = {}, {}
        if self.accessed is not None:
            self.accessed.clear()
        self.events.dirty += count
        return count

    def swap(self, other: Database) -> None:
        """Exchange the contents with another database (SWAPDB)."""
        for listener in self.events.on_swap:
            listener(self.index, other.index)
        self.data, other.data = other.data, self.data
        self.expires, other.expires = other.expires, self.expires
        self.accessed, other.accessed = other.accessed, self.accessed
        self.events.dirty += 1

    def track_access(self) -> dict[bytes, int]:
        """Note from now on when each key is used; keys that were there count as used now."""
        if self.accessed is None:
            self.accessed = dict.fromkeys(self.data, int(time.monotonic()))
        return self.accessed

    def _remove(self, key: bytes) -> None:
        del self.data[key]
        self.expires.pop(key, None)
        if self.accessed is not None:
            self.accessed.pop(key, None)
