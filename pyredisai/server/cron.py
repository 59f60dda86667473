"""What happens by the clock, `hz` times a second: time, expiry, the families' own rounds, idle clients."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable
from typing import Final

from pyredisai import clock
from pyredisai.commands.client import Client
from pyredisai.commands.client_memory import client_peaks
from pyredisai.commands.context import Services
from pyredisai.server.limits import Limits

CLIENT_ROUND_MS: Final = 1000
CLIENTS_PER_ROUND: Final = 200
MOST_HZ: Final = 500


class Cron:
    """The timer. `check_output(client)` closes a client that is over its output limit, `evict()` those that take most.

    With dynamic-hz the rounds become more frequent with the number of clients: Redis' rule.
    """

    def __init__(
        self,
        services: Services,
        limits: Limits,
        check_output: Callable[[Client], None],
        evict: Callable[[], None] = lambda: None,
    ) -> None:
        self._services = services
        self._limits = limits
        self._check_output = check_output
        self._evict = evict
        self._peaks = client_peaks(services)
        self._clients_at_ms = 0
        self._handle: asyncio.TimerHandle | None = None

    def _set_hz(self) -> None:
        config = self._services.config
        hz: int = config["hz"]
        if config["dynamic-hz"]:
            while len(self._services.clients) // hz > CLIENTS_PER_ROUND and hz < MOST_HZ:
                hz = min(2 * hz, MOST_HZ)
        self._services.hz = hz

    def start(self) -> None:
        """Begin; a round runs at once."""
        loop = asyncio.get_running_loop()
        self._limits.now_ms = now = clock.now_ms()
        self._set_hz()
        busy = self._services.guard.busy
        rounds: Iterable[Callable[[], None]] = () if busy else self._services.cron
        for run in [*rounds, self._clients] if now - self._clients_at_ms >= CLIENT_ROUND_MS else list(rounds):
            try:
                run()
            except Exception:
                self._services.log("warning", "A round of the clock failed:\n" + traceback.format_exc())
        self._handle = loop.call_later(1 / self._services.hz, self.start)

    def stop(self) -> None:
        """End."""
        if self._handle is not None:
            self._handle.cancel()

    def _clients(self) -> None:
        """Close clients that have been idle for too long, or do not read what they asked for."""
        now = self._clients_at_ms = self._limits.now_ms
        timeout = self._limits.timeout * 1000
        for client in list(self._services.clients.values()):
            self._check_output(client)
            if timeout and now - client.last_ms > timeout and not _may_idle(client):
                self._services.log("verbose", "Closing idle client")
                client.link.close()
        self._peaks.sample(self._services.clients.values())
        self._evict()


def _may_idle(client: Client) -> bool:
    return client.blocked or client.subscriptions > 0 or "S" in client.flags or "M" in client.flags
