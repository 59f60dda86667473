"""The packed containers inside RDB strings: listpack, ziplist, intset, zipmap to lists of elements, and back."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, TypeAlias

from pyredisai.errors import PersistenceError

Element: TypeAlias = "bytes | int"
_LISTPACK_END: Final = 0xFF
_WIDTHS: Final = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}
_NINE: Final = 0x39  # no integer begins with a later letter
_SHORT: Final = [bytes((0x80 | size,)) for size in range(64)]
_BACKWARDS: Final = [bytes((size,)) for size in range(128)]
_INTSET_CODES: Final = {2: "h", 4: "i", 8: "q"}


def _checked(data: bytes, position: int, size: int) -> bytes:
    if position + size > len(data):
        raise PersistenceError("a packed container is cut off")
    return data[position : position + size]


def _integer(data: bytes, position: int, size: int) -> int:
    return int.from_bytes(_checked(data, position, size), "little", signed=True)


def as_bytes(element: Element) -> bytes:
    """An element as the string that it stands for."""
    return element if isinstance(element, bytes) else b"%d" % element


def as_strings(elements: list[Element]) -> list[bytes]:
    """All elements as the strings that they stand for."""
    return [element if isinstance(element, bytes) else b"%d" % element for element in elements]


def read_listpack(data: bytes) -> list[Element]:
    """The elements of a listpack. Raises PersistenceError when it is malformed."""
    if len(data) < 7 or int.from_bytes(data[:4], "little") != len(data):
        raise PersistenceError("a listpack's size does not match")
    elements: list[Element] = []
    append = elements.append
    position = 6
    try:
        while True:
            first = data[position]
            if 0x80 <= first < 0xC0:  # most are short strings: one cut off leads past the end, where nothing is
                end = position + (first & 63) + 1
                append(data[position + 1 : end])
                position = end + 1
            elif first < 0x80:
                append(first)
                position += 2
            elif first == _LISTPACK_END:
                return elements
            elif first in _WIDTHS:
                end = position + 1 + _WIDTHS[first]
                append(int.from_bytes(data[position + 1 : end], "little", signed=True))
                position = end + 1
            else:
                element, size = _listpack_element(data, position, first)
                append(element)
                position += size + _backlen_size(size)
    except IndexError:
        raise PersistenceError("a packed container is cut off") from None


def _listpack_element(data: bytes, position: int, first: int) -> tuple[Element, int]:
    if first < 0xE0:
        value = (first & 31) << 8 | _checked(data, position + 1, 1)[0]
        return (value - 8192 if value >= 4096 else value), 2
    if first < 0xF0:
        size = (first & 15) << 8 | _checked(data, position + 1, 1)[0]
        return _checked(data, position + 2, size), 2 + size
    if first == 0xF0:
        size = int.from_bytes(_checked(data, position + 1, 4), "little")
        return _checked(data, position + 5, size), 5 + size
    raise PersistenceError(f"unknown listpack encoding {first}")


def _backlen_size(size: int) -> int:
    return 1 if size < 128 else 2 if size < 16384 else 3 if size < 2097152 else 4 if size < 268435456 else 5


def write_listpack(elements: Iterable[Element]) -> bytes:
    """A listpack; strings that are canonical integers are stored as integers, as Redis does."""
    parts: list[bytes] = []
    count = 0
    for element in elements:
        count += 1
        if type(element) is bytes and 0 < (size := len(element)) < 64 and (size > 20 or element[0] > _NINE):
            parts += (_SHORT[size], element, _BACKWARDS[size + 1])  # most are words
            continue
        entry = _listpack_entry(element)
        parts += (entry, _backlen(len(entry)))
    body = b"".join(parts)
    return (len(body) + 7).to_bytes(4, "little") + min(count, 65535).to_bytes(2, "little") + body + b"\xff"


def _backlen(size: int) -> bytes:
    if size < 128:
        return _BACKWARDS[size]
    groups = [size & 127]
    while size := size >> 7:
        groups.append(size & 127)
    return bytes([groups[-1], *(g | 128 for g in reversed(groups[:-1]))])


def canonical_integer(value: bytes) -> int | None:
    """The 64-bit integer that `value` spells in its only form, or None."""
    if (
        not 0 < len(value) <= 20
        or value[0] > _NINE
        or not (value.isdigit() or (value[:1] == b"-" and value[1:].isdigit()))
    ):
        return None
    number = int(value)
    return number if -(1 << 63) <= number < 1 << 63 and b"%d" % number == value else None


def _listpack_entry(element: Element) -> bytes:
    number = element if isinstance(element, int) else canonical_integer(element)
    if number is not None:
        return _listpack_integer(number)
    assert isinstance(element, bytes)
    size = len(element)
    if size < 64:
        return bytes((0x80 | size,)) + element
    if size < 4096:
        return bytes((0xE0 | size >> 8, size & 0xFF)) + element
    return b"\xf0" + size.to_bytes(4, "little") + element


def _listpack_integer(number: int) -> bytes:
    if 0 <= number < 128:
        return bytes((number,))
    if -4096 <= number < 4096:
        value = number & 0x1FFF
        return bytes((0xC0 | value >> 8, value & 0xFF))
    for code, width in ((0xF1, 2), (0xF2, 3), (0xF3, 4)):
        if -(1 << 8 * width - 1) <= number < 1 << 8 * width - 1:
            return bytes((code,)) + number.to_bytes(width, "little", signed=True)
    return b"\xf4" + number.to_bytes(8, "little", signed=True)


def read_ziplist(data: bytes) -> list[Element]:
    """The elements of a ziplist (Redis before 7). Raises PersistenceError when it is malformed."""
    if len(data) < 11 or int.from_bytes(data[:4], "little") != len(data):
        raise PersistenceError("a ziplist's size does not match")
    elements: list[Element] = []
    append = elements.append
    position = 10
    try:
        while True:
            first = data[position]
            if first == 0xFF:
                return elements
            position += 1 if first < 254 else 5
            size = data[position]
            if size < 64:
                position += 1
                append(data[position : position + size])
            else:
                element, size = _ziplist_element(data, position, size)
                append(element)
            position += size
    except IndexError:
        raise PersistenceError("a packed container is cut off") from None


def _ziplist_element(data: bytes, position: int, first: int) -> tuple[Element, int]:
    kind = first >> 6
    if kind == 1:
        size = (first & 63) << 8 | _checked(data, position + 1, 1)[0]
        return _checked(data, position + 2, size), 2 + size
    if kind == 2:
        size = int.from_bytes(_checked(data, position + 1, 4), "big")
        return _checked(data, position + 5, size), 5 + size
    if 0xF1 <= first <= 0xFD:
        return first - 0xF1, 1
    widths = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}
    if first not in widths:
        raise PersistenceError(f"unknown ziplist encoding {first}")
    return _integer(data, position + 1, widths[first]), 1 + widths[first]


def read_intset(data: bytes) -> list[int]:
    """The members of an intset."""
    if len(data) < 8:
        raise PersistenceError("an intset is cut off")
    width, count = int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    if width not in _INTSET_CODES or len(data) != 8 + width * count:
        raise PersistenceError("an intset's size does not match")
    return list(struct.unpack(f"<{count}{_INTSET_CODES[width]}", data[8:]))


def write_intset(members: Iterable[int]) -> bytes:
    """An intset of distinct 64-bit integers."""
    ordered = sorted(members)
    width = 8
    for candidate in (4, 2):
        bound = 1 << 8 * candidate - 1
        if not ordered or (-bound <= ordered[0] and ordered[-1] < bound):
            width = candidate
    body = struct.pack(f"<{len(ordered)}{_INTSET_CODES[width]}", *ordered)
    return width.to_bytes(4, "little") + len(ordered).to_bytes(4, "little") + body


def read_zipmap(data: bytes) -> list[bytes]:
    """Fields and values in turn (Redis before 2.6). Raises PersistenceError when it is malformed."""
    items: list[bytes] = []
    position = 1
    while True:
        first = _checked(data, position, 1)[0]
        if first == 0xFF:
            return items
        size, position = _zipmap_size(data, position, first)
        free = 0
        if len(items) % 2:
            free = _checked(data, position, 1)[0]
            position += 1
        items.append(_checked(data, position, size))
        position += size + free


def _zipmap_size(data: bytes, position: int, first: int) -> tuple[int, int]:
    if first < 254:
        return first, position + 1
    return int.from_bytes(_checked(data, position + 1, 4), "little"), position + 5
