"""The watchdog: what runs too long is stopped, what has ended is left alone and may be used again."""

from __future__ import annotations

import threading

from pyredisai.backends.watchdog import Watchdog


class Handle:
    """Something that runs, until `stopped` is set."""

    def __init__(self) -> None:
        self.stopped = threading.Event()


def watchdog(timeout_ms: int = 20) -> Watchdog:
    return Watchdog(timeout_ms, lambda handle: handle.stopped.set())


def test_a_run_that_ends_in_time_leaves_its_handle_usable():
    dog, handle = watchdog(60_000), Handle()
    for _ in range(3):
        dog.watch(handle)
        assert dog.release(handle)
    assert not handle.stopped.is_set()


def test_a_run_that_takes_too_long_is_stopped_and_told():
    dog, handle = watchdog(), Handle()
    dog.watch(handle)
    assert handle.stopped.wait(30)
    assert not dog.release(handle)


def test_each_run_has_its_own_time():
    dog, slow, quick = watchdog(), Handle(), Handle()
    dog.watch(slow)
    dog.watch(quick)
    assert dog.release(quick)
    assert slow.stopped.wait(30)
    assert not quick.stopped.is_set()


def test_a_handle_that_serves_again_is_not_stopped_for_its_last_run():
    dog, handle = watchdog(60_000), Handle()
    dog.watch(handle)
    first = dog._running[handle]
    assert dog.release(handle)
    dog.watch(handle)
    dog._end(handle, first)  # the thread comes late, with what it saw before
    assert not handle.stopped.is_set()
    assert dog.release(handle)
