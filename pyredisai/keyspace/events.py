"""Who hears of a changed key: WATCH, client-side caching, keyspace notifications, the dirty count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

ExpiryMode: TypeAlias = Literal["delete", "hide", "ignore"]
KeyListener: TypeAlias = Callable[[int, bytes], None]
FlushListener: TypeAlias = Callable[[int], None]
SwapListener: TypeAlias = Callable[[int, int], None]
EventListener: TypeAlias = Callable[[str, str, int, bytes], None]
# Why a value goes: as the options are named after `lazyfree-lazy-`, or "kept" by whoever takes it out.
Removal: TypeAlias = Literal["expire", "eviction", "server-del", "user-del", "kept"]


@dataclass(slots=True)
class KeyspaceStats:
    """What INFO stats counts in the keyspace."""

    keyspace_hits: int = 0
    keyspace_misses: int = 0
    expired_keys: int = 0
    evicted_keys: int = 0


class KeyspaceEvents:
    """Shared by all databases of a server. `dirty` counts changes, as INFO's rdb_changes_since_last_save.

    `on_key(db, key)` runs after each change of a key; `on_expire(db, key)` before it when the change is
    that its time has come (then `dirty` does not count it). `on_flush(db)` runs before a database is
    emptied and `on_swap(db, db)` before two change places; neither reports single keys.
    `on_event(class, event, db, key)` is for keyspace notifications (class: one letter of
    notify-keyspace-events, such as `g`, `$`, `x`, `d` for module types).

    `expiry` is what happens to a key whose time has come: `delete` it; on a replica `hide` it (its primary will say
    when it goes) or, while the primary's own commands are applied, `ignore` that its time has come.

    `lazily` holds, for each reason for which a value is to be freed later, the function that is given the value.
    """

    __slots__ = ("dirty", "expiry", "lazily", "on_event", "on_expire", "on_flush", "on_key", "on_swap", "stats")

    def __init__(self) -> None:
        self.dirty = 0
        self.expiry: ExpiryMode = "delete"
        self.lazily: dict[Removal, Callable[[Any], None]] = {}
        self.stats = KeyspaceStats()
        self.on_key: list[KeyListener] = []
        self.on_expire: list[KeyListener] = []
        self.on_flush: list[FlushListener] = []
        self.on_swap: list[SwapListener] = []
        self.on_event: list[EventListener] = []

    def notify(self, kind: str, event: str, database: int, key: bytes) -> None:
        """Announce `event` of class `kind` on a key."""
        for listener in self.on_event:
            listener(kind, event, database, key)
