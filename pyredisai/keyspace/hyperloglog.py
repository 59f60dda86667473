"""The HyperLogLog: how many different elements were added, kept in a string that is byte for byte Redis' own.

Sixteen bytes of header (`HYLL`, the form, three unused bytes, the last estimate with a mark for "out of date"), then
2**14 registers in one of two forms (`hll_sparse`, `hll_dense`). The estimate is that of O. Ertl, "New cardinality
estimation algorithms for HyperLogLog sketches" (arXiv 1702.01284), the hash is MurmurHash64A by A. Appleby.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pyredisai.keyspace import hll_dense, hll_sparse
from pyredisai.keyspace.hll_sparse import REGISTERS, MalformedRuns, SparseRegisters

if TYPE_CHECKING:
    pass

HEADER: Final = 16
DENSE_SIZE: Final = HEADER + hll_dense.SIZE
_DENSE, _SPARSE = 0, 1
_MAGIC = b"HYLL"
_STALE = 0x80  # in the last byte of the header
_INDEX_BITS, _VALUE_BITS = 14, 50
_ALPHA = 0.721347520444481703680  # 1 / (2 ln 2)

_MASK = 2**64 - 1
_MULTIPLIER = 0xC6A4A7935BD1E995
_SEED = 0xADC83B19


class NotHyperLogLog(ValueError):
    """The string is something else."""


def murmur64a(data: bytes, seed: int = _SEED) -> int:
    """MurmurHash64A of some bytes: 64 bits."""
    m, mask = _MULTIPLIER, _MASK
    h = seed ^ (len(data) * m & mask)
    whole = len(data) & ~7
    for at in range(0, whole, 8):
        k = int.from_bytes(data[at : at + 8], "little") * m & mask
        h = ((h ^ ((k ^ k >> 47) * m & mask)) * m) & mask
    if whole != len(data):
        h = ((h ^ int.from_bytes(data[whole:], "little")) * m) & mask
    h = (h ^ h >> 47) * m & mask
    return h ^ h >> 47


def place_of(element: bytes) -> tuple[int, int]:
    """The register of an element, and the value that it asks for: how many bits up to the first 1."""
    hashed = murmur64a(element)
    rest = hashed >> _INDEX_BITS | 1 << _VALUE_BITS
    return hashed & (REGISTERS - 1), (rest & -rest).bit_length()


class HyperLogLog:
    """One that is read or edited: a copy of the string's bytes, `data`. Raises NotHyperLogLog for other strings.

    Where the registers are malformed, methods raise MalformedRuns.
    """

    __slots__ = ("_sparse", "data")

    def __init__(self, data: bytes | memoryview | None = None) -> None:
        """Of a string, or empty."""
        if data is None:
            data = _MAGIC + bytes((_SPARSE,)) + bytes(HEADER - 5) + hll_sparse.EMPTY
        if len(data) < HEADER or bytes(data[:4]) != _MAGIC or data[4] > _SPARSE:
            raise NotHyperLogLog
        if data[4] == _DENSE and len(data) != DENSE_SIZE:
            raise NotHyperLogLog
        self.data = bytearray(data)
        self._sparse: SparseRegisters | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether it has the compact form."""
        return self.data[4] == _SPARSE

    @property
    def cached(self) -> int | None:
        """The last estimate; None where registers have changed since."""
        return None if self.data[15] & _STALE else int.from_bytes(self.data[8:16], "little")

    def keep(self, estimate: int) -> None:
        """Note an estimate in the header."""
        self.data[8:16] = estimate.to_bytes(8, "little")

    def forget(self) -> None:
        """The noted estimate is out of date."""
        self.data[15] |= _STALE

    def add(self, element: bytes, max_bytes: int) -> bool:
        """Add an element: whether a register changed. The compact form ends beyond `max_bytes`."""
        index, value = place_of(element)
        return self._raise(index, value, max_bytes)

    def _raise(self, index: int, value: int, max_bytes: int) -> bool:
        if self.is_sparse:
            if value <= hll_sparse.MAX_VALUE:
                changed = self._edit_sparse(index, value, max_bytes)
                if changed is not None:
                    return changed
            self.to_dense()
        return hll_dense.raise_register(self.data, HEADER, index, value)

    def _edit_sparse(self, index: int, value: int, max_bytes: int) -> bool | None:
        if self._sparse is None:
            self._sparse = SparseRegisters(self.data[HEADER:])
        changed = self._sparse.raise_register(index, value, max_bytes - HEADER)
        if changed:
            self.data[HEADER:] = self._sparse.data
            self.forget()
        return changed

    def to_dense(self) -> bool:
        """Take the full form: whether it had the compact one."""
        if not self.is_sparse:
            return False
        packed = hll_dense.pack(self.registers())
        self.data[4] = _DENSE
        self.data[HEADER:] = packed
        self._sparse = None
        return True

    def registers(self) -> hll_dense.Registers:
        """All registers (16384 of dtype uint8)."""

        import numpy as np

        body = bytes(self.data[HEADER:])
        if self.is_sparse:
            return np.frombuffer(hll_sparse.expand(body), np.uint8)
        return hll_dense.unpack(body)

    def merge(self, registers: hll_dense.Registers, max_bytes: int) -> None:
        """Raise every register to those of another, in their order."""

        import numpy as np

        for index in np.flatnonzero(registers).tolist():
            if not self.is_sparse:
                break
            self._raise(index, int(registers[index]), max_bytes)
        if not self.is_sparse:
            self.data[HEADER:] = hll_dense.pack(np.maximum(self.registers(), registers))

    def estimate(self) -> int:
        """How many different elements were added, computed from the registers."""
        body = bytes(self.data[HEADER:])
        return estimate(hll_sparse.histogram(body) if self.is_sparse else hll_dense.histogram(body))

    def decode(self) -> str:
        """The runs of the compact form as PFDEBUG DECODE shows them."""
        shown = []
        for value, length, is_long in hll_sparse.runs(self.data[HEADER:]):
            shown.append(f"v:{value},{length}" if value else f"{'Z' if is_long else 'z'}:{length}")
        return " ".join(shown)


def estimate_registers(registers: hll_dense.Registers) -> int:
    """The estimate for registers in hand."""

    import numpy as np

    return estimate(np.bincount(registers, minlength=64).tolist())


def estimate(histogram: list[int]) -> int:
    """The number of elements that made registers with these counts of each value (0 to 63)."""
    m = float(REGISTERS)
    z = m * _tau((m - histogram[_VALUE_BITS + 1]) / m)
    for value in range(_VALUE_BITS, 0, -1):
        z = (z + histogram[value]) * 0.5
    z += m * _sigma(histogram[0] / m)
    return _rounded(_ALPHA * m * m / z)


def _rounded(number: float) -> int:
    """To the nearest integer, halves away from zero."""
    whole = math.floor(number)
    return whole + (number - whole >= 0.5)


def _sigma(x: float) -> float:
    if x == 1.0:
        return math.inf
    y, z = 1.0, x
    while True:
        x *= x
        before, z = z, z + x * y
        y += y
        if z == before:
            return z


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    y, z = 1.0, 1.0 - x
    while True:
        x = math.sqrt(x)
        y *= 0.5
        rest = 1.0 - x
        before, z = z, z - rest * rest * y
        if z == before:
            return z / 3


__all__ = ["DENSE_SIZE", "HyperLogLog", "MalformedRuns", "NotHyperLogLog", "estimate_registers", "murmur64a"]
