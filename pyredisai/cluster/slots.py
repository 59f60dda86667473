"""Hash slots: which of the 16384 a key belongs to, and sets of them as the bus and nodes.conf write them. Pure."""

from __future__ import annotations

import re
from binascii import crc_hqx
from collections.abc import Iterable, Iterator
from typing import Final

SLOTS: Final = 16384
BITMAP_BYTES: Final = SLOTS // 8
_MASK: Final = SLOTS - 1
_ONES: Final = re.compile("1+")


def slot_of(key: bytes) -> int:
    """The slot of a key: CRC-16 (XMODEM) of it, or of what its first non-empty {hash tag} holds."""
    if b"{" in key:
        start = key.find(b"{") + 1
        end = key.find(b"}", start)
        if end > start:
            key = key[start:end]
    return crc_hqx(key, 0) & _MASK


class SlotSet:
    """A set of slots as a bitmap of 2048 bytes, as the bus sends it; slot n is bit n % 8 of byte n // 8."""

    __slots__ = ("bitmap", "count")

    def __init__(self, bitmap: bytes = bytes(BITMAP_BYTES)) -> None:
        self.bitmap = bytearray(bitmap)
        self.count = int.from_bytes(bitmap, "little").bit_count()

    def __len__(self) -> int:
        return self.count

    def __contains__(self, slot: int) -> bool:
        return bool(self.bitmap[slot >> 3] & 1 << (slot & 7))

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def ranges(self) -> list[tuple[int, int]]:
        """First and last of each range, in ascending order."""
        digits = f"{int.from_bytes(self.bitmap, 'little'):b}"[::-1]
        return [(found.start(), found.end() - 1) for found in _ONES.finditer(digits)]

    def add(self, slot: int) -> None:
        """Put a slot in, which may be there."""
        if slot not in self:
            self.bitmap[slot >> 3] |= 1 << (slot & 7)
            self.count += 1

    def discard(self, slot: int) -> None:
        """Take a slot out, which need not be there."""
        if slot in self:
            self.bitmap[slot >> 3] &= ~(1 << (slot & 7))
            self.count -= 1


def ranges(slots: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending slots as ranges, first and last of each."""
    if isinstance(slots, SlotSet):
        return slots.ranges()
    found: list[tuple[int, int]] = []
    for slot in slots:
        if found and slot == found[-1][1] + 1:
            found[-1] = found[-1][0], slot
        else:
            found.append((slot, slot))
    return found
