"""The full form of a HyperLogLog: registers of six bits, packed from the lowest bit of the first byte on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from pyredisai.keyspace.hll_sparse import REGISTERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Registers: TypeAlias = "npt.NDArray[np.uint8]"
SIZE: Final = REGISTERS * 6 // 8


def unpack(packed: bytes | bytearray | memoryview) -> Registers:
    """All registers (16384 of dtype uint8) of SIZE bytes."""

    import numpy as np

    low, middle, high = np.frombuffer(packed, np.uint8).reshape(-1, 3).T
    registers = np.empty((REGISTERS // 4, 4), np.uint8)
    registers[:, 0] = low & 63
    registers[:, 1] = (low >> 6) | ((middle & 15) << 2)
    registers[:, 2] = (middle >> 4) | ((high & 3) << 4)
    registers[:, 3] = high >> 2
    return registers.reshape(-1)


def pack(registers: Registers) -> bytes:
    """SIZE bytes of all registers, each at most 63."""

    import numpy as np

    one, two, three, four = registers.reshape(-1, 4).T
    packed = np.empty((REGISTERS // 4, 3), np.uint8)
    packed[:, 0] = one | (two << 6)
    packed[:, 1] = (two >> 2) | (three << 4)
    packed[:, 2] = (three >> 4) | (four << 2)
    return packed.tobytes()


def histogram(packed: bytes | bytearray | memoryview) -> list[int]:
    """How many registers have each value from 0 to 63."""

    import numpy as np

    found: list[int] = np.bincount(unpack(packed), minlength=64).tolist()
    return found


def raise_register(packed: bytearray, start: int, index: int, value: int) -> bool:
    """Give one register, of those that begin at byte `start`, at least this value: whether it changed."""
    at, bit = divmod(index * 6, 8)
    at += start
    word = int.from_bytes(packed[at : at + 2], "little")
    if (word >> bit) & 63 >= value:
        return False
    word = word & ~(63 << bit) | value << bit
    size = min(2, len(packed) - at)
    packed[at : at + size] = word.to_bytes(size, "little")
    return True
