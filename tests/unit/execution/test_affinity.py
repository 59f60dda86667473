"""Lists of CPUs, and work that keeps to its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from pyredisai.execution.affinity import SUPPORTED, Bound, bind, parse_cpu_list


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0", {0}),
        ("0,2-3", {0, 2, 3}),
        ("0-0", {0}),
        ("1-10:2", {1, 3, 5, 7, 9}),
        ("7,1-3, 9", {1, 2, 3, 7, 9}),
        ("", None),
        ("3-1", None),
        ("0-3:0", None),
        ("a", None),
        ("1-", None),
        ("1,", None),
        ("1:2", None),
        ("-1", None),
    ],
)
def test_lists(text: str, cpus: set[int] | None) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.skipif(not SUPPORTED, reason="the system has no affinity of threads")
def test_work_keeps_to_its_cpus_and_the_thread_gets_its_own_back() -> None:
    def run(function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        done(function())

    before = os.sched_getaffinity(0)
    way, seen = Bound(run), list[set[int]]()
    way(lambda: os.sched_getaffinity(0), seen.append)
    way.cpus = frozenset({min(before)})
    way(lambda: os.sched_getaffinity(0), seen.append)
    assert seen == [before, {min(before)}]
    assert os.sched_getaffinity(0) == before
    assert not bind(frozenset({1023}))
    assert bind(None)
