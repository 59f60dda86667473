"""The tensor: dtype, shape and the bytes as they came; an array over them when somebody computes."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyredisai.ai.dtype import BY_NUMPY, DType


class Tensor:
    """Immutable. `shape` is a tuple of ints; `()` is a scalar.

    Made from a blob (little-endian, C order; for STRING each element ends in a null byte) or from an
    array; the other form is derived when it is first asked for. Workers and replies share it uncopied.
    """

    __slots__ = ("_array", "_blob", "dtype", "shape")
    redis_type: ClassVar[str] = "AI_TENSOR"

    def __init__(
        self,
        dtype: DType,
        shape: tuple[int, ...],
        *,
        blob: bytes | memoryview | None = None,
        array: npt.NDArray[Any] | None = None,
    ) -> None:
        self.dtype = dtype
        self.shape = shape
        self._blob = blob
        self._array = array

    @classmethod
    def from_array(cls, array: npt.NDArray[Any]) -> Tensor:
        """Wrap an array (made C-contiguous and read-only). Raises KeyError for a dtype RedisAI lacks."""
        array = np.ascontiguousarray(array) if array.ndim else array
        array.flags.writeable = False
        return cls(BY_NUMPY[array.dtype], array.shape, array=array)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def array(self) -> npt.NDArray[Any]:
        """The elements as a read-only array of `shape`; object array of `bytes` for STRING."""
        if self._array is None:
            assert self._blob is not None
            if self.dtype.itemsize:
                self._array = np.frombuffer(self._blob, self.dtype.numpy).reshape(self.shape)
            else:
                elements = np.empty(self.size, object)
                elements[:] = bytes(self._blob).split(b"\0")[:-1]
                self._array = elements.reshape(self.shape)
        return self._array

    @property
    def blob(self) -> bytes | memoryview:
        """The elements as bytes, without a copy where they lie in memory already."""
        if self._blob is None:
            assert self._array is not None
            if self.dtype.itemsize:
                self._blob = self._array.reshape(-1).view(np.uint8).data
            else:
                self._blob = b"".join(e + b"\0" for e in self._array.reshape(-1))
        return self._blob
