"""CLIENT PAUSE: until when requests are kept back, and what wakes them (`server.gates` holds them).

A pause has a purpose (a client's wish, FAILOVER, SHUTDOWN); each ends by itself, and the strictest that runs counts.
While one runs, no key is deleted because its time has come, and none is evicted: replicas are to catch up.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pyredisai import clock
from pyredisai.commands.context import Services

FOR_EVER_MS: Final = 10**12
_LONGEST_S: Final = 365 * 86400.0  # as good as none; some event loops refuse longer timers


class _Pauses:
    """Those that run: mode and end (monotonic ns) by purpose. The timer ends the first."""

    def __init__(self) -> None:
        self.running: dict[str, tuple[str, int]] = {}
        self.timer: asyncio.TimerHandle | None = None


def start(services: Services, mode: str, milliseconds: int, purpose: str = "client") -> None:
    """Begin a pause, or extend the one of this purpose: the later end and the stricter mode win."""
    pauses: _Pauses = services.extra.setdefault("pause", _Pauses())
    end_ns = clock.monotonic_ns() + milliseconds * 1_000_000
    old_mode, old_end_ns = pauses.running.get(purpose, (mode, end_ns))
    pauses.running[purpose] = ("all" if "all" in (mode, old_mode) else mode, max(end_ns, old_end_ns))
    _follow(services, pauses)


def end(services: Services, purpose: str = "client") -> None:
    """Let the requests go on that this pause kept back, in the order in which they came."""
    pauses: _Pauses | None = services.extra.get("pause")
    if pauses is not None and pauses.running.pop(purpose, None) is not None:
        _follow(services, pauses)


def _late(services: Services, pauses: _Pauses) -> None:
    now = clock.monotonic_ns()
    pauses.running = {purpose: pause for purpose, pause in pauses.running.items() if pause[1] > now}
    _follow(services, pauses)


def _follow(services: Services, pauses: _Pauses) -> None:
    guard, events = services.guard, services.events
    if pauses.timer is not None:
        pauses.timer.cancel()
        pauses.timer = None
    if pauses.running:
        first_ns = min(end_ns for _, end_ns in pauses.running.values())
        delay = min(max(0, first_ns - clock.monotonic_ns()) / 1e9, _LONGEST_S)
        pauses.timer = asyncio.get_running_loop().call_later(delay, _late, services, pauses)
    modes = {mode for mode, _ in pauses.running.values()}
    guard.paused = "all" if "all" in modes else "write" if modes else ""
    if not services.primary.is_replica:
        events.expiry = "hide" if modes else "delete"
    held, guard.held = guard.held, []
    for resume in held:  # what is still to wait comes back to `held`
        resume()
