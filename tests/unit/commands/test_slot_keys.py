"""The index of keys by slot follows every way in which keys come and go."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pyredisai import clock
from pyredisai.cluster.slots import SLOTS, slot_of
from pyredisai.commands import slot_keys as module
from pyredisai.commands.context import Services
from pyredisai.commands.loading import lose_all_keys, reload
from pyredisai.commands.slot_keys import SlotKeys, slot_keys
from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


@pytest.fixture
def index(services: Services) -> SlotKeys:
    return slot_keys(services)


def assert_right(services: Services, index: SlotKeys) -> None:
    wanted: dict[int, set[bytes]] = {}
    for key in services.databases[0].data:
        wanted.setdefault(slot_of(key), set()).add(key)
    found = {slot: set(index.newest(slot, 10**6)) for slot in range(SLOTS) if index.count(slot)}
    assert found == wanted


def test_follows_changes(services: Services, index: SlotKeys) -> None:
    """Invariant: whatever happens, the index holds the keys that are there."""
    rng = random.Random(5)
    database = services.databases[0]
    keys = [b"{%d}%d" % (i % 7, i) for i in range(60)]
    assert_right(services, index)
    for step in range(3000):
        key = rng.choice(keys)
        act = rng.randrange(6)
        if act < 3:
            database.set(key, b"x")
        elif act == 3:
            database.delete(key)
        elif act == 4 and key in database.data:
            database.set_expiry(key, 1)
            database.peek(key)
        elif step % 200 == 0:
            database.flush()
        services.databases[1].set(key, b"of another database")
        if step % 50 == 0:
            assert_right(services, index)
    assert index.is_kept


def test_newest_first(services: Services, index: SlotKeys) -> None:
    for key in (b"{a}1", b"{a}2", b"{a}3"):
        services.databases[0].set(key, b"")
    slot = slot_of(b"a")
    assert index.newest(slot, 2) == [b"{a}3", b"{a}2"]
    services.databases[0].set(b"{a}4", b"")
    services.databases[0].set(b"{a}1", b"again")
    assert index.newest(slot, 9) == [b"{a}4", b"{a}3", b"{a}2", b"{a}1"]
    assert index.count(slot) == 4


def test_all_keys_lost(services: Services, index: SlotKeys) -> None:
    services.databases[0].set(b"a", b"")
    assert index.count(slot_of(b"a")) == 1
    lose_all_keys(services)
    assert index.count(slot_of(b"a")) == 0
    services.databases[0].set(b"a", b"")
    assert_right(services, index)


def test_loaded_keys(services: Services, index: SlotKeys, tmp_path: Path) -> None:
    services.config.put("dir", str(tmp_path))
    for i in range(100):
        services.databases[0].set(b"%d" % i, b"x")
    services.saver.save()
    services.databases[0].set(b"later", b"x")
    assert index.count(slot_of(b"later")) == 1
    reload(services, save=False, flush=True)
    assert index.count(slot_of(b"later")) == 0
    assert_right(services, index)


def test_costs_nothing_while_nobody_asks(services: Services, index: SlotKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not index.is_kept
    listeners = len(services.events.on_key)
    index.count(1)
    assert len(services.events.on_key) == listeners + 1
    index.round()
    assert index.is_kept
    now = clock.monotonic_ns()
    monkeypatch.setattr(module.clock, "monotonic_ns", lambda: now + module.KEPT_NS + 1)
    index.round()
    assert not index.is_kept
    assert len(services.events.on_key) == listeners
