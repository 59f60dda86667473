"""The way out of one connection: what has been encoded, written in as few and as large pieces as is free of copies.

Rules: order is kept; small buffers are joined, large ones (`LARGE` bytes and more) are handed to the transport as
they are; a client that does not read makes the transport call `pause_writing`, and its requests wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from pyredisai.clock import monotonic_ns
from pyredisai.resp.buffers import LARGE, coalesced
from pyredisai.resp.encoder import Buffers

WAIT_NS: Final = 500_000

__all__ = ["LARGE", "Turn", "coalesced", "write"]


class Outlet(Protocol):
    """What a turn asks of a connection; `flush_planned` tells that it is in one."""

    flush_planned: bool

    def flush(self) -> None:
        """Write what has been encoded."""


class Turn:
    """The connections that have replies, to be written together when the loop's turn ends.

    A client that sleeps is woken by a write, and waking costs as much as a small command: clients that are written
    to one after the other are awake for the rest. Nobody waits for others for longer than WAIT_NS.
    """

    __slots__ = ("_now_ns", "_since_ns", "_waiting")

    def __init__(self, now_ns: Callable[[], int] = monotonic_ns) -> None:
        self._now_ns = now_ns
        self._waiting: list[Outlet] = []
        self._since_ns = 0

    def add(self, outlet: Outlet) -> None:
        """Flush it at the end of the turn."""
        outlet.flush_planned = True
        waiting = self._waiting
        waiting.append(outlet)
        if len(waiting) == 1:
            self._since_ns = self._now_ns()
            asyncio.get_running_loop().call_soon(self._end)
        elif self._now_ns() - self._since_ns > WAIT_NS:
            self._end()

    def _end(self) -> None:
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

    `gathers` tells that the transport's `writelines` does not join (uvloop's does not, asyncio's does).
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
