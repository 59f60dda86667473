"""Files keep the use of keys, whichever way a key is written and read; a server that notes none reads over it."""

from __future__ import annotations

import io
import random
from collections import deque
from typing import Any, BinaryIO, cast

import pytest

from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.usage import Frequencies, FrequencyScale, IdleTimes, Usage
from pyredisai.persistence.loading import load_in_slices
from pyredisai.persistence.rdb import file
from pyredisai.persistence.rdb.reader import Key, records
from pyredisai.persistence.snapshot import Pictures

IDLE_S = (0, 1, 63, 64, 16_383, 16_384, 2**31)
VALUES: tuple[Any, ...] = (
    b"word",
    b"12345",
    b"",
    b"a text that is longer, and is compressed " * 9,
    bytes(range(256)) * 100,
    {b"field": b"value"},
    {b"%d" % number: b"x" * 70 for number in range(100)},
    {b"1", b"2"},
    deque((b"one", b"two")),
)


@pytest.fixture(autouse=True)
def _standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyredisai.keyspace.usage.time.monotonic", lambda: 1000.5)


def frequencies() -> Frequencies:
    return Frequencies(FrequencyScale(10, 0))


def idle_times() -> IdleTimes:
    return IdleTimes(stored=True)


def database(usage: Usage | None) -> Database:
    made = Database(0, KeyspaceEvents())
    made.attend(usage)
    return made


def filled(usage: Usage, count: int) -> Database:
    """Keys of every length and kind, with and without expiry, one after the other in any order."""
    chance = random.Random(count)
    db = database(usage)
    for number in range(count):
        key = (b"key %d" % number).ljust(chance.choice((1, 1, 1, 30, 63, 64, 100)), b".")
        db.set(key, chance.choice(VALUES))
        if not chance.randrange(4):
            db.set_expiry(key, 2**50 + number)
        usage.restore(key, chance.choice(IDLE_S), chance.randrange(256))
    return db


def written(db: Database) -> bytes:
    target = io.BytesIO()
    file.write(cast(BinaryIO, target), Pictures([db], lambda *_: None).live(), file.WriteOptions())
    return target.getvalue()


@pytest.mark.parametrize("make", [frequencies, idle_times])
@pytest.mark.parametrize("count", [1, 2, 50, 3000])
def test_what_was_noted_comes_back(make: type[Usage], count: int) -> None:
    usage = make()
    db = filled(usage, count)
    data = written(db)
    for other in (frequencies(), idle_times(), None):
        loaded = database(other)
        for _ in load_in_slices(data, [loaded], lambda value: value):
            pass
        assert loaded.data == db.data
        assert loaded.expires == db.expires
        if type(other) is type(usage):
            assert {key: other.order(key) for key in db.data} == {key: usage.order(key) for key in db.data}
        elif other is not None:
            assert not other.notes
    told = [key for key in records(data, usage=lambda index: None) if isinstance(key, Key)]
    for key in told:
        assert (key.frequency if make is frequencies else key.idle_s) is not None
    assert all(key.idle_s is key.frequency is None for key in records(data) if isinstance(key, Key))


def test_no_policy_no_record() -> None:
    """Idle times that only OBJECT IDLETIME asked for stay out of the file."""
    db = database(None)
    db.set(b"key", b"value")
    db.track_access()
    (told,) = (key for key in records(written(db), usage=lambda index: None) if isinstance(key, Key))
    assert told.idle_s is told.frequency is None
