"""maxmemory-clients: the clients that take most are disconnected when all together take too much.

Redis' rules: normal and pub/sub clients count, and go but for those with CLIENT NO-EVICT; replicas and the primary do
neither. A limit below 128 kB counts as that, so that somebody can still change it.

What may have grown is measured when it happens (`Limits.on_growth`, MULTI), everybody once a second. Clients go at the
end of the loop's round, when their replies so far have been written.
"""

from __future__ import annotations

from typing import Final

from pyredisai.commands.client import Client
from pyredisai.commands.client_info import client_type, describe_client
from pyredisai.commands.client_memory import client_memory
from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Command
from pyredisai.server.limits import Limits

LEAST: Final = 128 * 1024


class ClientEviction:
    """One a server. `round` is for the clock."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services, self._limits = services, limits
        self.limit = 0
        self._known: dict[int, int] = {}
        self._total = 0
        self._planned = False
        self._told = False
        services.on_client_gone.append(self._forget)
        for name in ("maxmemory-clients", "maxmemory"):
            services.config.watch(name, self._follow)

    def _follow(self, _: int) -> None:
        config, guard = self._services.config, self._services.guard
        wanted: int = config["maxmemory-clients"]
        limit = wanted if wanted >= 0 else config["maxmemory"] * -wanted // 100
        self.limit = max(limit, LEAST) if limit else 0
        guard.remove_check(self._check)
        self._limits.on_growth = None
        if self.limit:
            guard.add_check(self._check)
            self._limits.on_growth = self.note
            self._plan()

    def _check(self, ctx: Context, command: Command) -> None:
        if ctx.client.queued is not None:
            self.note(ctx.client)

    def note(self, client: Client) -> None:
        """This client may have grown."""
        size = client_memory(client).total if client.id in self._services.clients and _counts(client) else 0
        self._total += size - self._known.get(client.id, 0)
        self._known[client.id] = size
        if self._total >= self.limit:
            self._plan()

    def _forget(self, client: Client) -> None:
        self._total -= self._known.pop(client.id, 0)

    def _plan(self) -> None:
        if not self._planned and self._services.clients:
            self._planned = True
            self._services.scheduler.call_soon(self.round)

    def round(self) -> None:
        """Measure everybody, and disconnect whom it takes."""
        self._planned = False
        if not self.limit:
            return
        counted = {client: client_memory(client).total for client in self._services.clients.values() if _counts(client)}
        self._known = {client.id: size for client, size in counted.items()}
        self._total = sum(counted.values())
        if self._total < self.limit:
            self._told = False
            return
        for client in sorted(counted, key=counted.__getitem__, reverse=True):
            if self._total < self.limit:
                return
            if not client.no_evict:
                self._services.log("notice", f"Evicting client: {describe_client(client)}")
                self._services.stats.evicted_clients += 1
                client.link.close()
                self._forget(client)
        if self._total >= self.limit and not self._told:
            self._told = True
            self._services.log("warning", "Over client maxmemory after evicting all evictable clients")


def _counts(client: Client) -> bool:
    return not client.closing and client_type(client) in ("normal", "pubsub")
