"""The tensor: dtype, shape and the bytes as they came; an array over them when somebody computes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pyredisai.ai.dtype import DType, of_numpy
from pyredisai.ai.values import read_values

if TYPE_CHECKING:
    import numpy.typing as npt


_MOST_SHAPES: Final = 4096
SMALL: Final = 4096  # up to so many bytes a copy is cheaper than the objects that would share them
_shapes: Final[dict[tuple[int, ...], tuple[int, ...]]] = {}


def shared_shape(dims: Iterable[int]) -> tuple[int, ...]:
    """The dimensions as a tuple that equal ones share: a million small tensors need not hold one each."""
    shape = tuple(dims)
    known = _shapes.get(shape)
    if known is None:
        if len(_shapes) >= _MOST_SHAPES:
            _shapes.clear()
        _shapes[shape] = known = shape
    return known


class Tensor:
    """Immutable. `shape` is a tuple of ints; `()` is a scalar.

    Made from a blob (little-endian, C order; for STRING each element ends in a null byte) or from an
    array; the other form is derived when it is first asked for. Workers and replies share it uncopied; other threads
    may read it at any time.
    """

    __slots__ = ("_array", "_blob", "dtype", "shape")
    redis_type: ClassVar[str] = "AI_TENSOR"

    def __init__(
        self,
        dtype: DType,
        shape: tuple[int, ...],
        blob: bytes | memoryview | None = None,
        array: npt.NDArray[Any] | None = None,
    ) -> None:
        self.dtype = dtype
        self.shape = shape
        self._blob = blob
        self._array = array

    @classmethod
    def from_array(cls, array: npt.NDArray[Any], dtype: DType | None = None) -> Tensor:
        """Wrap an array, made C-contiguous and read-only; objects are `bytes`, the elements of a STRING.

        `dtype` is the array's, where the caller knows it. Raises KeyError for one that RedisAI lacks.
        """
        if dtype is None:
            dtype = of_numpy(array.dtype)
        if not array.flags.c_contiguous:
            array = array.copy()
        array.setflags(write=False)
        return cls(dtype, array.shape, None, array)

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
        array = self._array
        if array is None:
            import numpy as np

            blob = self._blob
            assert blob is not None
            dtype = self.dtype
            array = np.ndarray(self.shape, dtype.numpy, blob) if dtype.itemsize else self._strings(blob)
            array.setflags(write=False)
            self._array = array
        return array

    def _strings(self, blob: bytes | memoryview) -> npt.NDArray[Any]:
        import numpy as np

        array = np.empty(self.size, object)
        array[:] = read_values(self.dtype, blob)
        return array.reshape(self.shape)

    @property
    def blob(self) -> bytes | memoryview:
        """The elements as bytes; more than a few are not copied where they lie in memory already."""
        blob = self._blob
        if blob is None:
            array = self._array
            assert array is not None
            if not self.dtype.itemsize:
                blob = b"".join(element + b"\0" for element in array.reshape(-1))
            elif array.nbytes <= SMALL:
                blob = array.tobytes()
            else:
                blob = array.reshape(-1).view("u1").data
            self._blob = blob
        return blob

    def settle(self) -> None:
        """Take little memory from now on, as what is stored: no array beside a few bytes, no part of a larger array."""
        array = self._array
        if array is None or not self.dtype.itemsize:
            return
        if array.nbytes <= SMALL:
            if self._blob is None:
                self._blob = array.tobytes()
            self._array = None
            self.shape = _shapes.get(self.shape) or shared_shape(self.shape)
        elif self._blob is None and getattr(array.base, "nbytes", 0) > 2 * array.nbytes:
            array = array.copy()
            array.flags.writeable = False
            self._array = array

    def values(self) -> list[float] | list[int] | list[bytes] | list[int | bytes]:
        """The elements in C order: see `read_values`."""
        array = self._array
        if array is not None and self.dtype.plain:
            values: list[float] | list[int] = array.ravel().tolist()
            return values
        return read_values(self.dtype, self.blob)
