"""Lengths, strings and numbers of the RDB format, both ways. `Source` reads a buffer, `Sink` fills one."""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from pyredisai.errors import PersistenceError
from pyredisai.persistence.rdb import compression
from pyredisai.persistence.rdb.packed import canonical_integer

# LZF in Python takes about a microsecond a byte: longer strings are stored as they are.
COMPRESS_AT_MOST: Final = 4096
DEFAULT_CHUNK: Final = 511 * 1024 * 1024
_ONE_BYTE_LENGTH: Final = 64
_LARGE: Final = 1 << 16
_HUGE: Final = 1 << 23
_PIECE: Final = 1 << 20
_NINE: Final = 0x39  # no integer begins with a later letter
_WINDOW: Final = 1 << 15
_INT8, _INT16, _INT32, _LZF = range(4)


class Source:
    """Reads from a buffer (bytes, mmap) at `position`. Every method raises PersistenceError past the end.

    With `lends`, what `blob` gives is filled by whoever set it, by running `pay` to its end before the value is used:
    a copy of gigabytes can so be made in pieces.
    """

    __slots__ = ("_owed", "buffer", "end", "lends", "position", "window", "window_at")

    def __init__(self, buffer: bytes | memoryview, position: int = 0, end: int | None = None) -> None:
        self.buffer = memoryview(buffer)
        self.position = position
        self.end = len(self.buffer) if end is None else end
        self.window, self.window_at = b"", 0
        self.lends = False
        self._owed: list[tuple[memoryview, bytes | memoryview]] = []

    def look(self) -> int:
        """See to it that `window` holds what follows `position`, some 16 KB at least; where in it that is.

        Bytes are indexed and cut twice as fast as a view. The window is shorter at the end of the buffer only.
        """
        at = self.position - self.window_at
        if at < 0 or len(self.window) - at < _WINDOW // 2:
            self.window_at = self.position
            self.window = self.buffer[self.position : min(self.position + _WINDOW, self.end)].tobytes()
            at = 0
        return at

    def take(self, size: int) -> memoryview:
        """The next `size` bytes, uncopied."""
        start = self.position
        if size < 0 or start + size > self.end:
            raise PersistenceError(f"unexpected end at byte {start}")
        self.position = start + size
        return self.buffer[start : start + size]

    def byte(self) -> int:
        """The next byte."""
        if self.position >= self.end:
            raise PersistenceError(f"unexpected end at byte {self.position}")
        value = self.buffer[self.position]
        self.position += 1
        return value

    def length_or_encoding(self) -> tuple[int, bool]:
        """A length, or (True) the number of a special string encoding."""
        first = self.byte()
        kind = first >> 6
        if kind == 0:
            return first, False
        if kind == 1:
            return (first & 63) << 8 | self.byte(), False
        if kind == 3:
            return first & 63, True
        if first == 0x80:
            return int.from_bytes(self.take(4), "big"), False
        if first == 0x81:
            return int.from_bytes(self.take(8), "big"), False
        raise PersistenceError(f"unknown length encoding {first} at byte {self.position - 1}")

    def length(self) -> int:
        """A plain length (an unsigned number of up to 64 bits)."""
        value, encoded = self.length_or_encoding()
        if encoded:
            raise PersistenceError(f"a length is missing at byte {self.position - 1}")
        return value

    def string(self) -> bytes:
        """A string in any encoding."""
        start = self.position + 1
        if start <= self.end and (size := self.buffer[start - 1]) < _ONE_BYTE_LENGTH:  # most strings are short
            self.position = end = start + size
            if end > self.end:
                raise PersistenceError(f"unexpected end at byte {start}")
            return self.buffer[start:end].tobytes()
        size, encoded = self.length_or_encoding()
        if not encoded:
            return bytes(self.take(size))
        if size == _LZF:
            compressed, full = self.length(), self.length()
            return compression.decompress(bytes(self.take(compressed)), full)
        if size in (_INT8, _INT16, _INT32):
            return b"%d" % int.from_bytes(self.take(1 << size), "little", signed=True)
        raise PersistenceError(f"unknown string encoding {size} at byte {self.position - 1}")

    def part(self) -> bytes | memoryview:
        """A string as `blob` takes it: a large one uncopied."""
        if self.position < self.end and self.buffer[self.position] & 0xC0 == 0x80:
            return self.take(self.length())
        return self.string()

    def blob(self, parts: Sequence[bytes | memoryview]) -> bytes | memoryview:
        """The strings joined to one; see `lends`."""
        size = sum(map(len, parts))
        if not self.lends or size < _HUGE:
            return b"".join(parts)
        made = memoryview(mmap.mmap(-1, size))  # memory that is not touched yet, and goes back when the value goes
        at = 0
        for part in parts:
            self._owed.append((made[at : at + len(part)], part))
            at += len(part)
        return made.toreadonly()

    def pay(self) -> Iterator[None]:
        """Fill what `blob` gave, a megabyte at a time."""
        for target, part in self._owed:
            for start in range(0, len(part), _PIECE):
                target[start : start + _PIECE] = part[start : start + _PIECE]
                yield
        self._owed.clear()

    def double_text(self) -> float:
        """A score of the oldest sorted sets: a length byte and digits."""
        size = self.byte()
        if size >= 253:
            return {253: math.nan, 254: math.inf, 255: -math.inf}[size]
        try:
            return float(bytes(self.take(size)))
        except ValueError:
            raise PersistenceError(f"a number is malformed before byte {self.position}") from None

    def unpack(self, code: str) -> float:
        """A number by its `struct` code (little-endian)."""
        value: float = struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]
        return value


class Sink(bytearray):
    """Collects the encoded form. `compress` turns LZF on, as rdbcompression does; models come in chunks.

    With `defers` the strings that may be compressed, and those too large to be copied, are kept in `apart` with
    the place where each belongs: `pieces` puts all together.
    """

    compress: bool = True
    chunk_size: int = DEFAULT_CHUNK
    defers: bool = False

    def __init__(self, *args: bytes) -> None:
        super().__init__(*args)
        self.apart: list[tuple[int, bytes | memoryview]] = []
        self.apart_size = 0

    def length(self, value: int) -> None:
        """A length or unsigned number of up to 64 bits."""
        if value < 64:
            self.append(value)
        elif value < 16384:
            self += bytes((0x40 | value >> 8, value & 0xFF))
        elif value < 1 << 32:
            self.append(0x80)
            self += value.to_bytes(4, "big")
        else:
            self.append(0x81)
            self += value.to_bytes(8, "big")

    def string(self, value: bytes | memoryview) -> None:
        """A string in the encoding that Redis would choose."""
        size = len(value)
        if size <= 20:
            if 0 < size <= 11 and value[0] <= _NINE and self._as_integer(bytes(value)):
                return
        elif size <= COMPRESS_AT_MOST:
            if self.compress:
                if self.defers:
                    self._put_apart(value, size)
                    return
                packed = compression.compress(bytes(value), size - 4)
                if packed is not None:
                    self._packed(packed, size)
                    return
        elif size >= _LARGE and self.defers:
            self.length(size)
            self._put_apart(value, size)
            return
        self.length(size)
        self += value

    def _put_apart(self, value: bytes | memoryview, size: int) -> None:
        self.apart.append((len(self), value))
        self.apart_size += size

    def _packed(self, packed: bytes, size: int) -> None:
        if len(packed) < 64 <= size < 16384:  # the usual case at once
            self += bytes((0xC0 | _LZF, len(packed), 0x40 | size >> 8, size & 0xFF))
            self += packed
            return
        self.append(0xC0 | _LZF)
        self.length(len(packed))
        self.length(size)
        self += packed

    def pieces(self) -> Iterator[bytes | bytearray | memoryview]:
        """What was collected, in order; large strings are given uncopied."""
        if not self.apart:
            yield self
            return
        packed = iter(compression.compress_many([value for _, value in self.apart if len(value) <= COMPRESS_AT_MOST]))
        out = Sink()
        done = 0
        with memoryview(self) as collected:
            for at, value in self.apart:
                out += collected[done:at]
                done = at
                size = len(value)
                if size > COMPRESS_AT_MOST:
                    yield out
                    yield value
                    out = Sink()
                elif (short := next(packed)) is not None:
                    out._packed(short, size)
                else:
                    out.length(size)
                    out += value
            out += collected[done:]
        yield out

    def _as_integer(self, value: bytes) -> bool:
        number = canonical_integer(value)
        if number is None:
            return False
        for kind, bits in ((_INT8, 8), (_INT16, 16), (_INT32, 32)):
            if -(1 << bits - 1) <= number < 1 << bits - 1:
                self.append(0xC0 | kind)
                self += number.to_bytes(bits // 8, "little", signed=True)
                return True
        return False

    def double(self, value: float) -> None:
        """Eight bytes, little-endian."""
        self += struct.pack("<d", value)
