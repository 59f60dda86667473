"""The use of keys: counters that rise by chance and fall with time, times of the last use."""

from __future__ import annotations

import pytest

from pyredisai import clock
from pyredisai.keyspace import usage as module
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.usage import Frequencies, FrequencyScale, IdleTimes

MINUTE_MS = 60_000


class Time:
    """The wall clock, stopped in the middle of a minute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.minutes = 1000.5
        monkeypatch.setattr(clock, "now_ms", lambda: int(self.minutes * MINUTE_MS))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.mark.parametrize("factor", [0, 1, 10, 100])
def test_a_counter_rises_with_the_probability_that_redis_documents(
    time: Time, monkeypatch: pytest.MonkeyPatch, factor: int
) -> None:
    drawn = 0.0
    monkeypatch.setattr(module.random, "random", lambda: drawn)
    counts = Frequencies(FrequencyScale(factor, 1))
    for counter in range(256):
        probability = min(1.0, 1 / (max(0, counter - 5) * factor + 1))
        for drawn in (0.0, probability * 0.999, min(probability * 1.001, 0.999_999), 0.999_999):
            counts.restore(b"k", None, counter)
            counts.use(b"k")
            rises = counter < 255 and drawn < probability
            assert counts.order(b"k") == counter + rises, (counter, drawn)


@pytest.mark.parametrize(
    ("decay", "passed", "left"),
    [(1, 0.4, 10), (1, 0.6, 9), (1, 3, 7), (1, 100, 0), (3, 2, 10), (3, 7, 8), (0, 1000, 10), (1, -5, 10)],
)
def test_a_counter_falls_by_the_minute(time: Time, decay: int, passed: float, left: int) -> None:
    counts = Frequencies(FrequencyScale(10, decay))
    counts.restore(b"k", None, 10)
    time.minutes += passed
    counts.tick()
    assert counts.order(b"k") == left
    counts.use(b"k")
    assert left <= counts.order(b"k") <= left + 1


def test_a_key_begins_with_five_and_one_without_a_note_as_if_it_had_come_then(time: Time) -> None:
    db = Database(0, KeyspaceEvents())
    db.set(b"old", b"1")
    db.attend(counts := Frequencies(FrequencyScale(0, 1)))
    time.minutes += 2
    counts.tick()
    db.set(b"new", b"1")
    assert (counts.order(b"old"), counts.order(b"new")) == (3, 5)
    db.get(b"old")
    db.get(b"none")
    db.set(b"new", b"2")
    db.peek(b"new")
    db.lookup(b"new", use=False)
    db.set(b"new", b"3", keep_ttl=True)
    assert (counts.order(b"old"), counts.order(b"new")) == (4, 6)
    db.delete(b"old")
    assert set(counts.notes) == {b"new"}
    db.flush()
    assert isinstance(db.usage, Frequencies)
    assert not db.usage.notes
    assert counts.notes, "who reads a picture still has them"


def test_the_use_goes_with_the_value(time: Time) -> None:
    events = KeyspaceEvents()
    one, two = Database(0, events), Database(1, events)
    for db in (one, two):
        db.attend(Frequencies(FrequencyScale(0, 1)))
    one.set(b"k", b"v")
    one.get(b"k")
    two.set(b"n", b"v")
    one.hand_over_usage(b"k", two, b"n")
    assert two.usage is not None
    assert two.usage.order(b"n") == 6


def test_idle_times() -> None:
    times = IdleTimes()
    assert times.idle_s(b"unknown") in (0, 1)
    times.restore(b"k", 100, 7)
    assert times.idle_s(b"k") in (100, 101)
    times.restore(b"k", None, 7)
    assert times.idle_s(b"k") in (100, 101)
    times.use(b"k")
    assert times.idle_s(b"k") in (0, 1)
