"""Database: lazy expiry, statistics, events."""

from __future__ import annotations

import pytest

from pyredisai import clock
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents, Removal
from pyredisai.keyspace.expiry import active_expire_cycle

PAST, FUTURE = 1, 2**62


@pytest.fixture
def events() -> KeyspaceEvents:
    return KeyspaceEvents()


@pytest.fixture
def db(events: KeyspaceEvents) -> Database:
    return Database(0, events)


def test_set_replaces_value_and_expiry(db: Database) -> None:
    db.set(b"k", b"1")
    db.set_expiry(b"k", FUTURE)
    db.set(b"k", b"2", keep_ttl=True)
    assert db.expiry(b"k") == FUTURE
    db.set(b"k", b"3")
    assert (db.get(b"k"), db.expiry(b"k")) == (b"3", None)


@pytest.mark.parametrize("access", ["get", "lookup", "delete"])
def test_a_key_whose_time_has_come_is_gone(db: Database, events: KeyspaceEvents, access: str) -> None:
    heard: list[tuple[object, ...]] = []
    events.on_event.append(lambda *event: heard.append(event))
    db.set(b"k", b"1")
    db.set_expiry(b"k", PAST)
    assert not getattr(db, access)(b"k")
    assert not db.data
    assert not db.expires
    assert ("x", "expired", 0, b"k") in heard
    assert events.stats.expired_keys == 1


def test_expiry_is_announced_before_and_is_no_change_of_the_command(db: Database, events: KeyspaceEvents) -> None:
    order: list[str] = []
    events.on_expire.append(lambda index, key: order.append(f"expire {key in db.data}"))
    events.on_key.append(lambda index, key: order.append(f"key {key in db.data}"))
    db.data[b"k"], db.expires[b"k"] = b"1", PAST
    db.get(b"k")
    assert order == ["expire True", "key False"]
    assert events.dirty == 0


def test_keep_ttl_does_not_revive_an_expired_key(db: Database) -> None:
    db.set(b"k", b"1")
    db.set_expiry(b"k", PAST)
    db.set(b"k", b"2", keep_ttl=True)
    assert (db.get(b"k"), db.expiry(b"k")) == (b"2", None)


def test_lookup_counts_hits_and_misses(db: Database, events: KeyspaceEvents) -> None:
    db.set(b"k", b"1")
    db.lookup(b"k")
    db.lookup(b"missing")
    db.get(b"missing")
    assert (events.stats.keyspace_hits, events.stats.keyspace_misses) == (1, 1)


def test_new_keys_and_misses_are_announced(db: Database, events: KeyspaceEvents) -> None:
    heard: list[str] = []
    events.on_event.append(lambda kind, event, index, key: heard.append(kind + event))
    db.set(b"k", b"1")
    db.set(b"k", b"2")
    db.lookup(b"missing")
    assert heard == ["nnew", "mkeymiss"]


def test_access_is_noted_once_somebody_asks(db: Database) -> None:
    db.set(b"k", b"1")
    assert db.usage is None
    usage = db.track_access()
    assert usage.idle_s(b"k") == 0
    db.set(b"new", b"1")
    db.lookup(b"k")
    assert set(usage.notes) == {b"new", b"k"}
    db.delete(b"k")
    assert set(db.track_access().notes) == {b"new"}


@pytest.mark.parametrize("reason", ["server-del", "user-del", "eviction", "expire", "kept"])
def test_what_is_removed_for_a_reason_is_handed_over(db: Database, events: KeyspaceEvents, reason: Removal) -> None:
    heard: list[object] = []
    events.lazily[reason] = heard.append
    db.attend(None)
    for key, value in ((b"replaced", b"1"), (b"replaced", b"2"), (b"same", b"3"), (b"same", b"3")):
        db.set(key, value)
    for why in ("server-del", "user-del", "eviction"):
        db.set(b"k", why)
        db.delete(b"k", why)
    db.set(b"k", "expire")
    db.set_expiry(b"k", PAST)
    db.get(b"k")
    assert heard == {"server-del": [b"1", "server-del"], "kept": []}.get(reason, [reason])


def test_swapped_databases_keep_what_they_attend_to(events: KeyspaceEvents) -> None:
    one, two = Database(0, events), Database(1, events)
    one.track_access()
    one.swap(two)
    for db in (one, two):
        db.set(b"k", b"v")
    assert one.usage is None
    assert set(two.track_access().notes) == {b"k"}


def test_swap_and_flush(events: KeyspaceEvents) -> None:
    one, two = Database(0, events), Database(1, events)
    one.set(b"k", b"1")
    one.set_expiry(b"k", FUTURE)
    one.swap(two)
    assert (one.get(b"k"), two.get(b"k"), two.expiry(b"k")) == (None, b"1", FUTURE)
    assert two.flush() == 1
    assert not two.data
    assert not two.expires


def test_the_sweep_expires_what_is_due_and_nothing_else(db: Database, events: KeyspaceEvents) -> None:
    now = clock.now_ms()
    for i in range(5000):
        db.set(b"%d" % i, b"v")
        db.set_expiry(b"%d" % i, now - 1 if i % 2 else now + 60_000)
    for _ in range(5000):
        active_expire_cycle([db], now)
        if len(db.data) == 2500 and db.sweep is None:
            break
    assert len(db.data) == len(db.expires) == 2500
    assert events.stats.expired_keys == 2500


def test_the_sweep_goes_on_where_it_stopped(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyredisai.keyspace.expiry.SLICE_SECONDS", 0)
    for i in range(1000):
        db.set(b"%d" % i, b"v")
        db.set_expiry(b"%d" % i, PAST)
    left = []
    while db.data:
        active_expire_cycle([db], clock.now_ms())
        left.append(len(db.data))
    assert left == [744, 488, 232, 0]
