"""What lies free in the allocator goes back to the system, but not what the traffic is going to use again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from pyredisai.commands import memory_watch
from pyredisai.commands.context import Services
from pyredisai.config.registry import Registry
from pyredisai.keyspace.freeing import Freeing
from pyredisai.server.app import build_services

MB = 1 << 20


class FakeAllocator:
    """So much lies free, and so much stays when it is trimmed."""

    def __init__(self, free: int, stays: int = 0) -> None:
        self.now = free
        self.stays = stays
        self.trims = 0

    def free(self) -> int:
        return self.now

    def trim(self) -> None:
        self.now = min(self.now, self.stays)
        self.trims += 1


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


def rounds(services: Services, monkeypatch: pytest.MonkeyPatch, allocator: FakeAllocator, *traffic: int) -> int:
    """A round of the clock each eleven seconds, with so many bytes received before it; how often it was trimmed."""
    watch = memory_watch.memory_watch(services)
    monkeypatch.setattr(watch, "allocator", allocator)
    for number, received in enumerate(traffic):
        services.stats.net_input_bytes += received
        monkeypatch.setattr(memory_watch.time, "monotonic", lambda number=number: 1000.0 + 11 * number)
        assert watch.give_back in services.cron
        watch.give_back()
        watch.give_back()  # too soon
    return allocator.trims


def test_much_that_lies_free_goes_back_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds(services, monkeypatch, FakeAllocator(100 * MB), 0, 0, 0) == 1


def test_little_stays(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds(services, monkeypatch, FakeAllocator(10 * MB), 0, 0) == 0


def test_what_big_requests_use_again_and_again_stays(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds(services, monkeypatch, FakeAllocator(100 * MB), 60 * MB, 60 * MB, 60 * MB) == 0


def test_what_cannot_go_back_is_not_tried_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    allocator = FakeAllocator(100 * MB, stays=40 * MB)
    assert rounds(services, monkeypatch, allocator, 0, 0, 0) == 1
    assert allocator.now == 40 * MB


@pytest.mark.parametrize("lazily", ["yes", "no"])
def test_what_was_evicted_lazily_is_not_waited_for(
    services: Services, monkeypatch: pytest.MonkeyPatch, lazily: str
) -> None:
    services.freeing = Freeing(lambda seconds, function: None)
    services.config.set([("lazyfree-lazy-eviction", lazily), ("maxmemory-policy", "allkeys-random")])
    watch = memory_watch.memory_watch(services)
    monkeypatch.setattr(watch, "used", lambda: 100 * MB + 1)
    services.config.set([("maxmemory", str(100 * MB))])
    for count in (1, 2):
        services.databases[0].set(b"big", set(range(1000)))
        assert watch.make_room()
        assert not services.databases[0].data
        assert services.freeing.pending == (count if lazily == "yes" else 0)
        watch.credit = 0
    services.freeing.add_value(set(range(1000)))  # was unlinked
    services.databases[0].set(b"big", set(range(1000)))
    assert watch.make_room()
    assert services.freeing.pending == (4 if lazily == "yes" else 0)


@pytest.mark.parametrize("policy", ["allkeys-lfu", "volatile-lfu", "allkeys-lru", "volatile-lru"])
def test_what_is_least_used_goes_first(services: Services, monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    services.config.set([("maxmemory-policy", policy), ("maxmemory-samples", "1000"), ("maxmemory", str(100 * MB))])
    watch = memory_watch.memory_watch(services)
    databases = services.databases[:2]
    used = {}
    for number in range(100):
        db, key = databases[number % 2], b"%d" % number
        db.set(key, b"value")
        db.set_expiry(key, 2**62)
        assert db.usage is not None
        db.usage.restore(key, 100 - number, number)
        used[(db.index, key)] = number
    gone: list[int] = []
    services.events.on_key.append(lambda index, key: gone.append(used[(index, key)]))
    monkeypatch.setattr(watch, "used", lambda: 101 * MB)
    monkeypatch.setattr(memory_watch, "value_size", lambda key, value: MB // 10 + 1)
    watch.sample()
    assert watch.make_room()
    assert gone == list(range(10))


@pytest.mark.parametrize(("tenacity", "us"), [(0, 0), (5, 250), (10, 500), (11, 575), (100, float("inf"))])
def test_how_long_eviction_may_take(tenacity: int, us: float) -> None:
    assert memory_watch.eviction_limit_s(tenacity) == pytest.approx(us / 1e6)


def test_what_tenacity_does_not_reach_goes_later(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[Callable[[], object]] = []
    scheduler = SimpleNamespace(call_later=lambda seconds, function: later.append(function))
    monkeypatch.setattr(services, "scheduler", scheduler)
    services.config.set([("maxmemory-eviction-tenacity", "0"), ("maxmemory-policy", "allkeys-random")])
    for number in range(100):
        services.databases[0].set(b"%d" % number, b"value")
    services.config.set([("maxmemory", "1")])
    watch = memory_watch.memory_watch(services)
    assert watch.make_room()
    assert len(services.databases[0].data) == 84
    assert watch.make_room()
    assert len(later) == 1
    later.pop()()
    assert len(services.databases[0].data) == 52
    services.config.set([("maxmemory-eviction-tenacity", "100")])
    assert not watch.make_room()
    assert not services.databases[0].data
