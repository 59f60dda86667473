"""How much memory the process uses, and eviction when that is more than `maxmemory`.

Used memory is the resident set without what the C allocator holds free there. The interpreter's own small-object arenas
give little back to the system, so what an eviction freed counts as `credit` until the resident set moves: growth uses
the credit up, shrinking pays it out. What lies free for long goes back to the system. Keys are chosen among
`maxmemory-samples` random ones: by last use for the lru policies, by the frequency of use for lfu, by expiry for
volatile-ttl.
"""

from __future__ import annotations

import math
import os
import random
import resource
import time
from collections.abc import MutableMapping
from itertools import count, islice
from typing import Any

from pyredisai.commands.allocator import Allocator
from pyredisai.commands.context import Services
from pyredisai.commands.memory_usage import value_size
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.layered import bottom

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOK_AT_CLOCK = 16
_COMMANDS, _BYTES = 100, 256 << 10
_RUN = 1000
_REST_SECONDS = 10
_WORTH_TRIMMING = 16 << 20


class MemoryWatch:
    """One a server. Bytes throughout."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.allocator = Allocator()
        self.credit = 0
        self.rss = self.read_rss()
        self.startup = self.used()
        self.peak = self.startup
        self._last = self.startup
        self._seen = (0, 0)
        self._drawn: dict[int, list[bytes]] = {}
        self._going_on = False
        self._limit_s = 0.0
        services.config.watch("maxmemory-eviction-tenacity", self._set_tenacity)
        services.config.watch("maxmemory", self._follow)
        services.guard.make_room = self.make_room
        self._rest = (0.0, 0, 0)  # of the last look at what is free: when, traffic until then, what could not go back
        services.cron.append(self.give_back)

    def read_rss(self) -> int:
        """The resident set of the process; its peak where the system does not tell."""
        try:
            with open("/proc/self/statm", "rb", buffering=0) as file:
                return int(file.read().split()[1]) * _PAGE
        except OSError:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def used(self) -> int:
        """What is resident and not free in the allocator."""
        self.rss = self.read_rss()
        return max(0, self.rss - self.allocator.free())

    def sample(self) -> int:
        """Measure used memory again."""
        used = self.used()
        self.peak = max(self.peak, used)
        self.credit = max(0, self.credit - abs(used - self._last))
        self._last = used
        stats = self._services.stats
        self._seen = (stats.commands_processed, stats.net_input_bytes)
        return used

    def give_back(self) -> None:
        """Trim the allocator where more lies free than what came and went lately could need. For the clock."""
        looked, traffic, left = self._rest
        now = time.monotonic()
        if now - looked < _REST_SECONDS:
            return
        stats = self._services.stats
        total = stats.net_input_bytes + stats.net_output_bytes
        free = self.allocator.free()
        if free - left >= _WORTH_TRIMMING and total - traffic < free // 4:
            self.allocator.trim()
            left = self.allocator.free()
            self.sample()
        self._rest = (now, total, min(left, free))

    def _follow(self, limit: int) -> None:
        self.sample()
        self._services.guard.memory_limited = bool(limit)

    def make_room(self) -> bool:
        """Evict as the policy says until there is room; False when there is none to be made.

        Asked before every command while there is a limit; it measures again when enough came in since the last time.
        """
        stats = self._services.stats
        commands, received = self._seen
        if stats.commands_processed - commands >= _COMMANDS or stats.net_input_bytes - received >= _BYTES:
            self.sample()
        limit: int = self._services.config["maxmemory"]
        policy: str = self._services.config["maxmemory-policy"]
        if self._services.primary.is_replica and self._services.config["replica-ignore-maxmemory"]:
            return True
        if self._services.guard.paused:
            return True
        freeing = self._services.freeing
        lazily = "eviction" in self._services.events.lazily  # then what waits to be freed is left for the last
        until = time.monotonic() + self._limit_s
        for tries in count(1):
            if self._last - self.credit <= limit:
                break
            if (lazily or not freeing.busy) and policy != "noeviction" and self._evict(policy):
                if not tries % _LOOK_AT_CLOCK and time.monotonic() >= until:
                    self._go_on_later()
                    break
                continue
            if not freeing.busy:
                return False
            freeing.finish()
            self.sample()
        return True

    def _set_tenacity(self, tenacity: int) -> None:
        self._limit_s = eviction_limit_s(tenacity)

    def _go_on_later(self) -> None:
        """Evict further between commands: none has to wait for all of it."""
        if not self._going_on:
            self._going_on = True
            self._services.scheduler.call_later(0, self._go_on)

    def _go_on(self) -> None:
        self._going_on = False
        if self._services.guard.memory_limited and not self._services.guard.busy:
            self.make_room()

    def _evict(self, policy: str) -> bool:
        """Delete one key; False if the policy finds none."""
        best: tuple[float, Database, bytes] | None = None
        for db in self._services.databases:
            for score, key in self._candidates(db, policy):
                if best is None or score < best[0]:
                    best = (score, db, key)
        if best is None:
            return False
        _, db, key = best
        self.credit += value_size(key, db.data[key])
        db.delete(key, "eviction")
        services = self._services
        services.stats.evicted_keys += 1
        services.events.notify("e", "evicted", db.index, key)
        if services.journal.subscribers:
            services.journal.append(db.index, [[b"DEL", key]])
        return True

    def _candidates(self, db: Database, policy: str) -> list[tuple[float, bytes]]:
        """Some keys of a database with what orders them: the lowest goes first."""
        pool: MutableMapping[bytes, Any] = db.expires if policy.startswith("volatile") else db.data
        if not pool:
            return []
        samples = self._services.config["maxmemory-samples"]
        keys = self._some(db.index, pool, 1 if policy.endswith("random") else samples)
        if policy.endswith("random"):
            return [(random.random(), key) for key in keys]
        if policy == "volatile-ttl":
            return [(db.expires[key], key) for key in keys]
        usage = db.usage or db.track_access()
        return [(usage.order(key), key) for key in keys]

    def _some(self, index: int, keys: MutableMapping[bytes, Any], wanted: int) -> list[bytes]:
        """Up to `wanted` keys of a run of a thousand, which is drawn anew from a random place when it is used up."""
        for source in (bottom(keys), keys, keys):  # passing over what lies in layers is dear: only if need be
            drawn = self._drawn.get(index, [])
            chosen = [key for key in (drawn.pop() for _ in range(min(wanted, len(drawn)))) if key in keys]
            if chosen:
                return chosen
            start = random.randrange(max(1, len(source) - _RUN))
            drawn = self._drawn[index] = list(islice(source, start, start + _RUN))
            random.shuffle(drawn)
        return []


def eviction_limit_s(tenacity: int) -> float:
    """How long eviction may keep a command waiting, by maxmemory-eviction-tenacity. Redis' scale: 500 us at 10."""
    if tenacity <= 10:
        return 50e-6 * tenacity
    return 500e-6 * 1.15 ** (tenacity - 10) if tenacity < 100 else math.inf


def memory_watch(services: Services) -> MemoryWatch:
    """The server's watch."""
    found: MemoryWatch | None = services.extra.get("memory")
    if found is None:
        found = services.extra["memory"] = MemoryWatch(services)
    return found
