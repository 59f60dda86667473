"""What happens by the clock, `hz` times a second: time, expiry, the families' own rounds, idle clients."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable
from typing import Final

from pyredisai import clock
from pyredisai.commands.client import Client
from pyredisai.commands.context import Services
from pyredisai.server.limits import Limits

CLIENT_ROUND_MS: Final = 1000


class Cron:
    """The timer. `check_output(client)` closes a client that is over its output limit."""

    def __init__(self, services: Services, limits: Limits, check_output: Callable[[Client], None]) -> None:
        self._services = services
        self._limits = limits
        self._check_output = check_output
        self._clients_at_ms = 0
        self._handle: asyncio.TimerHandle | None = None
        self._period = 0.1
        services.config.watch("hz", self._set_hz)

    def _set_hz(self, hz: int) -> None:
        self._period = 1 / hz

    def start(self) -> None:
        """Begin; a round runs at once."""
        loop = asyncio.get_running_loop()
        self._limits.now_ms = now = clock.now_ms()
        busy = self._services.guard.busy
        rounds: Iterable[Callable[[], None]] = () if busy else self._services.cron
        for run in [*rounds, self._clients] if now - self._clients_at_ms >= CLIENT_ROUND_MS else list(rounds):
            try:
                run()
            except Exception:
                self._services.log("warning", "A round of the clock failed:\n" + traceback.format_exc())
        self._handle = loop.call_later(self._period, self.start)

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


def _may_idle(client: Client) -> bool:
    return client.blocked or client.subscriptions > 0 or "S" in client.flags or "M" in client.flags
