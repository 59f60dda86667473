"""The compact form of a HyperLogLog: runs of equal registers, one or two bytes each.

    00llllll            a run of l + 1 registers that are 0
    01llllll llllllll   a run of l + 1 registers that are 0
    1vvvvvll            a run of l + 1 registers that are v + 1

Fact source: the description of the format in the Redis documentation, and the bytes that redis-server stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

REGISTERS: Final = 1 << 14
MAX_VALUE: Final = 32
_MAX_ZERO, _MAX_VALUES = 64, 4
_MERGE_STEPS = 5

# Registers of a one-byte run by its byte; 0 stands for a long run, whose length needs the next byte.
_SPANS = [(b & 3) + 1 if b >= 0x80 else 0 if b >= 0x40 else (b & 63) + 1 for b in range(256)]
# The registers of a one-byte run by its byte.
_PIECES = [bytes(((b >> 2 & 31) + 1,)) * span if b >= 0x80 else bytes(span) for b, span in enumerate(_SPANS)]


class MalformedRuns(ValueError):
    """The runs do not make up all registers."""


def _zeros(length: int) -> bytes:
    """A run of zeros, in the shorter form where that can hold it."""
    if length > _MAX_ZERO:
        return bytes((0x40 | (length - 1) >> 8, (length - 1) & 0xFF))
    return bytes((length - 1,))


def _values(value: int, length: int) -> int:
    return 0x80 | (value - 1) << 2 | (length - 1)


def _long_span(data: bytearray | bytes | memoryview, at: int) -> int:
    low = data[at + 1] if at + 1 < len(data) else 0
    return ((data[at] & 0x3F) << 8 | low) + 1


EMPTY: Final = _zeros(REGISTERS)


def runs(data: bytes | bytearray | memoryview) -> Iterator[tuple[int, int, bool]]:
    """(value, registers, whether it is a long run) of each run."""
    at, end = 0, len(data)
    while at < end:
        byte = data[at]
        if byte >= 0x80:
            yield ((byte >> 2) & 31) + 1, (byte & 3) + 1, False
        elif byte >= 0x40:
            yield 0, _long_span(data, at), True
            at += 1
        else:
            yield 0, byte + 1, False
        at += 1


def expand(data: bytes | bytearray | memoryview) -> bytearray:
    """All registers, a byte each. Raises MalformedRuns."""
    parts: list[bytes] = []
    at, end, left = 0, len(data), REGISTERS
    while at < end and left > 0:
        part = _PIECES[data[at]]
        if not part:
            part = bytes(_long_span(data, at))
            at += 1
        at += 1
        left -= len(part)
        parts.append(part)
    if left or at < end:
        raise MalformedRuns
    return bytearray().join(parts)


def histogram(data: bytes | bytearray | memoryview) -> list[int]:
    """How many registers have each value from 0 to 63. Raises MalformedRuns."""
    counts = [0] * 64
    for value, length, _ in runs(data):
        counts[value] += length
    if sum(counts) != REGISTERS:
        raise MalformedRuns
    return counts


class SparseRegisters:
    """Runs that are edited in place: `data` is a bytearray of them. Setting registers in rising order is fast.

    The bytes that result are those of redis-server: a run is split in three at most, and then equal neighbours among
    the few next runs are joined.
    """

    __slots__ = ("_cursor", "_last", "data")

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self._last = -1
        # where a search for a later register may begin: a run, its first register, the run before it
        self._cursor = (0, 0, -1)

    def raise_register(self, index: int, value: int, max_bytes: int) -> bool | None:
        """Give a register at least this value (1 to MAX_VALUE): whether it changed.

        None where the runs would need more than `max_bytes`: nothing has changed then. Raises MalformedRuns.
        """
        data = self.data
        at, first, previous = self._find(index)
        byte = data[at]
        size, span, old = 1, _SPANS[byte], 0
        if byte >= 0x80:
            old = ((byte >> 2) & 31) + 1
            if old >= value:
                return False
        elif not span:
            size, span = 2, _long_span(data, at)
        if span == 1 and size == 1:
            data[at] = _values(value, 1)
        else:
            made = _split(old, value, index - first, first + span - 1 - index)
            if len(made) > size and len(data) + len(made) - size > max_bytes:
                return None
            data[at : at + size] = made
        self._join(max(previous, 0))
        return True

    def _find(self, index: int) -> tuple[int, int, int]:
        """The run that holds a register, its first register, and the run before it (-1: none)."""
        data = self.data
        at, first, previous = self._cursor if index > self._last else (0, 0, -1)
        cursor = (at, first, previous)
        end = len(data)
        while at < end:
            span = _SPANS[data[at]]
            size = 1
            if not span:
                size, span = 2, _long_span(data, at)
            if index < first + span:
                self._last, self._cursor = index, cursor
                return at, first, previous
            cursor = (at, first, previous)
            previous = at
            at += size
            first += span
        raise MalformedRuns

    def _join(self, at: int) -> None:
        """Join neighbours of equal value, looking at a few runs from `at` on."""
        data = self.data
        for _ in range(_MERGE_STEPS):
            if at >= len(data):
                break
            byte = data[at]
            if byte < 0x80:
                at += 2 if byte >= 0x40 else 1
                continue
            if at + 1 < len(data) and data[at + 1] >= 0x80 and byte >> 2 == data[at + 1] >> 2:
                length = (byte & 3) + (data[at + 1] & 3) + 2
                if length <= _MAX_VALUES:
                    data[at : at + 2] = bytes(((byte & 0xFC) | (length - 1),))
                    continue
            at += 1


def _split(old: int, value: int, before: int, after: int) -> bytes:
    """What takes the place of a run of `old`: some registers of it, one of `value`, and some again."""
    if old:
        parts = [_values(old, before)] if before else []
        parts.append(_values(value, 1))
        if after:
            parts.append(_values(old, after))
        return bytes(parts)
    return (_zeros(before) if before else b"") + bytes((_values(value, 1),)) + (_zeros(after) if after else b"")
