"""SCAN's guarantee: what is there all the time is returned, however much changes meanwhile."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.keyspace import scanning
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.scanning import Scanner, pop_random


@given(
    stable=st.sets(st.binary(max_size=4), max_size=60),
    passing=st.lists(st.binary(min_size=5, max_size=6), max_size=60),
    count=st.integers(1, 20),
    forgetful=st.booleans(),
)
def test_elements_that_stay_are_returned(stable: set[bytes], passing: list[bytes], count: int, forgetful: bool) -> None:
    events = KeyspaceEvents()
    scanner = Scanner(events)
    container = set(stable)
    seen: list[bytes] = []
    cursor = 0
    changes = iter(passing)
    for _ in range(500):
        cursor, found = scanner.scan(container, cursor, count)
        seen += [element for element in found if element in container]
        if cursor == 0:
            break
        change = next(changes, None)
        if change is not None:
            container ^= {change}
            events.dirty += 1
        if forgetful:
            scanner.forget()
    assert cursor == 0
    assert stable <= set(seen)
    assert len([e for e in seen if e in stable]) == len(stable), "none of them twice"


def test_a_large_container_is_sorted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    ordered = scanning._ordered
    monkeypatch.setattr(scanning, "_ordered", lambda elements: made.append(1) or ordered(elements))  # type: ignore[func-returns-value]
    container = {b"%d" % i: 0 for i in range(20_000)}
    scanner = Scanner(KeyspaceEvents())
    cursor, seen = scanner.scan(container, 0, 100)
    while cursor:
        cursor, found = scanner.scan(container, cursor, 100)
        seen += found
    assert sorted(seen) == sorted(container)
    assert len(made) == 1


def test_a_new_scan_sees_new_elements() -> None:
    events = KeyspaceEvents()
    scanner = Scanner(events)
    container = {b"%d" % i: 0 for i in range(100)}
    scanner.scan(container, 0, 10)
    container[b"new"] = 0
    events.dirty += 1
    seen: list[bytes] = []
    cursor = -1
    while cursor:
        cursor, found = scanner.scan(container, max(cursor, 0), 10)
        seen += found
    assert b"new" in seen


@pytest.mark.parametrize("size", [1, 3, scanning.SMALL + 100])
def test_random_elements_are_there_and_vary(size: int) -> None:
    container = {b"%d" % i for i in range(size)}
    scanner = Scanner(KeyspaceEvents())
    chosen = {scanner.choose(container) for _ in range(200)}
    assert chosen <= container
    assert len(chosen) > min(size, 20) - 1
    removed = scanner.choose(container)
    container.discard(removed)
    if container:
        assert scanner.choose(container) in container


@pytest.mark.parametrize("size", [5, scanning.SMALL + 50])
def test_pop_random_takes_each_member_once(size: int) -> None:
    random.seed(1)
    members = {b"%d" % i for i in range(size)}
    before = set(members)
    popped = [pop_random(members) for _ in range(size)]
    assert not members
    assert set(popped) == before
    assert len(popped) == size
