"""Who hears of a changed key: WATCH, client-side caching, keyspace notifications, the dirty count."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

KeyListener: TypeAlias = Callable[[int, bytes], None]
FlushListener: TypeAlias = Callable[[int], None]
EventListener: TypeAlias = Callable[[str, str, int, bytes], None]


class KeyspaceEvents:
    """Shared by all databases of a server. `dirty` counts changes, as INFO's rdb_changes_since_last_save.

    `on_key(db, key)` runs after each change of a key, `on_flush(db)` after a database was emptied,
    `on_event(class, event, db, key)` for keyspace notifications (class: one letter of
    notify-keyspace-events, such as `g`, `$`, `x`, `d` for module types).
    """

    __slots__ = ("dirty", "on_event", "on_flush", "on_key")

    def __init__(self) -> None:
        self.dirty = 0
        self.on_key: list[KeyListener] = []
        self.on_flush: list[FlushListener] = []
        self.on_event: list[EventListener] = []

    def notify(self, kind: str, event: str, database: int, key: bytes) -> None:
        """Announce `event` of class `kind` on a key."""
        for listener in self.on_event:
            listener(kind, event, database, key)
