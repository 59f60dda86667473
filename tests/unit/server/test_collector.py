"""The cycle collector: what a long full collection finds alive is put aside, and looked at again when all is quiet."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pyredisai.server.collector import BUSY_SECONDS, LONG, LONGEST, QUIET_SECONDS, SHORT, Collector

FULL = {"generation": 2}


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Ring:
    """An object in a cycle of its own."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    """The test process' own collector is left as it was."""
    yield
    gc.unfreeze()


def full_collection(collector: Collector, clock: Clock, seconds: float) -> None:
    collector.watch("start", FULL)
    clock.now += seconds
    collector.watch("stop", FULL)


def test_what_a_long_collection_leaves_is_frozen_and_a_short_one_leaves_it() -> None:
    clock = Clock()
    collector = Collector(lambda: 0, clock, clock)
    before = gc.get_freeze_count()
    full_collection(collector, clock, LONG / 2)
    collector.watch("start", {"generation": 1})
    clock.now += 1
    collector.watch("stop", {"generation": 1})
    assert gc.get_freeze_count() == before
    full_collection(collector, clock, LONG * 2)
    assert gc.get_freeze_count() > before


def test_a_frozen_cycle_goes_when_nobody_asks_for_anything() -> None:
    clock, commands = Clock(), [0]
    collector = Collector(lambda: commands[0], clock, clock)
    ring = Ring()
    gone = weakref.ref(ring)
    full_collection(collector, clock, LONG * 2)
    del ring
    gc.collect()
    assert gone() is not None
    for _ in range(3):  # busy
        clock.now += QUIET_SECONDS
        commands[0] += 1000
        collector.round()
        assert gone() is not None
    clock.now += QUIET_SECONDS / 2  # not for long enough
    collector.round()
    assert gone() is not None
    clock.now += QUIET_SECONDS
    collector.round()
    assert gone() is None


def test_a_look_at_everything_that_would_be_long_is_left_to_memory_purge() -> None:
    clock = Clock()
    collector = Collector(lambda: 0, clock, clock)
    ring = Ring()
    gone = weakref.ref(ring)
    full_collection(collector, clock, LONGEST)
    del ring
    for _ in range(3):
        clock.now += QUIET_SECONDS
        collector.round()
    assert gone() is not None
    collector.collect()
    assert gone() is None


@pytest.mark.parametrize(("frozen", "found"), [(SHORT * 0.9, True), (SHORT * 1.1, False)])
def test_a_server_that_is_never_quiet_looks_once_a_minute_where_that_is_very_short(frozen: float, found: bool) -> None:
    clock, commands = Clock(), [0]
    collector = Collector(lambda: commands[0], clock, clock)
    ring = Ring()
    gone = weakref.ref(ring)
    full_collection(collector, clock, frozen)
    del ring
    for _ in range(int(BUSY_SECONDS / QUIET_SECONDS) - 2):
        clock.now += QUIET_SECONDS
        commands[0] += 1000
        collector.round()
        assert gone() is not None
    for _ in range(5):
        clock.now += QUIET_SECONDS
        commands[0] += 1000
        collector.round()
    assert (gone() is None) == found
