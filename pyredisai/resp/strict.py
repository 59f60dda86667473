"""The exact request parser: every rule and every error of redis-server, one request at a time, in Python.

It is incremental: state is kept between feeds, so no input is looked at twice. It decides what a request is;
the fast parser (`parser`) only takes a short cut where both agree. A bulk string of BIG bytes or more gets a
buffer of its own, which the connection fills straight from the socket (`target`, `filled`).
Source of the rules: the behaviour of redis-server 7.0.15.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pyredisai.errors import ProtocolError, texts
from pyredisai.resp.inline import split_words

BIG: Final = 128 * 1024
LINE_LIMIT: Final = 64 * 1024
MAX_COUNT: Final = 2**31 - 1
UNAUTHENTICATED_COUNT, UNAUTHENTICATED_BULK = 10, 16384

_NUMBER = re.compile(rb"(?:0|-?[1-9][0-9]{0,18})\Z")
_STAR, _DOLLAR = 0x2A, 0x24


class StrictParser:
    """Bytes in, requests out. `limited` applies the bounds that hold before authentication.

    `max_bulk` is proto-max-bulk-len. `idle` tells that nothing is held: the next byte starts a request.
    """

    __slots__ = ("_args", "_big", "_bulk", "_count", "_data", "_fill", "_pos", "limited", "max_bulk", "views")

    def __init__(self, max_bulk: int = 512 * 1024 * 1024) -> None:
        self.max_bulk = max_bulk
        self.limited = False
        self._data = bytearray()
        self._pos = 0
        self._args: list[Any] = []
        self._count = 0
        self._bulk = -1
        self._big: memoryview | None = None
        self._fill = 0
        self.views = False  # the last request has memoryviews

    @property
    def idle(self) -> bool:
        """Whether nothing at all is held."""
        return self._count == 0 and self._pos >= len(self._data)

    @property
    def between(self) -> bool:
        """Whether the next byte, held already or not, starts a request."""
        return self._count == 0

    def buffered(self) -> int:
        """Bytes held of the arguments that are not complete, as client-query-buffer-limit counts them."""
        return len(self._data) - self._pos + self._fill

    def room(self) -> int:
        """Bytes still free in the buffer of a big argument."""
        return 0 if self._big is None else len(self._big) - self._fill

    def complete(self) -> int:
        """Bytes of the complete arguments of a request that is not."""
        return sum(map(len, self._args))

    def feed(self, data: bytes) -> None:
        """Take what came."""
        if self._pos:
            del self._data[: self._pos]
            self._pos = 0
        if self._big is not None:
            take = min(len(data), len(self._big) - self._fill)
            self._big[self._fill : self._fill + take] = data[:take]
            self._fill += take
            data = data[take:]
        self._data += data

    def begin(self, arguments: list[Any], left: int, size: int, data: bytes, start: int) -> None:
        """A request that somebody else has read so far: its arguments, and how many are to come.

        The first of those has `size` (BIG or more) bytes and begins in `data`. Only valid when `idle`.
        """
        self._args, self._count, self._bulk = arguments, left, size
        self._start_big(size, data, start)

    def rest(self) -> bytes:
        """Hand out, and forget, what is held behind the last request. Only valid `between` requests."""
        data = bytes(self._data[self._pos :]) if self._pos else bytes(self._data)
        self._data.clear()
        self._pos = 0
        return data

    def starts_array(self) -> bool:
        """Whether the next byte held is that of a multibulk request."""
        return self._pos < len(self._data) and self._data[self._pos] == _STAR

    def target(self) -> memoryview | None:
        """Where the next bytes should be received (then call `filled`), or None: use `feed`."""
        if self._big is None or self._fill == len(self._big):
            return None
        return self._big[self._fill :]

    def filled(self, count: int) -> memoryview | None:
        """`count` bytes were received into `target()`; what that is now."""
        self._fill = fill = self._fill + count
        big = self._big
        return None if big is None or fill == len(big) else big[fill:]

    def next(self) -> list[Any] | None:
        """The next request, None if none is complete. Empty ones are skipped.

        Arguments are bytes; those of BIG bytes and more are read-only memoryviews. Raises ProtocolError;
        the parser is of no use after that.
        """
        while True:
            if self._count == 0:
                self.views = False
                if self._pos >= len(self._data):
                    return None
                if self._data[self._pos] != _STAR:
                    words = self._inline()
                    if words is None:
                        return None
                    if words:
                        return words
                    continue
                if not self._array():
                    return None
                if self._count <= 0:
                    self._count = 0
                    continue
            return self._arguments()

    def _inline(self) -> list[bytes] | None:
        data, start = self._data, self._pos
        end = data.find(b"\n", start)
        if end < 0 or data.find(b"\0", start, end) >= 0:
            if len(data) - start > LINE_LIMIT:
                raise ProtocolError(texts.TOO_BIG_INLINE)
            return None
        line = bytes(data[start : end - 1 if end > start and data[end - 1] == 0x0D else end])
        words = split_words(line)
        if words is None:
            raise ProtocolError(texts.UNBALANCED_QUOTES)
        self._pos = end + 1
        return words

    def _line(self, too_big: str) -> int:
        """Where the line that starts here ends (its carriage return), or -1 if it is not complete."""
        data, start = self._data, self._pos
        end = data.find(b"\r", start)
        if end < 0 or data.find(b"\0", start, end) >= 0:
            if len(data) - start > LINE_LIMIT:
                raise ProtocolError(too_big)
            return -1
        return end if end + 2 <= len(data) else -1

    def _array(self) -> bool:
        end = self._line(texts.TOO_BIG_COUNT)
        if end < 0:
            return False
        count = _number(self._data[self._pos + 1 : end])
        if count is None or count > MAX_COUNT:
            raise ProtocolError(texts.INVALID_MULTIBULK)
        if self.limited and count > UNAUTHENTICATED_COUNT:
            raise ProtocolError(texts.UNAUTHENTICATED_MULTIBULK)
        self._pos = end + 2
        self._count = count
        self._args = []
        return True

    def _arguments(self) -> list[Any] | None:
        while self._count:
            if self._bulk < 0 and not self._header():
                return None
            if self._big is not None:
                if self._fill < len(self._big):
                    return None
                self._args.append(self._big[: self._bulk].toreadonly())
                self._big, self._fill = None, 0
                self.views = True
            else:
                data, start = self._data, self._pos
                end = start + self._bulk
                if len(data) < end + 2:
                    return None
                self._args.append(bytes(data[start:end]))
                self._pos = end + 2
            self._bulk = -1
            self._count -= 1
        args, self._args = self._args, []  # a big argument must not live here until the next request
        return args

    def _header(self) -> bool:
        end = self._line(texts.TOO_BIG_BULK_COUNT)
        if end < 0:
            return False
        data, start = self._data, self._pos
        if data[start] != _DOLLAR:
            raise ProtocolError(texts.expected_bulk(data[start]))
        size = _number(data[start + 1 : end])
        if size is None or size < 0 or size > self.max_bulk:
            raise ProtocolError(texts.INVALID_BULK)
        if self.limited and size > UNAUTHENTICATED_BULK:
            raise ProtocolError(texts.UNAUTHENTICATED_BULK)
        self._pos = end + 2
        self._bulk = size
        if size >= BIG:
            with memoryview(data) as view:
                self._start_big(size, view, self._pos)
            self._pos += self._fill
        return True

    def _start_big(self, size: int, data: bytes | memoryview, start: int) -> None:
        """Make the buffer of a big bulk, its line end included, and copy what is here of it there."""
        import numpy as np  # not needed before the first big value: importing it costs a third of the start

        self._big = big = np.empty(size + 2, np.uint8).data
        self._fill = fill = min(size + 2, len(data) - start)
        big[:fill] = data[start : start + fill]


def _number(text: bytes | bytearray) -> int | None:
    """A 64-bit integer in its one canonical form, or None."""
    if _NUMBER.match(text) is None:
        return None
    value = int(text)
    return value if -(2**63) <= value < 2**63 else None
