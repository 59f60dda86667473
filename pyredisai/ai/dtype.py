"""The data types of tensors: one row each, with RedisAI's name and what Python and numpy call it.

numpy is imported when an array is first asked for, not with this module: a server that only stores
tensors starts without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["float", "int", "bool", "string"]


class DType:
    """A tensor's element type; compared by identity.

    `itemsize` is in bytes; strings have none and are Python `bytes` in arrays. `typecode` is the letter
    of the element in `array.array` and `memoryview.cast`, empty where these have none; `code` is numpy's name
    for it (`dtype.str`). `low` and `high` bound the VALUES of integers and booleans. `plain`: an element's value
    is the number that numpy makes of it.
    """

    def __init__(self, name: str, kind: Kind, typecode: str, code: str, itemsize: int) -> None:
        self.name: Final = name
        self.kind: Final = kind
        self.typecode: Final = typecode
        self.code: Final = code
        self.itemsize: Final = itemsize
        self.name_bytes: Final = name.encode()
        bits = 8 * itemsize
        signed = typecode.islower()
        self.low: Final = -(1 << bits - 1) if kind == "int" and signed else 0
        self.high: Final = 1 if kind == "bool" else (1 << bits - signed) - 1 if kind == "int" else 0
        self.plain: Final = bool(typecode) and kind in ("float", "int") and self.high < 1 << 63
        self._numpy: np.dtype[Any] | None = None

    def __repr__(self) -> str:
        return f"DType({self.name})"

    @property
    def numpy(self) -> np.dtype[Any]:
        """The dtype of numpy arrays that hold such elements."""
        found = self._numpy
        if found is None:
            import numpy as np

            found = self._numpy = np.dtype(self.code)
        return found


FLOAT16: Final = DType("FLOAT16", "float", "", "<f2", 2)
# numpy has none: an array holds two opaque bytes an element, so that nobody computes with them by mistake.
BFLOAT16: Final = DType("BFLOAT16", "float", "", "|V2", 2)
STRING: Final = DType("STRING", "string", "", "|O", 0)
# AI.TENSORSET of RedisAI refuses these names.
WIDE_UINTS: Final = ("UINT32", "UINT64")
DTYPES: Final[dict[str, DType]] = {
    dtype.name: dtype
    for dtype in (
        DType("FLOAT", "float", "f", "<f4", 4),
        DType("DOUBLE", "float", "d", "<f8", 8),
        DType("INT8", "int", "b", "|i1", 1),
        DType("INT16", "int", "h", "<i2", 2),
        DType("INT32", "int", "i", "<i4", 4),
        DType("INT64", "int", "q", "<i8", 8),
        DType("UINT8", "int", "B", "|u1", 1),
        DType("UINT16", "int", "H", "<u2", 2),
        DType("UINT32", "int", "I", "<u4", 4),
        DType("UINT64", "int", "Q", "<u8", 8),
        FLOAT16,
        BFLOAT16,
        DType("BOOL", "bool", "B", "|b1", 1),
        STRING,
    )
}
_BY_CODE: Final[dict[str, DType]] = {dtype.code: dtype for dtype in DTYPES.values()}


def of_numpy(dtype: np.dtype[Any]) -> DType:
    """The tensor type of a numpy dtype (objects are strings). Raises KeyError for one that RedisAI lacks."""
    return _BY_CODE[dtype.str]
