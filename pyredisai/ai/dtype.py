"""The data types of tensors: RedisAI's names, numpy's types, sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np


@dataclass(frozen=True, slots=True)
class DType:
    """A tensor's element type. `itemsize` in bytes; strings have none and hold Python `bytes` in arrays."""

    name: str
    numpy: np.dtype[Any]
    itemsize: int


STRING: Final = DType("STRING", np.dtype(object), 0)
DTYPES: Final[dict[str, DType]] = {
    name: DType(name, np.dtype(code), np.dtype(code).itemsize)
    for name, code in {
        "FLOAT": "<f4",
        "DOUBLE": "<f8",
        "INT8": "i1",
        "INT16": "<i2",
        "INT32": "<i4",
        "INT64": "<i8",
        "UINT8": "u1",
        "UINT16": "<u2",
        "BOOL": "?",
    }.items()
} | {"STRING": STRING}
BY_NUMPY: Final[dict[np.dtype[Any], DType]] = {d.numpy: d for d in DTYPES.values()}
