"""One numbered database: a dictionary of values and one of expiry times.

A value's Python type is its Redis type: `bytes` or read-only `memoryview` is a string, `deque` a list,
`dict` a hash, `set` a set; others (sorted set, stream, tensor, model, script) are classes of their own.
Containers are mutated in place, then reported with `touch`; an emptied one is deleted by its command.
"""

from __future__ import annotations

from typing import Any

from pyredisai import clock
from pyredisai.keyspace.events import KeyspaceEvents


class Database:
    """The keys of one SELECT number. All methods run on the loop."""

    __slots__ = ("data", "events", "expires", "index")

    def __init__(self, index: int, events: KeyspaceEvents) -> None:
        self.index = index
        self.events = events
        self.data: dict[bytes, Any] = {}
        self.expires: dict[bytes, int] = {}

    def get(self, key: bytes) -> Any:
        """The value of a key, or None; a key whose time has come is deleted first (lazy expiry)."""
        if self.expires and key in self.expires and self.expires[key] <= clock.now_ms():
            self.expire(key)
            return None
        return self.data.get(key)

    def set(self, key: bytes, value: Any, *, keep_ttl: bool = False) -> None:
        """Store a value under a key whatever was there; its expiry goes unless `keep_ttl`."""
        self.data[key] = value
        if self.expires and not keep_ttl:
            self.expires.pop(key, None)
        self.touch(key)

    def delete(self, key: bytes) -> bool:
        """Remove a key; False when it is not there (or has expired)."""
        if self.get(key) is None:
            return False
        del self.data[key]
        self.expires.pop(key, None)
        self.touch(key)
        return True

    def touch(self, key: bytes) -> None:
        """Report that the value of a key changed."""
        self.events.dirty += 1
        for listener in self.events.on_key:
            listener(self.index, key)

    def expire(self, key: bytes) -> None:
        """Delete a key because its time has come, and announce it."""
        del self.data[key]
        del self.expires[key]
        self.touch(key)
        self.events.notify("x", "expired", self.index, key)
