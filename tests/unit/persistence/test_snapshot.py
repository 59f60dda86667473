"""Pictures: they show one moment whatever happens afterwards, copy nothing, and leave nothing behind."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.config.registry import Registry
from pyredisai.execution.affinity import Background
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.expiry import active_expire_cycle
from pyredisai.keyspace.layered import Layered
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.persistence import snapshot as module
from pyredisai.persistence.aof.log import AppendLog
from pyredisai.persistence.disk import Abandoned
from pyredisai.persistence.saver import Saver
from pyredisai.persistence.snapshot import MAX_LAYERS, Pictures, Snapshot

FUTURE = 2**62


class House:
    """Some databases, their pictures, and a loop that runs when it is told to."""

    def __init__(self) -> None:
        events = KeyspaceEvents()
        self.dbs = [Database(number, events) for number in range(3)]
        self.waiting: list[Callable[[], None]] = []
        self.pictures = Pictures(self.dbs, lambda _, function: self.waiting.append(function))

    def tidy(self) -> int:
        """Run the loop until it has nothing to do; how many turns that took."""
        turns = 0
        while self.waiting:
            self.waiting.pop(0)()
            turns += 1
        return turns

    def is_plain(self) -> bool:
        """Whether no layer is left."""
        return all(type(mapping) is dict for db in self.dbs for mapping in (db.data, db.expires))


@pytest.fixture
def house() -> Iterator[House]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    house = House()
    for number in range(1000):
        house.dbs[0].set(b"%d" % number, b"old")
    house.dbs[0].set_expiry(b"7", FUTURE)
    house.dbs[2].set(b"two", b"old")
    yield house
    sys.setswitchinterval(interval)


def contents(snapshot: Snapshot) -> list[tuple[int, bytes, object, int | None]]:
    """All of it, in order."""
    return sorted(snapshot, key=lambda item: item[:2])


def test_nothing_is_copied_and_nothing_that_follows_is_seen(house: House) -> None:
    one, _, two = house.dbs
    before, data = contents(house.pictures.live()), one.data
    picture = house.pictures.take()
    assert picture.parts[0].data is data
    assert picture.keys == 1001
    assert picture.sizes == [(0, 1000, 1), (2, 1, 0)]
    one.set(b"new", b"new")
    one.set(b"5", b"new")
    one.delete(b"6")
    one.persist(b"7")
    one.set_expiry(b"8", FUTURE)
    one.swap(two)
    two.set(b"9", b"new")
    assert contents(picture) == before
    now = contents(house.pictures.live())
    assert now != before
    house.pictures.release(picture)
    house.tidy()
    assert house.is_plain()
    assert two.data is data
    assert contents(house.pictures.live()) == now


@pytest.mark.parametrize("first", [0, 1])
def test_two_pictures_end_in_either_order(house: House, first: int) -> None:
    db = house.dbs[0]
    pictures = [house.pictures.take()]
    db.set(b"1", b"between")
    pictures.append(house.pictures.take())
    db.set(b"1", b"last")
    kept = pictures[1 - first]
    seen = contents(kept)
    house.pictures.release(pictures[first])
    house.tidy()
    assert contents(kept) == seen
    assert {key: value for _, key, value, _ in seen}[b"1"] == (b"between" if first == 0 else b"old")
    assert not house.is_plain()
    house.pictures.release(kept)
    house.tidy()
    assert house.is_plain()
    assert db.data[b"1"] == b"last"


def test_a_picture_taken_while_layers_are_merged(house: House) -> None:
    db = house.dbs[0]
    first = house.pictures.take()
    for number in range(0, 1000, 3):
        db.set(b"%d" % number, b"new")
        db.delete(b"%d" % (number + 1))
    house.pictures.release(first)
    with patch.object(module, "TIDY_S", 0):
        house.waiting.pop(0)()  # a part of it
    assert type(db.data) is Layered
    assert db.data.own
    expected = contents(house.pictures.live())
    second = house.pictures.take()
    db.flush()
    assert contents(second) == expected
    house.tidy()
    assert contents(second) == expected
    house.pictures.release(second)
    house.tidy()
    assert house.is_plain()
    assert not db.data


def test_old_keys_are_freed_in_slices_after_a_flush(house: House) -> None:
    data = house.dbs[0].data
    picture = house.pictures.take()
    for db in house.dbs:
        db.flush()
    assert picture.keys == len(contents(picture)) == 1001
    house.pictures.release(picture)
    assert len(data) == 1000
    with patch.object(module, "TIDY_S", 0):
        assert house.tidy() > 10
    assert not data
    assert house.is_plain()


def test_what_another_picture_reads_is_not_freed(house: House) -> None:
    first = house.pictures.take()
    house.dbs[0].set(b"new", b"new")
    second = house.pictures.take()
    house.dbs[0].flush()
    house.pictures.release(first)
    house.tidy()
    assert len(contents(second)) == 1002
    data = second.parts[0].data
    house.pictures.release(second)
    house.tidy()
    assert not dict(data)


def test_a_container_is_copied_once_and_a_model_never(house: House) -> None:
    db = house.dbs[1]
    containers = (deque([b"a"]), {b"f": b"v"}, {b"m"}, SortedSet())
    model = Model("STUB", "CPU", b"", ModelOptions(), None)
    for number, value in enumerate((*containers, model, b"text")):
        db.set(b"%d" % number, value)
    picture = house.pictures.take()
    for number, value in enumerate(containers):
        key = b"%d" % number
        picture.protect(db, key)
        copy = db.get(key)
        assert copy is not value
        picture.protect(db, key)
        assert db.get(key) is copy
        assert any(found is value for _, _, found, _ in picture)
    for key in (b"4", b"5", b"nothing"):
        picture.protect(db, key)
        assert key not in db.data.own  # type: ignore[attr-defined]
    assert db.get(b"4") is model


def test_keys_expire_by_themselves_below_a_layer_and_in_it(house: House) -> None:
    db = house.dbs[0]
    db.set_expiry(b"1", 5)
    db.set_expiry(b"2", 5)
    picture = house.pictures.take()
    db.persist(b"2")
    for key in (b"3", b"1000"):
        db.set(key, b"new")
        db.set_expiry(key, 5)
    active_expire_cycle(house.dbs, 10)
    assert not db.data.keys() & {b"1", b"3", b"1000"}
    assert b"2" in db.data
    assert picture.sizes[0] == (0, 1000, 3)
    assert len(contents(picture)) == 1001


def test_a_picture_that_is_stopped_ends_soon(house: House) -> None:
    picture = house.pictures.take()
    reader = iter(picture)
    next(reader)
    picture.stop()
    with patch.object(module, "SLICE_S", 0), pytest.raises(Abandoned):
        list(picture)


def test_the_interpreter_changes_hands_faster_while_a_picture_is_read(house: House) -> None:
    before = sys.getswitchinterval()
    first, second = house.pictures.take(), house.pictures.take(empty=True)
    assert not second.keys
    assert sys.getswitchinterval() < before
    house.pictures.release(first)
    assert sys.getswitchinterval() < before
    house.pictures.release(second)
    assert sys.getswitchinterval() == before


def test_pictures_that_overlap_without_end_do_not_pile_up_layers(house: House) -> None:
    db = house.dbs[0]
    picture = house.pictures.take()
    deepest = 0
    for number in range(5 * MAX_LAYERS):
        db.set(b"n%d" % number, b"new")
        following = house.pictures.take()
        expected = contents(house.pictures.live())
        house.pictures.release(picture)
        picture = following
        house.tidy()
        db.set(b"n%d" % number, b"changed")
        assert contents(picture) == expected
        depth, mapping = 0, db.data
        while type(mapping) is Layered:
            depth, mapping = depth + 1, mapping.base
        deepest = max(deepest, depth)
    assert 1 < deepest <= MAX_LAYERS
    house.pictures.release(picture)
    house.tidy()
    assert house.is_plain()
    assert len(db.data) == 1000 + 5 * MAX_LAYERS


class Thread:
    """A helper thread that runs when it is told to."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []

    def __call__(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self.work.append((function, done))

    def run(self) -> object:
        """The oldest work; what it returned or raised."""
        function, done = self.work.pop(0)
        try:
            result = function()
        except Exception as error:
            result = error
        done(result)
        return result


@pytest.fixture
def config(tmp_path: Path) -> Registry:
    config = Registry()
    config.set([("dir", str(tmp_path))], lambda _: True)
    return config


def test_a_save_that_is_given_up_ends_early_and_gives_its_picture_back(
    house: House, config: Registry, tmp_path: Path
) -> None:
    thread = Thread()
    saver = Saver(config, house.pictures, house.dbs[0].events, thread, lambda *_: None)
    saver.start()
    house.dbs[0].set(b"new", b"new")
    saver.abandon()
    with patch.object(module, "SLICE_S", 0):
        assert isinstance(thread.run(), Abandoned)
    house.tidy()
    assert house.is_plain()
    assert saver.snapshot is None
    assert not list(tmp_path.iterdir())


def test_a_rewrite_that_is_given_up_keeps_its_picture_until_its_thread_has_ended(
    house: House, config: Registry, tmp_path: Path
) -> None:
    thread, logged = Thread(), list[str]()
    log = AppendLog(config, house.pictures, Background(thread), lambda _: None, lambda _, text: logged.append(text))
    log.start_rewrite()
    log.abandon_rewrite()
    assert log.snapshot is None
    house.tidy()
    assert not house.is_plain()  # the thread may be reading
    log.start_rewrite()
    with patch.object(module, "SLICE_S", 0):
        assert isinstance(thread.run(), Abandoned)
    house.tidy()
    assert log.snapshot is not None
    assert not house.is_plain()
    thread.run()
    house.tidy()
    assert house.is_plain()
    assert log.rewrites == 1
    assert not [path for path in tmp_path.rglob("temp-*") if path.is_file()]
