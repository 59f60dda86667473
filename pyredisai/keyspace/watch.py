"""WATCH: which clients an altered key makes fail their EXEC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pyredisai.keyspace.database import Database


class Watcher(Protocol):
    """A client as WATCH sees it: what it watches, and whether one of them was touched."""

    watched: set[tuple[int, bytes]]
    dirty_watch: bool


class WatchTable:
    """Watched keys of all databases. It listens to the keyspace only while somebody watches."""

    def __init__(self, databases: Sequence[Database]) -> None:
        self._databases = databases
        self._watchers: dict[tuple[int, bytes], set[Watcher]] = {}

    def watch(self, client: Watcher, database: int, key: bytes) -> None:
        """Let `client` watch a key; one that is due is expired first, so it counts as absent."""
        place = (database, key)
        if place in client.watched:
            return
        self._databases[database].peek(key)
        if not self._watchers:
            self._listen()
        client.watched.add(place)
        self._watchers.setdefault(place, set()).add(client)

    def forget(self, client: Watcher) -> None:
        """UNWATCH: the client watches nothing, and nothing has been touched."""
        for place in client.watched:
            watchers = self._watchers[place]
            watchers.discard(client)
            if not watchers:
                del self._watchers[place]
        if client.watched and not self._watchers:
            self._unlisten()
        client.watched.clear()
        client.dirty_watch = False

    def expire_due(self, client: Watcher) -> None:
        """Expire the watched keys whose time has come; that touches them like any other change."""
        for database, key in client.watched:
            self._databases[database].peek(key)

    def _listen(self) -> None:
        events = self._databases[0].events
        events.on_key.append(self._touched)
        events.on_flush.append(self._flushed)
        events.on_swap.append(self._swapped)

    def _unlisten(self) -> None:
        events = self._databases[0].events
        events.on_key.remove(self._touched)
        events.on_flush.remove(self._flushed)
        events.on_swap.remove(self._swapped)

    def _touched(self, database: int, key: bytes) -> None:
        for client in self._watchers.get((database, key), ()):
            client.dirty_watch = True

    def _flushed(self, database: int) -> None:
        data = self._databases[database].data
        for (index, key), clients in self._watchers.items():
            if index == database and key in data:
                for client in clients:
                    client.dirty_watch = True

    def _swapped(self, first: int, second: int) -> None:
        one, two = self._databases[first].data, self._databases[second].data
        for (index, key), clients in self._watchers.items():
            if index in (first, second) and (key in one or key in two):
                for client in clients:
                    client.dirty_watch = True
