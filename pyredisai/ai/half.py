"""Floats of 16 bits: IEEE 754 binary16 (FLOAT16), and the upper half of a binary32 (BFLOAT16).

Both are rounded to the nearest, ties to even; what is too large becomes infinite.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyredisai.ai.dtype import FLOAT16, DType

_QUIET = 0x0040


def pack_halves(dtype: DType, values: Sequence[float]) -> bytes:
    """The blob of `values` as FLOAT16 or BFLOAT16."""
    import numpy as np

    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        if dtype is FLOAT16:
            blob: bytes = np.array(values, "f8").astype("<f2").tobytes()
            return blob
        floats = np.array(values, "f8").astype("<f4")
    bits = floats.view("<u4")
    upper = bits >> 16
    rounded = (bits + 0x7FFF + (upper & 1)) >> 16
    nan = np.isnan(floats)
    if nan.any():  # rounding may carry it into infinity
        rounded[nan] = upper[nan] | _QUIET
    return rounded.astype("<u2").tobytes()  # type: ignore[no-any-return]  # numpy


def unpack_halves(dtype: DType, blob: bytes | memoryview) -> list[float]:
    """The doubles that a blob of FLOAT16 or BFLOAT16 holds; each is exact."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
        if dtype is FLOAT16:
            return np.frombuffer(blob, "<f2").astype("f8").tolist()  # type: ignore[no-any-return]  # numpy
        bits = np.frombuffer(blob, "<u2").astype("<u4") << 16
        return bits.view("<f4").astype("f8").tolist()  # type: ignore[no-any-return]  # numpy
