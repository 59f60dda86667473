"""Lists of buffers: small ones joined, large ones left as they are."""

from __future__ import annotations

from typing import Final

from pyredisai.resp.encoder import Buffers

LARGE: Final = 16 * 1024


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
