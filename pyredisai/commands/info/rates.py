"""Operations and bytes per second, as INFO stats shows them: the mean of the last sixteen samples of cron."""

from __future__ import annotations

from collections import deque

from pyredisai import clock
from pyredisai.commands.context import Services

_SAMPLES = 16


class Rates:
    """Per second, over the last samples."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._samples: deque[tuple[int, ...]] = deque([self._now()], _SAMPLES + 1)

    def _now(self) -> tuple[int, ...]:
        stats, syncs = self._services.stats, self._services.primary.stats
        own = stats.commands_processed, stats.net_input_bytes, stats.net_output_bytes
        return clock.monotonic_ns(), *own, syncs.input_bytes, syncs.output_bytes

    def tick(self) -> None:
        """Take a sample; not more often than every 100 ms."""
        now = self._now()
        if now[0] - self._samples[-1][0] >= 99_000_000:
            self._samples.append(now)

    def _rate(self, which: int) -> float:
        first, last = self._samples[0], self._samples[-1]
        seconds = (last[0] - first[0]) / 1e9
        return max(0.0, (last[which] - first[which]) / seconds) if seconds else 0.0

    @property
    def operations(self) -> float:
        """Commands a second."""
        return self._rate(1)

    @property
    def input_bytes(self) -> float:
        """Bytes received a second."""
        return self._rate(2)

    @property
    def output_bytes(self) -> float:
        """Bytes sent a second."""
        return self._rate(3)

    @property
    def replication_input_bytes(self) -> float:
        """Bytes of the primary's stream a second."""
        return self._rate(4)

    @property
    def replication_output_bytes(self) -> float:
        """Bytes sent to replicas a second."""
        return self._rate(5)


def rates(services: Services) -> Rates:
    """The server's meter."""
    found: Rates | None = services.extra.get("rates")
    if found is None:
        found = services.extra["rates"] = Rates(services)
        services.cron.append(found.tick)
    return found
