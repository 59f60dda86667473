"""One numbered database: a dictionary of values and one of expiry times.

A value's Python type is its Redis type: `bytes` or read-only `memoryview` is a string, `deque` a list,
`dict` a hash, `set` a set; others (sorted set, stream, tensor, model, script) are classes of their own.
Containers are mutated in place, then reported with `touch`; an emptied one is deleted by its command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, TypeAlias

from pyredisai import clock
from pyredisai.keyspace.events import KeyspaceEvents, Removal
from pyredisai.keyspace.usage import IdleTimes, Usage

Discard: TypeAlias = Callable[[int, list[MutableMapping[bytes, Any]]], None]


class Database:
    """The keys of one SELECT number. All methods run on the loop.

    `usage` is what is noted of the use of keys while somebody wants that (`attend`); None until then, and free of
    cost. `sweep` is where the active expiry stands. `data` and `expires` are plain dictionaries, except while a
    picture of the keys is in use and for a little longer (`keyspace.layered`).
    """

    __slots__ = ("_attentive", "data", "events", "expires", "index", "sweep", "usage")

    def __init__(self, index: int, events: KeyspaceEvents) -> None:
        self.index = index
        self.events = events
        self.data: MutableMapping[bytes, Any] = {}
        self.expires: MutableMapping[bytes, int] = {}
        self.usage: Usage | None = None
        self.sweep: Iterator[bytes] | None = None
        self._attentive = False

    def get(self, key: bytes) -> Any:
        """The value of a key, or None, for its use; a key whose time has come is deleted first (lazy expiry)."""
        if self.expires and key in self.expires and self.expires[key] <= clock.now_ms() and self.expire(key):
            return None
        value = self.data.get(key)
        if self.usage is not None and value is not None:
            self.usage.use(key)
        return value

    def peek(self, key: bytes) -> Any:
        """`get` for those who look at a key without using it."""
        if self.expires and key in self.expires and self.expires[key] <= clock.now_ms() and self.expire(key):
            return None
        return self.data.get(key)

    def lookup(self, key: bytes, *, use: bool = True) -> Any:
        """`get` for commands that read, without `use` `peek`: counts a hit or a miss."""
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
        if self.usage is not None and use:
            self.usage.use(key)
        return value

    def set(self, key: bytes, value: Any, *, keep_ttl: bool = False) -> None:
        """Store a value under a key whatever was there; its expiry goes unless `keep_ttl`.

        The value that was there counts as used, unless with `keep_ttl`: whoever edits it has looked it up before.
        """
        events = self.events
        if self.expires and key in self.expires:
            gone = self.expires[key] <= clock.now_ms() and self.expire(key)
            if gone or not keep_ttl:
                self.expires.pop(key, None)
        if events.on_event and key not in self.data:
            events.notify("n", "new", self.index, key)
        if self._attentive:
            self._replace(key, value, keep_ttl)
        self.data[key] = value
        events.dirty += 1
        if events.on_key:
            for listener in events.on_key:
                listener(self.index, key)

    def delete(self, key: bytes, reason: Removal = "server-del") -> bool:
        """Remove a key; False when it is not there (or has expired)."""
        if self.peek(key) is None:
            return False
        self._remove(key, reason)
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
        self._remove(key, "expire")
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
        usage = self.usage
        if usage is not None:
            self.usage = usage.emptied()
        if discard is not None:
            discard(count, [self.data, self.expires] if usage is None else [self.data, self.expires, usage.notes])
            self.data, self.expires = {}, {}
        elif type(self.data) is dict and type(self.expires) is dict:
            self.data.clear()
            self.expires.clear()
        else:  # a picture may be reading what lies under the layer
            self.data, self.expires = {}, {}
        self.events.dirty += count
        return count

    def swap(self, other: Database) -> None:
        """Exchange the contents with another database (SWAPDB)."""
        for listener in self.events.on_swap:
            listener(self.index, other.index)
        self.data, other.data = other.data, self.data
        self.expires, other.expires = other.expires, self.expires
        self.usage, other.usage = other.usage, self.usage
        self._attentive, other._attentive = other._attentive, self._attentive
        self.events.dirty += 1

    def attend(self, usage: Usage | None) -> None:
        """Note the use of keys there from now on. Called again when reasons have come to or left `events.lazily`."""
        self.usage = usage
        self._attentive = usage is not None or "server-del" in self.events.lazily

    def track_access(self) -> IdleTimes:
        """Note from now on when each key is used; keys that were there count as used now."""
        usage = self.usage
        if not isinstance(usage, IdleTimes):
            usage = IdleTimes()
            self.attend(usage)
        return usage

    def hand_over_usage(self, key: bytes, target: Database, name: bytes) -> None:
        """The value of `key` has been stored as `name` of `target` too, where its use so far is to count."""
        if self.usage is not None and target.usage is not None and key in self.usage.notes:
            target.usage.notes[name] = self.usage.notes[key]

    def _replace(self, key: bytes, value: Any, edited: bool) -> None:
        """Note that a value comes, and who frees the one that goes."""
        old = self.data.get(key)
        lazily = self.events.lazily
        if lazily and old is not None and old is not value and "server-del" in lazily:
            lazily["server-del"](old)
        usage = self.usage
        if usage is not None:
            if old is None:
                usage.add(key)
            elif not edited:
                usage.use(key)

    def _remove(self, key: bytes, reason: Removal) -> None:
        lazily = self.events.lazily
        if lazily and reason in lazily:
            lazily[reason](self.data[key])
        del self.data[key]
        self.expires.pop(key, None)
        if self.usage is not None:
            self.usage.notes.pop(key, None)
