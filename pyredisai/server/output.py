"""The way out of one connection: what has been encoded, written in as few and as large pieces as is free of copies.

Rules: order is kept; small buffers are joined, large ones (`LARGE` bytes and more) are handed to the transport as
they are; a client that does not read makes the transport call `pause_writing`, and its requests wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from pyredisai.clock import monotonic_ns
from pyredisai.execution.staging import Stage
from pyredisai.resp.buffers import LARGE, coalesced
from pyredisai.resp.encoder import Buffers

WAIT_NS: Final = 500_000
SLICE_NS: Final = 200_000
STAGED_SLICE_NS: Final = 500_000
# Modules with transports whose `writelines` does not join; asyncio's own does.
GATHERING: Final = ("uvloop", "pyredisai.server.tls_layer")
SHORT_SLICE_NS: Final = 50_000
QUICK_NS: Final = 50_000_000

__all__ = ["GATHERING", "LARGE", "Turn", "coalesced", "write"]


class Outlet(Protocol):
    """What a turn asks of a connection; `flush_planned` tells that it is in one."""

    flush_planned: bool

    def flush(self) -> None:
        """Write what has been encoded."""

    def catch_up(self) -> None:
        """Run the requests that were put off."""


class Turn:
    """What the connections do together in one turn of the loop: their slow requests last, and their writes at its end.

    A client that sleeps is woken by a write, and waking costs as much as a small command: clients that are written
    to one after the other are awake for the rest. Nobody waits for others for longer than WAIT_NS.

    Clients whose last request was slow are put off until the others of the turn have their replies. They then have
    SLICE_NS (STAGED_SLICE_NS where they leave their runs to the `stage`), or SHORT_SLICE_NS where there was a quick
    request within QUICK_NS; those that are left have the next turn, which again begins with the others. `begin` is
    called with each slice.
    """

    __slots__ = ("_begin", "_late", "_now_ns", "_planned", "_quick_ns", "_since_ns", "_slicing", "_stage", "_waiting")

    def __init__(
        self,
        now_ns: Callable[[], int] = monotonic_ns,
        begin: Callable[[], None] = lambda: None,
        stage: Stage | None = None,
    ) -> None:
        self._now_ns = now_ns
        self._begin = begin
        self._stage = stage or Stage(now_ns)
        self._waiting: list[Outlet] = []
        self._late: deque[Outlet] = deque()
        self._since_ns = 0
        self._quick_ns = -QUICK_NS
        self._planned = False
        self._slicing = False

    def add(self, outlet: Outlet) -> None:
        """Flush it at the end of the turn."""
        outlet.flush_planned = True
        waiting = self._waiting
        waiting.append(outlet)
        if self._slicing:  # it ends with a flush, soon
            return
        self._quick_ns = now = self._now_ns()
        if len(waiting) == 1:
            self._since_ns = now
            self._plan()
        elif now - self._since_ns > WAIT_NS:
            self._flush()

    def put_off(self, outlet: Outlet) -> None:
        """Let it catch up behind all others."""
        self._late.append(outlet)
        self._plan()

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        try:
            self._flush()
            if self._late:
                self._slice()
        finally:
            self._planned = False
            if self._late or self._waiting:
                self._plan()

    def _slice(self) -> None:
        late, now, stage = self._late, self._now_ns, self._stage
        self._begin()
        start = now()
        hurry = start - self._quick_ns < QUICK_NS
        most = SHORT_SLICE_NS if hurry else SLICE_NS
        self._slicing = True
        stage.is_open = not hurry and len(late) > 1
        try:
            while late and now() - start + stage.due_ns < (STAGED_SLICE_NS if stage.due_ns else most):
                late.popleft().catch_up()
        finally:
            stage.close()
            self._slicing = False
        self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for outlet in waiting:
            outlet.flush_planned = False
            try:
                outlet.flush()
            except Exception as error:  # the others must not lose their replies
                context = {"message": "replies could not be written", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


def write(transport: Any, out: Buffers, size: int, gathers: bool) -> None:
    """Write all of `out`, which is `size` bytes long, and empty it.

    `gathers` tells that the transport's `writelines` does not join (`GATHERING`).
    """
    if len(out) == 1:
        transport.write(out[0])
    elif size < LARGE:
        transport.write(b"".join(out))
    elif gathers:
        transport.writelines(coalesced(out))
    else:
        for part in coalesced(out):
            transport.write(part)
    out.clear()
