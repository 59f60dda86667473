"""A tensor's two forms say the same, share memory, and do not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyredisai.ai.dtype import DTYPES, STRING, of_numpy
from pyredisai.ai.tensor import Tensor, shared_shape

NUMERIC = [dtype for dtype in DTYPES.values() if dtype.itemsize and dtype.code != "|V2"]


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
def test_a_dtype_and_its_numpy_name(dtype) -> None:
    assert of_numpy(dtype.numpy) is dtype
    assert not dtype.itemsize or dtype.numpy.itemsize == dtype.itemsize


def test_a_dtype_that_redisai_lacks() -> None:
    with pytest.raises(KeyError):
        Tensor.from_array(np.zeros(2, np.complex64))


@given(st.data())
def test_blob_and_array_say_the_same(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(NUMERIC))
    array = data.draw(hnp.arrays(dtype.numpy, hnp.array_shapes(min_dims=0, min_side=0)))
    tensor = Tensor.from_array(array)
    again = Tensor(dtype, array.shape, blob=bytes(tensor.blob))
    assert again.array.tobytes() == array.tobytes() == bytes(tensor.blob)
    assert again.array.shape == tensor.shape
    assert len(tensor.values()) == tensor.size
    assert tensor.nbytes == len(tensor.blob)
    np.testing.assert_array_equal(np.array(tensor.values(), dtype.numpy).reshape(array.shape), array)


def test_the_blob_is_shared() -> None:
    blob = memoryview(np.arange(6, dtype="<f4")).cast("B").toreadonly()
    tensor = Tensor(DTYPES["FLOAT"], (3, 2), blob=blob)
    assert np.shares_memory(tensor.array, np.frombuffer(blob, "u1"))
    assert tensor.blob is blob
    array = np.arange(4000.0)
    assert np.shares_memory(np.frombuffer(Tensor.from_array(array).blob, "u1"), array)


def test_a_tensor_does_not_change() -> None:
    for tensor in (
        Tensor(DTYPES["INT8"], (2,), blob=b"ab"),
        Tensor.from_array(np.zeros(2)),
        Tensor(STRING, (2,), blob=b"a\0b\0"),
    ):
        with pytest.raises(ValueError, match="read-only"):
            tensor.array[0] = 1


def test_an_array_that_is_not_contiguous() -> None:
    array = np.arange(6, dtype="<i4").reshape(2, 3).T
    assert Tensor.from_array(array).values() == [0, 3, 1, 4, 2, 5]


def test_strings() -> None:
    tensor = Tensor(STRING, (2, 2), blob=b"a\0\0b\xff\0c\0")
    assert tensor.array.tolist() == [[b"a", b""], [b"b\xff", b"c"]]
    assert tensor.nbytes == 8
    again = Tensor.from_array(np.array([[b"a", b""], [b"b\xff", b"c"]], object))
    assert again.blob == tensor.blob
    assert again.values() == tensor.values() == [b"a", b"", b"b\xff", b"c"]


def test_equal_shapes_are_one_tuple():
    one, other = shared_shape([3, 70000]), shared_shape([3, 70000])
    assert one == (3, 70000)
    assert one is other
    assert shared_shape([]) == ()
    for i in range(5000):
        assert shared_shape([i, 7]) == (i, 7)


def test_what_is_small_is_stored_as_bytes() -> None:
    batch = np.arange(12, dtype="<f4").reshape(3, 4)
    tensor = Tensor.from_array(batch[1:2])
    tensor.settle()
    batch.flags.writeable = True
    batch[:] = 0  # it has nothing to do with the batch any more
    assert type(tensor.blob) is bytes
    assert tensor.shape is shared_shape((1, 4))
    assert tensor.array.tolist() == [[4, 5, 6, 7]]
    assert not tensor.array.flags.writeable
    tensor.settle()
    assert tensor.values() == [4, 5, 6, 7]


def test_a_part_of_something_large_does_not_keep_it() -> None:
    large = np.arange(100_000, dtype="<i4")
    part, whole = Tensor.from_array(large[:10_000]), Tensor.from_array(large[:90_000])
    part.settle()
    whole.settle()
    assert not np.shares_memory(part.array, large)
    assert np.shares_memory(whole.array, large)
    assert part.array.tolist() == list(range(10_000))
    with pytest.raises(ValueError, match="read-only"):
        part.array[0] = 1


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda dtype: dtype.name)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_settling_changes_no_value(dtype, shape) -> None:
    size = int(np.prod(shape))
    blob = bytes(i % 2 for i in range(size * dtype.itemsize)) if dtype.itemsize else b"ab\0" * size
    made = Tensor(dtype, shape, blob=blob)
    tensor = Tensor(dtype, shape, array=made.array)
    tensor.settle()
    assert bytes(tensor.blob) == blob
    assert tensor.array.shape == shape
    tensor.settle()
    assert tensor.array.tobytes() == made.array.tobytes() or not dtype.itemsize
    assert bytes(tensor.blob) == blob
