"""WATCH: which changes make a client's EXEC fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.watch import WatchTable


class Client:
    def __init__(self) -> None:
        self.watched: set[tuple[int, bytes]] = set()
        self.dirty_watch = False


@pytest.fixture
def databases() -> list[Database]:
    events = KeyspaceEvents()
    return [Database(i, events) for i in range(3)]


@pytest.mark.parametrize(
    ("there", "change", "touched"),
    [
        (True, lambda dbs: dbs[0].set(b"k", b"2"), True),
        (True, lambda dbs: dbs[0].touch(b"k"), True),
        (True, lambda dbs: dbs[0].delete(b"k"), True),
        (True, lambda dbs: dbs[0].set(b"other", b"2"), False),
        (True, lambda dbs: dbs[1].set(b"k", b"2"), False),
        (True, lambda dbs: dbs[0].flush(), True),
        (False, lambda dbs: dbs[0].flush(), False),
        (True, lambda dbs: dbs[1].flush(), False),
        (True, lambda dbs: dbs[0].swap(dbs[1]), True),
        (True, lambda dbs: dbs[1].swap(dbs[2]), False),
        (False, lambda dbs: dbs[0].swap(dbs[1]), False),
    ],
)
def test_touch(
    databases: list[Database], there: bool, change: Callable[[list[Database]], object], touched: bool
) -> None:
    if there:
        databases[0].set(b"k", b"1")
    table, client = WatchTable(databases), Client()
    table.watch(client, 0, b"k")
    change(databases)
    assert client.dirty_watch is touched


def test_a_key_that_expires_while_it_is_watched_is_touched(databases: list[Database]) -> None:
    table, early, late = WatchTable(databases), Client(), Client()
    databases[0].set(b"k", b"1")
    table.watch(early, 0, b"k")
    databases[0].set_expiry(b"k", 1)
    table.watch(late, 0, b"k")
    table.expire_due(early)
    assert early.dirty_watch
    assert not late.dirty_watch, "it was due already when WATCH came"


def test_nothing_listens_when_nobody_watches(databases: list[Database]) -> None:
    table, client = WatchTable(databases), Client()
    events = databases[0].events
    table.watch(client, 0, b"k")
    table.watch(client, 0, b"k")
    assert events.on_key
    databases[0].set(b"k", b"1")
    table.forget(client)
    assert [events.on_key, events.on_flush, events.on_swap] == [[], [], []]
    assert not client.dirty_watch
    assert not client.watched
