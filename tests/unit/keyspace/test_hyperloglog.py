"""HyperLogLogs: both forms hold the same registers, and the estimate is about right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.keyspace import hll_dense, hll_sparse
from pyredisai.keyspace.hll_sparse import REGISTERS, MalformedRuns, SparseRegisters
from pyredisai.keyspace.hyperloglog import (
    DENSE_SIZE,
    HyperLogLog,
    NotHyperLogLog,
    estimate_registers,
    murmur64a,
)

changes = st.lists(
    st.tuples(st.one_of(st.integers(0, 40), st.integers(REGISTERS - 9, REGISTERS - 1)), st.integers(1, 32)), max_size=60
)


def test_the_hash_is_murmur64a() -> None:
    """The value that the function's author gives for his own verification: hashes of 0, 0 1, 0 1 2, … hashed again."""
    hashes = b"".join(murmur64a(bytes(range(i)), 256 - i).to_bytes(8, "little") for i in range(256))
    assert murmur64a(hashes, 0) & 0xFFFFFFFF == 0x1F0D3804


@given(changes)
def test_runs_hold_the_highest_value_of_each_register(sequence: list[tuple[int, int]]) -> None:
    sparse, expected = SparseRegisters(bytearray(hll_sparse.EMPTY)), bytearray(REGISTERS)
    for index, value in sequence:
        assert sparse.raise_register(index, value, 10_000) is (value > expected[index])
        expected[index] = max(expected[index], value)
    assert hll_sparse.expand(sparse.data) == expected
    assert hll_sparse.histogram(sparse.data) == np.bincount(expected, minlength=64).tolist()


@given(changes)
def test_registers_in_rising_order_make_the_same_runs_as_a_fresh_search(sequence: list[tuple[int, int]]) -> None:
    quick = SparseRegisters(bytearray(hll_sparse.EMPTY))
    slow = bytearray(hll_sparse.EMPTY)
    for index, value in sorted(sequence):
        quick.raise_register(index, value, 10_000)
        fresh = SparseRegisters(slow)
        fresh.raise_register(index, value, 10_000)
    assert quick.data == slow


def test_runs_that_would_be_too_long_stay_as_they_are() -> None:
    sparse = SparseRegisters(bytearray(hll_sparse.EMPTY))
    assert sparse.raise_register(5, 1, 4) is True
    before = bytes(sparse.data)
    assert sparse.raise_register(500, 1, 4) is None
    assert sparse.data == before


@pytest.mark.parametrize("runs", [b"", b"\x00", b"\x7f\xff\x00", b"\x7f\xff\x80", b"\x7f\xfe\xff", b"\x7f"])
def test_malformed_runs_are_found(runs: bytes) -> None:
    with pytest.raises(MalformedRuns):
        hll_sparse.expand(runs)
    with pytest.raises(MalformedRuns):
        hll_sparse.histogram(runs)


@given(st.integers(0, 2**32))
def test_packing_is_undone(seed: int) -> None:
    registers = np.random.default_rng(seed).integers(0, 64, REGISTERS, np.uint8)
    packed = bytearray(hll_dense.pack(registers))
    assert len(packed) == hll_dense.SIZE
    assert int.from_bytes(packed, "little") >> 6 * 77 & 63 == registers[77]
    assert np.array_equal(hll_dense.unpack(packed), registers)
    assert hll_dense.histogram(packed) == np.bincount(registers, minlength=64).tolist()
    for index in (0, 77, REGISTERS - 1):
        assert hll_dense.raise_register(packed, 0, index, 63) is bool(registers[index] < 63)
        registers[index] = 63
    assert np.array_equal(hll_dense.unpack(packed), registers)


@pytest.mark.parametrize("count", [0, 1, 100, 3000, 60_000])
def test_the_estimate_is_near_the_number(count: int) -> None:
    found = HyperLogLog()
    for number in range(count):
        found.add(b"element %d" % number, 3000)
    assert found.is_sparse is (count < 3000)
    assert abs(found.estimate() - count) <= count * 0.03
    assert estimate_registers(found.registers()) == found.estimate()


def test_merging_is_the_same_in_both_forms() -> None:
    one, other = HyperLogLog(), HyperLogLog()
    for number in range(800):
        one.add(b"%d" % number, 3000)
        other.add(b"%d" % (number + 400), 3000)
    expected = np.maximum(one.registers(), other.registers())
    dense = HyperLogLog(bytes(one.data))
    assert dense.to_dense()
    assert len(dense.data) == DENSE_SIZE
    for found, limit in ((one, 100_000), (dense, 0)):
        found.merge(expected, limit)
        assert np.array_equal(found.registers(), expected)
    assert one.is_sparse


@pytest.mark.parametrize("data", [b"", b"HYLL", b"HYLX" + bytes(14), b"HYLL\x02" + bytes(13), b"HYLL\x00" + bytes(13)])
def test_other_strings_are_refused(data: bytes) -> None:
    with pytest.raises(NotHyperLogLog):
        HyperLogLog(data)
