"""The checksum of RDB files and DUMP payloads: CRC-64 with Jones' polynomial, as Redis computes it."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def _model() -> Any:
    import anycrc  # here: a server that never saves need not load it

    return anycrc.Model("CRC64-REDIS")


def crc64(data: bytes | bytearray | memoryview, crc: int = 0) -> int:
    """The checksum of `data` after what gave `crc`."""
    return int(_model().calc(data, crc))
