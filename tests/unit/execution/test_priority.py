"""Threads beside the main one may be nice; the main one stays as it is."""

from __future__ import annotations

import os
import threading

import pytest

from pyredisai.execution import priority
from pyredisai.execution.background import BackgroundPool
from pyredisai.execution.priority import be_nice

pytestmark = pytest.mark.skipif(not priority.SUPPORTED, reason="threads have no niceness of their own here")


def niceness() -> int:
    """Of the calling thread."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def in_a_thread(*added: int) -> int:
    found: list[int] = []

    def work() -> None:
        for each in added:
            be_nice(each)
        found.append(niceness())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found[0]


def test_it_is_added_to_what_there_is_up_to_the_most() -> None:
    before = niceness()
    assert in_a_thread(0) == before
    assert in_a_thread(3) == min(before + 3, 19)
    assert in_a_thread(3, 4) == min(before + 7, 19)
    assert in_a_thread(19, 19, 19) == 19
    assert niceness() == before


def test_the_pool_of_helpers_begins_its_threads_so() -> None:
    pool, found, told = BackgroundPool(begin=lambda: be_nice(5)), [0], threading.Event()

    def work() -> None:
        found[0] = niceness()
        told.set()

    pool.run(work)
    assert told.wait(10)
    pool.close()
    assert found == [min(niceness() + 5, 19)]
