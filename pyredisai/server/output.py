"""The way out of one connection: what has been encoded, written in as few and as large pieces as is free of copies.

Rules: order is kept; small buffers are joined, large ones (`LARGE` bytes and more) are handed to the transport as
they are; a client that does not read makes the transport call `pause_writing`, and its requests wait.
"""

from __future__ import annotations

from typing import Any

from pyredisai.resp.buffers import LARGE, coalesced
from pyredisai.resp.encoder import Buffers

__all__ = ["LARGE", "coalesced", "write"]


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
