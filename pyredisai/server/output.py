"""The way out of one connection: what has been encoded, written in as few and as large pieces as is free of copies.

Rules: order is kept; small buffers are joined, large ones (`LARGE` bytes and more) are handed to the transport as
they are; a client that does not read makes the transport call `pause_writing`, and its requests wait.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from pyredisai.resp.buffers import LARGE, coalesced
from pyredisai.resp.encoder import Buffers

__all__ = ["LARGE", "Turn", "coalesced", "write"]


class Outlet(Protocol):
    """What a turn asks of a connection; `flush_planned` tells that it is in one."""

    flush_planned: bool

    def flush(self) -> None:
        """Write what has been encoded."""


class Turn:
    """The connections that have replies, to be written together when the loop's turn ends.

    A client that sleeps is woken by a write, and waking costs as much as a small command: clients that are written
    to one after the other are awake for the rest.
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[Outlet] = []

    def add(self, outlet: Outlet) -> None:
        """Flush it at the end of the turn."""
        outlet.flush_planned = True
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._end)
        self._waiting.append(outlet)

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        for outlet in waiting:
            outlet.flush_planned = False
            outlet.flush()


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
