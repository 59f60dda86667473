"""LZF, the compression of strings in RDB files.

`compress` makes the same choices as the encoder inside Redis (a hash of three bytes, 2**16 entries, no
lazy matching), so that DUMP payloads come out equal.
"""

from __future__ import annotations

from pyredisai.errors import PersistenceError

MAX_LITERAL = 32
MAX_OFFSET = 8192
MAX_MATCH = 264


def decompress(data: bytes, length: int) -> bytes:
    """Undo LZF; `length` is the size of the result. Raises PersistenceError for corrupt data."""
    out = bytearray()
    position, end = 0, len(data)
    try:
        while position < end:
            control = data[position]
            if control < 32:
                position += 1
                out += data[position : position + control + 1]
                position += control + 1
                continue
            size = (control >> 5) + 2
            if size == 9:
                position += 1
                size += data[position]
            made = len(out)
            start = made - ((control & 31) << 8) - data[position + 1] - 1
            position += 2
            if start < 0 or made + size > length:
                raise PersistenceError("LZF data points outside")
            if start + size <= made:
                out += out[start : start + size]
            else:  # the match overlaps what it makes: a repeated pattern
                pattern = bytes(out[start:])
                out += (pattern * (size // len(pattern) + 1))[:size]
    except IndexError:
        raise PersistenceError("LZF data is cut off") from None
    if len(out) != length:
        raise PersistenceError(f"LZF data gives {len(out)} bytes in place of {length}")
    return bytes(out)


def _slot(value: int) -> int:
    return ((value >> 8) - value * 5) & 0xFFFF


def compress(data: bytes, limit: int) -> bytes | None:
    """LZF of `data`, or None when that takes more than `limit` bytes."""
    end = len(data)
    if end < 4 or limit <= 0:
        return None
    table: dict[int, int] = {}
    out = bytearray()
    anchor = position = 0
    last = end - 2
    while position < last:
        value = data[position] << 16 | data[position + 1] << 8 | data[position + 2]
        slot = _slot(value)
        reference = table.get(slot, -1)
        table[slot] = position
        offset = position - reference - 1
        if (
            reference < 0
            or offset >= MAX_OFFSET
            or reference == 0
            or data[reference : reference + 3] != data[position : position + 3]
        ):
            position += 1
            continue
        size = _match(data, reference, position, min(MAX_MATCH, end - position - 2))
        write_literals(out, data, anchor, position)
        if len(out) + 4 >= limit:
            return None
        write_reference(out, offset, size - 2)
        position += size
        anchor = position
        if position >= last:
            break
        for back in (position - 2, position - 1):
            table[_slot(data[back] << 16 | data[back + 1] << 8 | data[back + 2])] = back
    open_literals = min(position, end) - anchor
    if len(out) + open_literals + open_literals // MAX_LITERAL + 4 > limit:
        return None
    write_literals(out, data, anchor, end)
    return bytes(out)


def _match(data: bytes, reference: int, position: int, most: int) -> int:
    """The length of a match of three bytes or more.

    Sixteen bytes are compared before `most` is looked at again: the encoder in Redis does so, and the
    last match of a string comes out up to two bytes longer by it.
    """
    size = 2
    if most > 16:
        while size < 18:
            size += 1
            if data[reference + size] != data[position + size]:
                return size
    while True:
        size += 1
        if size >= most or data[reference + size] != data[position + size]:
            return size


def write_literals(out: bytearray, data: bytes, start: int, end: int) -> None:
    """Bytes as they are, in runs."""
    if 0 < end - start <= MAX_LITERAL:  # most are short
        out.append(end - start - 1)
        out += data[start:end]
        return
    for first in range(start, end, MAX_LITERAL):
        run = data[first : min(first + MAX_LITERAL, end)]
        out.append(len(run) - 1)
        out += run


def write_reference(out: bytearray, offset: int, size: int) -> None:
    """A match of `size` and two bytes, `offset` and one back."""
    if size < 7:
        out.append((offset >> 8) + (size << 5))
    else:
        out += bytes(((offset >> 8) + (7 << 5), size - 7))
    out.append(offset & 0xFF)
