"""Numbers to bytes and back for the libraries bit, struct and cmsgpack, which plain Lua 5.1 cannot write.

Functions take and return what the runtime passes: bytes, numbers, tuples for several values. None of them raises:
a problem is returned as (None, argument's number or 0, text).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

Problem = tuple[None, int, bytes]

_SIZES = {b"b": 1, b"h": 2, b"l": 8, b"i": 4, b"T": 8}
_MAX_INT = 32
_TOO_SHORT = "string too short"  # the original names the argument behind


def tobit(value: float) -> int:
    """A number as a signed 32-bit integer: rounded to even, the upper bits dropped."""
    if value != value or math.isinf(value):
        return -(2**31) if value != value else 0
    return _signed(round(value))


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


def _fold(combine: Callable[[int, int], int]) -> Callable[..., int]:
    def run(first: float, *rest: float) -> int:
        result = tobit(first)
        for value in rest:
            result = combine(result, tobit(value))
        return result

    return run


def _shift(shift: Callable[[int, int], int]) -> Callable[[float, float], int]:
    return lambda value, by: _signed(shift(tobit(value), tobit(by) & 31))


def _rotate(value: int, by: int) -> int:
    value &= 0xFFFFFFFF
    return value << by | value >> (32 - by)


def tohex(value: float, digits: float = 8) -> bytes:
    """Hexadecimal digits, the last ones; upper case for a negative number of them."""
    count = tobit(digits)
    text = b"%08x" % (tobit(value) & 0xFFFFFFFF)
    if count < 0:
        text, count = text.upper(), -count
    return text[8 - min(count, 8) :]


BIT: dict[bytes, Callable[..., Any]] = {
    b"tobit": tobit,
    b"bnot": lambda value: ~tobit(value),
    b"band": _fold(int.__and__),
    b"bor": _fold(int.__or__),
    b"bxor": _fold(int.__xor__),
    b"lshift": _shift(int.__lshift__),
    b"rshift": _shift(lambda value, by: (value & 0xFFFFFFFF) >> by),
    b"arshift": _shift(int.__rshift__),
    b"rol": _shift(_rotate),
    b"ror": _shift(lambda value, by: _rotate(value, -by & 31)),
    b"bswap": lambda value: _signed(int.from_bytes((tobit(value) & 0xFFFFFFFF).to_bytes(4, "little"), "big")),
    b"tohex": tohex,
}


class _Plain(ValueError):
    """A problem of a format that names no argument."""


class _Format:
    """Walks a format of the library struct: byte order, alignment, then one option at a time."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0
        self.big = False
        self.align = 1

    def number(self, default: int) -> int:
        """The digits that follow, or `default`."""
        start = self.at
        while self.text[self.at : self.at + 1].isdigit():
            self.at += 1
        return int(self.text[start : self.at]) if self.at > start else default

    def options(self) -> Any:
        """Each option with its size (0: variable). Raises ValueError with the text of the problem."""
        while self.at < len(self.text):
            option = self.text[self.at : self.at + 1]
            self.at += 1
            if option in (b"<", b">"):
                self.big = option == b">"
            elif option == b"!":
                self.align = self._power(self.number(8))
            elif option != b" ":
                yield option, self._size(option)

    @staticmethod
    def _power(align: int) -> int:
        if align == 0 or align & (align - 1):
            raise _Plain(f"alignment {align} is not a power of 2")
        return align

    def _size(self, option: bytes) -> int:
        if option in b"iI":
            size = self.number(4)
            if size > _MAX_INT:
                raise _Plain(f"integral size {size} is larger than limit of {_MAX_INT}")
            return size
        if option == b"c":
            return self.number(1)
        if option == b"s":
            return 0
        if option in b"fdx":
            return {b"f": 4, b"d": 8, b"x": 1}[option]
        try:
            return _SIZES[option.lower() if option != b"T" else option]
        except KeyError:
            raise ValueError(f"invalid format option '{option.decode('latin-1')}'") from None

    def padding(self, option: bytes, size: int, at: int) -> int:
        """Bytes before an option at offset `at`; text and single bytes are not aligned."""
        align = min(size, self.align)
        if option in b"csx" or align <= 1:
            return 0
        if align & (align - 1):
            raise _Plain(f"alignment {align} is not a power of 2")
        return -at & (align - 1)


def struct_pack(text: bytes, *args: Any) -> bytes | Problem:
    """struct.pack; numbers are doubles, as all of Lua's."""
    form = _Format(text)
    out = bytearray()
    used = 0
    try:
        for option, size in form.options():
            out += bytes(form.padding(option, size, len(out)))
            if option == b"x":
                out += b"\0"
                continue
            if used >= len(args):
                return _bad(used + 2, f"{'string' if option in b'cs' else 'number'} expected, got nil")
            value = args[used]
            used += 1
            if option in b"cs":
                problem = _pack_text(out, option, size, value)
                if problem:
                    return _bad(used + 1 + (problem == _TOO_SHORT), problem)
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                return _bad(used + 1, f"number expected, got {_type_name(value)}")
            out += _pack_number(option, size, value, form.big)
    except ValueError as error:
        return _bad(0 if type(error) is _Plain else 1, str(error))
    return bytes(out)


def _type_name(value: Any) -> str:
    if value is None:
        return "nil"
    return {bytes: "string", bool: "boolean", int: "number", float: "number"}.get(type(value), "table")


def _pack_text(out: bytearray, option: bytes, size: int, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = b"%.14g" % value
    if not isinstance(value, bytes):
        return f"string expected, got {_type_name(value)}"
    if option == b"s":
        out += value + b"\0"
    else:
        size = size or len(value)
        if len(value) < size:
            return _TOO_SHORT
        out += value[:size]
    return ""


def _pack_number(option: bytes, size: int, value: float, big: bool) -> bytes:
    if option in b"fd":
        return _pack_float(f"{'>' if big else '<'}{option.decode()}", value)
    number = int(value) if math.isfinite(value) and -(2**63) <= value < 2**64 else -(2**63)
    number &= (1 << 8 * min(size, 8)) - 1
    return number.to_bytes(size, "big" if big else "little")


def _pack_float(layout: str, value: float) -> bytes:
    try:
        return struct.pack(layout, value)
    except OverflowError:
        return struct.pack(layout, math.copysign(math.inf, value))


def struct_unpack(text: bytes, data: bytes, position: float = 1) -> Any:
    """struct.unpack: the values and the position behind them."""
    form = _Format(text)
    at = int(position) - 1
    if at < 0:
        return _bad(3, "offset must be 1 or greater")
    found: list[Any] = []
    try:
        for option, size in form.options():
            at += form.padding(option, size, at)
            if at > len(data) or size > len(data) - at:
                return _bad(2, "data string too short")
            if option == b"x":
                at += 1
            elif option == b"s":
                end = data.find(b"\0", at)
                if end < 0:
                    return _bad(0, "unfinished string in data")
                found.append(data[at:end])
                at = end + 1
            elif option == b"c":
                if not size:
                    if not found or isinstance(found[-1], bytes):
                        return _bad(0, "format 'c0' needs a previous size")
                    size = int(found.pop())
                    if size > len(data) - at:
                        return _bad(2, "data string too short")
                found.append(data[at : at + size])
                at += size
            else:
                found.append(_unpack_number(option, data[at : at + size], form.big))
                at += size
    except ValueError as error:
        return _bad(0 if type(error) is _Plain else 1, str(error))
    return (True, *found, at + 1)


def _unpack_number(option: bytes, data: bytes, big: bool) -> float:
    if option in b"fd":
        value: float = struct.unpack((">" if big else "<") + option.decode(), data)[0]
        return value
    signed = option.islower()
    return float(int.from_bytes(data[-8:] if big else data[:8], "big" if big else "little", signed=signed))


def struct_size(text: bytes) -> int | Problem:
    """struct.size: bytes of a format without variable parts."""
    form = _Format(text)
    total = 0
    try:
        for option, size in form.options():
            total += form.padding(option, size, total)
            if option == b"s":
                return _bad(1, "option 's' has no fixed size")
            if option == b"c" and size == 0:
                return _bad(1, "option 'c0' has no fixed size")
            total += size
    except ValueError as error:
        return _bad(0 if type(error) is _Plain else 1, str(error))
    return total


def _bad(argument: int, text: str) -> Problem:
    return None, argument, text.encode("latin-1", "replace")


def pack_number(kind: bytes, value: float) -> bytes:
    """A number as big-endian bytes; `kind` is a letter of Python's struct."""
    packed: bytes = struct.pack(f">{kind.decode()}", value if kind in b"fd" else int(value))
    return packed


def unpack_number(kind: bytes, data: bytes) -> float:
    """A number from big-endian bytes."""
    return float(struct.unpack(">" + kind.decode(), data)[0])


def is_single(value: float) -> bool:
    """Whether a double keeps its value as a float of 4 bytes."""
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except OverflowError:
        return False


FUNCTIONS: dict[bytes, Any] = {
    **{b"bit_" + name: function for name, function in BIT.items()},
    b"struct_pack": struct_pack,
    b"struct_unpack": struct_unpack,
    b"struct_size": struct_size,
    b"pack_number": pack_number,
    b"unpack_number": unpack_number,
    b"is_single": is_single,
}
