"""LZF by the fastest means at hand: the C library itself where imagecodecs is installed (extra `lzf`), else Python.

Both give the same bytes. ADR 10 has the reasons and the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from pyredisai.errors import PersistenceError
from pyredisai.persistence.rdb import lzf, lzf_many

# No three bytes of LZF stand for more than 264.
_MOST_EXPANSION: Final = 88


class _Native(NamedTuple):
    encode: Callable[..., Any]
    decode: Callable[..., Any]
    error: type[Exception]


@cache
def _native() -> _Native | None:
    """The C library, imported at the first save or load that meets a compressible string."""
    try:
        import imagecodecs
    except ImportError:
        return None
    return _Native(imagecodecs.lzf_encode, imagecodecs.lzf_decode, imagecodecs.LzfError)


def decompress(data: bytes, length: int) -> bytes:
    """Undo LZF; `length` is the size of the result. Raises PersistenceError for corrupt data."""
    native = _native()
    if native is None or not data:
        return lzf.decompress(data, length)
    if length > _MOST_EXPANSION * len(data):
        raise PersistenceError(f"LZF data of {len(data)} bytes cannot give {length}")
    try:
        found: bytes = native.decode(data, header=False, out=length)
    except native.error as error:
        raise PersistenceError(f"LZF data is corrupt: {error}") from None
    if len(found) != length:
        raise PersistenceError(f"LZF data gives {len(found)} bytes in place of {length}")
    return found


def compress(data: bytes, limit: int) -> bytes | None:
    """LZF of `data`, or None when that takes more than `limit` bytes."""
    native = _native()
    if native is None or len(data) < 4 or limit <= 1:
        return lzf.compress(data, limit)
    return _encoded(native, data, limit)


def compress_many(values: Sequence[bytes | memoryview]) -> list[bytes | None]:
    """What `compress` gives for each value, its size less four as the limit. Values have more than five bytes."""
    native = _native()
    if native is None:
        return lzf_many.compress_many(values)
    return [_encoded(native, value, len(value) - 4) for value in values]


def _encoded(native: _Native, data: bytes | memoryview, limit: int) -> bytes | None:
    try:
        found: bytes = native.encode(data, header=False, out=limit - 1)  # the buffer that it makes is a byte longer
    except native.error:
        return None
    return found or None
