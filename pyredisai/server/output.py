"""The way out of one connection: what has been encoded, written in as few and as large pieces as is free of copies.

Rules: order is kept; small buffers are joined, large ones (`LARGE` bytes and more) are handed to the transport as
they are; a client that does not read makes the transport call `pause_writing`, and its requests wait.
"""

from __future__ import annotations

from typing import Any, Final

from pyredisai.resp.encoder import Buffers

LARGE: Final = 16 * 1024


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


def coalesced(out: Buffers) -> Buffers:
    """The same bytes with neighbouring small buffers joined."""
    parts: Buffers = []
    small: Buffers = []
    for part in out:
        if len(part) >= LARGE:
            if small:
                parts.append(b"".join(small))
                small = []
            parts.append(part)
        else:
            small.append(part)
    if small:
        parts.append(b"".join(small))
    return parts
