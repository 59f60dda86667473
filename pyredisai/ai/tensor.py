"""The tensor: dtype, shape and the bytes as they came; an array over them when somebody computes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyredisai.ai.dtype import DType, of_numpy
from pyredisai.ai.values import read_values

if TYPE_CHECKING:
    import numpy.typing as npt


_MOST_SHAPES: Final = 4096
_shapes: dict[tuple[int, ...], tuple[int, ...]] = {}


def shared_shape(dims: list[int]) -> tuple[int, ...]:
    """The dimensions as a tuple that equal ones share: a million small tensors need not hold one each."""
    shape = tuple(dims)
    known = _shapes.get(shape)
    if known is None:
        if len(_shapes) < _MOST_SHAPES:
            _shapes[shape] = shape
        return shape
    return known


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
        """Wrap an array, made C-contiguous and read-only; objects are `bytes`, the elements of a STRING.

        Raises KeyError for a dtype that RedisAI lacks.
        """
        dtype = of_numpy(array.dtype)
        if not array.flags.c_contiguous:
            array = array.copy()
        array.flags.writeable = False
        return cls(dtype, array.shape, array=array)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The length of the blob, in bytes."""
        return self.size * self.dtype.itemsize or len(self.blob)

    @property
    def array(self) -> npt.NDArray[Any]:
        """The elements as a read-only array of `shape`.

        An object array of `bytes` for STRING; for BFLOAT16 the dtype is numpy's void of two bytes.
        """
        if self._array is None:
            import numpy as np

            assert self._blob is not None
            if self.dtype.itemsize:
                self._array = np.ndarray(self.shape, self.dtype.numpy, self._blob)
            else:
                elements = np.empty(self.size, object)
                elements[:] = read_values(self.dtype, self._blob)
                elements = elements.reshape(self.shape)
                elements.flags.writeable = False
                self._array = elements
        return self._array

    @property
    def blob(self) -> bytes | memoryview:
        """The elements as bytes, without a copy where they lie in memory already."""
        if self._blob is None:
            assert self._array is not None
            flat = self._array.reshape(-1)
            if not self.dtype.itemsize:
                self._blob = b"".join(element + b"\0" for element in flat)
            elif flat.size:
                self._blob = flat.view("u1").data
            else:
                self._blob = b""
        return self._blob

    def values(self) -> list[float] | list[int] | list[bytes] | list[int | bytes]:
        """The elements in C order: see `read_values`."""
        return read_values(self.dtype, self.blob)
