"""Freeing in slices: bounded pieces of work, and nothing of what others hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from pyredisai.keyspace import freeing as module
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.freeing import Freeing
from pyredisai.keyspace.layered import Hold, Layered
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Stream
from pyredisai.persistence.snapshot import Pictures

COUNT = 1000


class Witness:
    """An element that counts how many of its kind there are."""

    alive = 0

    def __init__(self) -> None:
        Witness.alive += 1

    def __del__(self) -> None:
        Witness.alive -= 1


class Loop:
    """Runs what is to come later when it is told to, in pieces as small as they may be."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.freeing = Freeing(self.later)

    def later(self, _: float, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def most_at_once(self) -> int:
        """Run until nothing waits; how many witnesses went in one turn at most."""
        most = 0
        with patch.object(module, "SLICE_S", -1):
            while self.waiting:
                before = Witness.alive
                self.waiting.pop(0)()
                most = max(most, before - Witness.alive)
        return most


def witnesses(count: int = COUNT) -> list[Any]:
    return [Witness() for _ in range(count)]


def as_dict() -> dict[bytes, Any]:
    return {b"%d" % number: witness for number, witness in enumerate(witnesses())}


def as_sorted_set() -> SortedSet:
    made = SortedSet((b"%d" % number, float(number)) for number in range(COUNT))
    made.scores = as_dict()
    return made


def as_stream() -> Stream:
    made = Stream()
    for number, witness in enumerate(witnesses()):
        made.append((number, 0), (b"field", b"value"))
        made.entries[(number, 0)] = (witness,)
    return made


@pytest.fixture
def loop() -> Loop:
    assert Witness.alive == 0
    return Loop()


@pytest.mark.parametrize(
    "make",
    [as_dict, lambda: set(witnesses()), lambda: deque(witnesses()), as_sorted_set, as_stream],
    ids=["hash", "set", "list", "sorted set", "stream"],
)
def test_a_big_value_goes_in_pieces(loop: Loop, make: Callable[[], Any]) -> None:
    loop.freeing.add_value(make())
    assert Witness.alive == COUNT
    assert (loop.freeing.pending, loop.freeing.freed) == (1, 0)
    assert 0 < loop.most_at_once() <= 64
    assert Witness.alive == 0
    assert (loop.freeing.pending, loop.freeing.freed) == (0, 1)


def test_a_small_value_goes_at_once(loop: Loop) -> None:
    loop.freeing.add_value(set(witnesses(10)))
    loop.freeing.add_value(b"a string" * 1000)
    assert Witness.alive == 0
    assert not loop.waiting


def test_what_others_hold_stays_whole(loop: Loop) -> None:
    held, layer = as_dict(), Layered(as_dict(), Hold())
    under = layer.base
    loop.freeing.add_value(held)
    loop.freeing.add_keys(COUNT, [layer])
    del layer
    assert loop.most_at_once() == 0
    assert len(held) == len(under) == COUNT
    del held, under
    assert Witness.alive == 0


def test_a_flushed_database_goes_in_pieces_with_what_is_big_in_it(loop: Loop) -> None:
    db = Database(0, KeyspaceEvents())
    usage = db.track_access()
    for key, witness in as_dict().items():
        db.set(key, witness)
        db.set_expiry(key, 2**62)
    del witness
    for key in (b"one", b"two"):
        db.set(key, deque(witnesses()))
    assert db.flush(loop.freeing.add_keys) == COUNT + 2
    assert not db.data
    assert not db.expires
    assert usage.notes.keys() >= {b"1", b"one"}
    assert db.track_access().notes == {}
    del usage
    db.set(b"new", b"new")
    assert (Witness.alive, loop.freeing.pending) == (3 * COUNT, COUNT + 2)
    assert loop.most_at_once() <= 64
    assert (Witness.alive, loop.freeing.freed) == (0, COUNT + 2)
    assert dict(db.data) == {b"new": b"new"}
    db.flush()


def test_a_picture_outlives_the_flush(loop: Loop) -> None:
    db = Database(0, KeyspaceEvents())
    pictures = Pictures([db], loop.later)
    for key, witness in as_dict().items():
        db.set(key, witness)
    del witness
    first = pictures.take()
    for key in [b"new %d" % number for number in range(COUNT)]:
        db.set(key, Witness())
    second = pictures.take()
    db.flush(loop.freeing.add_keys)
    loop.most_at_once()
    assert [len(list(picture.parts[0].data)) for picture in (first, second)] == [COUNT, 2 * COUNT]
    pictures.release(first)
    pictures.release(second)
    loop.most_at_once()
    assert Witness.alive == 0
    assert type(db.data) is dict


def _unlinked(db: Database, loop: Loop) -> None:
    value = db.data[b"big"]
    db.delete(b"big", "kept")
    loop.freeing.add_value(value)


@pytest.mark.parametrize(
    "remove",
    [
        _unlinked,
        lambda db, loop: db.delete(b"big"),
        lambda db, loop: db.set(b"big", b"small"),
        lambda db, loop: db.flush(),
        lambda db, loop: db.flush(loop.freeing.add_keys),
        lambda db, loop: db.data.update({b"big": b"a copy that was protected"}),
    ],
    ids=["unlinked", "deleted", "overwritten", "flushed", "flushed later", "replaced by its copy"],
)
def test_what_a_picture_lets_go_of_last_goes_in_pieces(loop: Loop, remove: Callable[[Database, Loop], None]) -> None:
    db = Database(0, KeyspaceEvents())
    pictures = Pictures([db], loop.later, loop.freeing.add_rest)
    db.set(b"big", as_dict())
    db.set(b"other", b"small")
    first, second = pictures.take(), pictures.take()
    remove(db, loop)
    loop.most_at_once()
    assert Witness.alive == COUNT
    counted = loop.freeing.freed
    for picture in (first, second):
        pictures.release(picture)
        assert loop.most_at_once() <= 64
    assert (Witness.alive, loop.freeing.pending, loop.freeing.freed) == (0, 0, counted)
    assert type(db.data) is dict


def test_all_is_freed_at_once_when_memory_is_wanted(loop: Loop) -> None:
    loop.freeing.add_value(as_stream())
    loop.freeing.add_value(as_dict())
    loop.freeing.finish()
    assert (Witness.alive, loop.freeing.pending, loop.freeing.freed) == (0, 0, 2)
    loop.most_at_once()
    assert not loop.waiting
