"""Layered: a dictionary in every way, whatever lies under it; what a picture reads never changes."""

from __future__ import annotations

import math
import random
from collections.abc import MutableMapping
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyredisai.keyspace import layered, scanning
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.layered import Hold, Layered, bottom, chain_of, flattened, merge
from pyredisai.keyspace.scanning import Scanner

KEYS = st.integers(0, 11).map(lambda number: b"k%d" % number)
VALUES = st.integers(1, 3).map(lambda number: b"v%d" % number)
NOW, NEVER = 0.0, math.inf


class LayersAgainstADictionary(RuleBasedStateMachine):
    """`top` beside a plain dictionary; pictures beside copies."""

    def __init__(self) -> None:
        super().__init__()
        self.top: MutableMapping[bytes, bytes] = {b"k1": b"v1", b"k2": b"v2"}
        self.model = dict(self.top)
        self.pictures: list[tuple[MutableMapping[bytes, bytes], Hold, dict[bytes, bytes]]] = []

    @rule(key=KEYS, value=VALUES)
    def store(self, key: bytes, value: bytes) -> None:
        self.top[key] = self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        if key in self.model:
            del self.top[key], self.model[key]
        else:
            with pytest.raises(KeyError):
                del self.top[key]

    @rule(key=KEYS)
    def pop(self, key: bytes) -> None:
        assert self.top.pop(key, None) == self.model.pop(key, None)

    @rule()
    def clear(self) -> None:
        self.top.clear() if type(self.top) is Layered else setattr(self, "top", {})
        self.model.clear()

    @rule()
    def take_picture(self) -> None:
        hold = Hold()
        self.pictures.append((self.top, hold, self.model.copy()))
        self.top = Layered(self.top, hold)

    @precondition(lambda self: self.pictures)
    @rule(which=st.integers(0, 9))
    def end_picture(self, which: int) -> None:
        _, hold, _ = self.pictures.pop(which % len(self.pictures))
        hold.active = False

    @rule()
    def merge_a_slice(self) -> None:
        with patch.object(layered, "_STEP", 1):
            self.top, _ = merge(self.top, NOW)

    @rule()
    def merge_all(self) -> None:
        self.top, done = merge(self.top, NEVER)
        assert done
        if not self.pictures:
            assert type(self.top) is dict

    @invariant()
    def is_the_same(self) -> None:
        same(self.top, self.model)
        for mapping, _, before in self.pictures:
            same(mapping, before)


def same(mapping: MutableMapping[bytes, bytes], model: dict[bytes, bytes]) -> None:
    """Every way to read it."""
    assert flattened(mapping) == model
    assert len(mapping) == len(model)
    assert bool(mapping) == bool(model)
    assert sorted(mapping) == sorted(mapping.keys()) == sorted(model)
    assert sorted(mapping.items()) == sorted(model.items())
    assert sorted(mapping.values()) == sorted(model.values())
    for number in range(12):
        key = b"k%d" % number
        assert mapping.get(key) == model.get(key)
        assert (key in mapping) == (key in model)
        if key in model:
            assert mapping[key] == model[key]
        else:
            assert mapping.get(key, b"none") == b"none"
            with pytest.raises(KeyError):
                mapping[key]


LayersAgainstADictionary.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLayers = LayersAgainstADictionary.TestCase


@pytest.fixture
def full() -> tuple[dict[bytes, int], Layered[int], Hold]:
    """Ten thousand keys under a layer in which some are changed."""
    base = {b"%d" % number: number for number in range(10_000)}
    hold = Hold()
    top = Layered(base, hold)
    for number in range(0, 10_000, 7):
        del top[b"%d" % number]
    return base, top, hold


def test_a_slice_ends_at_its_time_and_the_rest_is_still_there(
    full: tuple[dict[bytes, int], Layered[int], Hold],
) -> None:
    base, top, hold = full
    hold.active = False
    before = dict(top.items())
    slices = 0
    merged: MutableMapping[bytes, int] = top
    done = False
    while not done:
        merged, done = merge(merged, NOW)
        slices += 1
        assert len(merged) == len(before)
    assert slices > 10
    assert merged is base
    assert base == before


def test_what_a_picture_reads_is_not_merged_into(full: tuple[dict[bytes, int], Layered[int], Hold]) -> None:
    base, first, hold = full
    later = Hold()
    second = Layered(first, later)
    second[b"new"] = 1
    hold.active = False  # the lower picture has ended, the upper one reads through its layer
    assert merge(second, NEVER) == (second, True)
    assert chain_of(second) == [second, first, base]
    later.active, hold.active = False, True  # the other way round: only the upper layer may go
    merged, done = merge(second, NEVER)
    assert done
    assert merged is first
    assert first[b"new"] == 1
    assert b"new" not in base


def test_a_scan_goes_on_when_a_picture_is_taken_and_when_it_ends() -> None:
    """The sorted list is kept: sorting a million keys anew would stop the loop."""
    data: MutableMapping[bytes, int] = {b"%d" % number: number for number in range(10_000)}
    scanner, hold = Scanner(KeyspaceEvents()), Hold()
    with patch("pyredisai.keyspace.scanning._ordered", wraps=scanning._ordered) as sort:
        cursor, found = scanner.scan(data, 0, 1000)
        layer = Layered(data, hold)
        for _ in range(4):
            cursor, more = scanner.scan(layer, cursor, 1000)
            found += more
        hold.active = False
        merged, _ = merge(layer, NEVER)
        while cursor:
            cursor, more = scanner.scan(merged, cursor, 1000)
            found += more
        assert sort.call_count == 1
    assert sorted(found) == sorted(data)
    assert scanner.choose(Layered(data, Hold())) in data
    assert bottom(layer) is data


def test_random_keys_come_from_the_layer_and_from_under_it() -> None:
    base = {b"b%d" % number: 1 for number in range(50)}
    top = Layered(base, Hold())
    for number in range(49):
        del top[b"b%d" % number]
    top[b"new"] = 1
    random.seed(7)
    scanner = Scanner(KeyspaceEvents())
    assert {scanner.choose(top) for _ in range(100)} == {b"b49", b"new"}
