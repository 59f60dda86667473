"""CLIENT PAUSE: until when requests are kept back, and what wakes them (`server.gates` holds them)."""

from __future__ import annotations

import asyncio

from pyredisai import clock
from pyredisai.commands.context import Services


class _Pause:
    """The running pause: when it ends (monotonic ns) and the timer that ends it."""

    def __init__(self) -> None:
        self.end_ns = 0
        self.timer: asyncio.TimerHandle | None = None


def start(services: Services, mode: str, milliseconds: int) -> None:
    """Begin a pause, or extend the one that runs: the later end and the stricter mode win."""
    state: _Pause = services.extra.setdefault("pause", _Pause())
    guard = services.guard
    if guard.paused != "all":
        guard.paused = mode
    end_ns = clock.monotonic_ns() + milliseconds * 1_000_000
    state.end_ns = max(state.end_ns, end_ns)
    if state.timer is not None:
        state.timer.cancel()
    # A timer of more than a year is as good as none, and some event loops refuse longer ones.
    delay = min(max(0, state.end_ns - clock.monotonic_ns()) / 1e9, 365 * 86400.0)
    state.timer = asyncio.get_running_loop().call_later(delay, end, services)


def end(services: Services) -> None:
    """Let all requests go on, in the order in which they came."""
    state: _Pause | None = services.extra.pop("pause", None)
    if state is not None and state.timer is not None:
        state.timer.cancel()
    guard = services.guard
    guard.paused = ""
    held, guard.held = guard.held, []
    for resume in held:
        resume()
