"""Incremental parser of requests: hiredis where it is exact, `StrictParser` for the rest. No I/O.

hiredis parses replies, so it takes things for requests that Redis refuses. Its numbers are Redis' own, so what it made
of a chunk is exact where all of it are filled arrays of bytes, where no bytes can come of another type than bulk
strings, and where the chunk ends with a request. The last is told by a mark that is fed behind the chunk: it comes
out alone if nothing is incomplete. All else (inline commands, empty arrays, errors), and the incomplete request at
the end of a chunk, is the strict parser's; hiredis goes on after the next boundary. So hiredis keeps no state
between chunks, and one reader serves all.

Most chunks are one short request; that takes no more than to split it at its line ends and to compare the headers.
Looking over the bytes of a long chunk, or of one that may hold other types, takes longer than walking from header to
header, so there hiredis is not asked at first: `_walk` takes the requests whose headers are all canonical. Compiled,
it costs a third of what hiredis does: there it takes all of them, and the strict parser the rest.
"""

from __future__ import annotations

import os
import re
from itertools import chain
from typing import Any, Final, TypeAlias

import hiredis

from pyredisai import build
from pyredisai.resp.strict import BIG, StrictParser

Requests: TypeAlias = "list[list[Any]]"
# A chunk, where in it a request and a big argument of it begin, the argument's size, the arguments before it and how
# many are to come, itself included.
_Begun: TypeAlias = "tuple[bytes, int, int, int, list[Any], int]"

_NONE: Final[Requests] = []
_COMPILED: Final = build.COMPILED
_STAR: Final = 0x2A
_PROBE: Final = 1024
_SHORT_CHUNK: Final = 512  # up to here one pass over all bytes is cheaper than several searches
_LONG_CHUNK: Final = 16 * 1024
_MARK: Final = 2**60 + int.from_bytes(os.urandom(7), "big")  # a client that knew it could pass it off as the end
_MARKED: Final = b":%d\r\n" % _MARK
_pack = hiredis.pack_command
_BIG_HEADER: Final = re.compile(rb"\$[0-9]{6,}\r\n").search
# Each begins with one literal byte, which is found at memory speed; a set of bytes is fifty times slower.
_WIDE_ARRAY: Final = re.compile(rb"\*[0-9]{5}").search
_WIDE_PUSH: Final = re.compile(rb">[0-9]{5}").search
_WIDE_SET: Final = re.compile(rb"~[0-9]{5}").search
_ODD_TYPES: Final = b"+=(~%>|"  # those that may pass for bulk strings, or hold them
_LONGEST_SINGLE: Final = 8192
_HEADERS: Final = [b"$%d" % size for size in range(_LONGEST_SINGLE)]
_COUNTS: Final = {b"*%d\r\n" % count: count for count in range(1, 10)}
_LONGER_COUNTS: Final = {b"*%d\r\n" % count: count for count in range(10, 100)}
_DOLLAR: Final = 0x24
_ZERO: Final = 0x30
_NINE: Final = 0x39
_RETURN: Final = 0x0D
_NEW_LINE: Final = 0x0A
_MOST_COUNT: Final = 99_999 if _COMPILED else 99  # hiredis is better at many arguments than interpreted code
_MOST_BULK: Final = 999_999_999
_WALK_BYTES: Final = 64  # a walk pays where an argument has at least so many bytes


class Parser:
    """The requests in one connection's bytes.

    `feed(data)` returns requests that are complete, perhaps not all of them: then call `more()` until it returns
    none, or until the parser is `idle`: it holds nothing, the next byte starts a request. Both return argument
    vectors, never empty ones; arguments are bytes, but big ones (from `more` only) are read-only memoryviews. `more`
    raises ProtocolError, after which nothing comes any more.
    """

    __slots__ = ("_begun", "_exact", "_offered", "_reader", "_several", "idle", "strict")

    def __init__(self, max_bulk: int = 512 * 1024 * 1024) -> None:
        self.strict = StrictParser(max_bulk)
        self.idle = True
        self._reader: Any = None if _COMPILED else hiredis.Reader()
        self._exact = False  # what is held goes to the strict parser, all of it
        self._several = False  # the client sends several requests at a time
        self._offered = False  # what is held was refused by hiredis, or not worth offering
        self._begun: _Begun | None = None  # a request that ends in a big argument so far

    def feed(self, data: bytes) -> Requests:
        """Take bytes (at least one)."""
        strict = self.strict
        begins = self.idle and data[0] == _STAR and not strict.limited
        if _COMPILED:
            requests = self._walked(data) if begins else None
            return self._left_over(data) if requests is None else requests
        if begins and not self._several and len(data) <= _LONGEST_SINGLE:
            request = _single(data)
            if request is not None:
                self._exact = False
                return [request]
        simple = len(data) < _SHORT_CHUNK and len(data.translate(None, _ODD_TYPES)) == len(data)
        if begins and not simple:
            requests = self._walked(data)
            if requests is not None:
                return requests
        if not begins or (_WIDE_ARRAY(data) if simple else _unfit(data)):
            return self._left_over(data)
        self._exact = False
        reader = self._reader
        try:
            reader.feed(data)
            reader.feed(_MARKED)
            replies: list[Any] = [reader.gets()]
            last = reader.gets()
            if last != _MARK:
                replies += [last, *iter(reader.gets, False)]
                last = replies[-1]
                if last == _MARK:
                    replies.pop()
            self._several = len(replies) > 1
            if last == _MARK and (simple or _no_odd_types(data)) and _are_requests(replies):
                return replies
            self._reader = hiredis.Reader()
            return self._split([reply for reply in replies if reply is not False], data)
        except (hiredis.HiredisError, TypeError):
            self._reader = hiredis.Reader()
            self._exact = True
            self.hold(data)
            return _NONE

    def _walked(self, data: bytes) -> Requests | None:
        """Take a chunk by a walk; None where that finds nothing."""
        requests, end, begun = _walk(data)
        if not requests and begun is None:
            return None
        self._exact = False
        self._offered = _COMPILED or begun is not None
        self._several = len(requests) > 1
        if begun is not None:
            self._begun = begun
            self.idle = False
        elif end < len(data):
            self.hold(data[end:])
        return requests

    def _left_over(self, data: bytes) -> Requests:
        """Leave it to the strict parser."""
        self.hold(data)
        self._offered = True
        return _NONE

    def hold(self, data: bytes) -> None:
        """Take bytes without looking at them."""
        if self._begun is not None:
            begun, self._begun = self._begun, None
            self.strict.feed(begun[0][begun[1] :])
        self.strict.feed(data)
        self.idle = False

    def _split(self, replies: list[Any], data: bytes) -> Requests:
        """What hiredis found in a chunk: keep it if it is exact, give the strict parser the rest."""
        canonical = b"".join([_pack(tuple(reply)) for reply in replies])
        if not data.startswith(canonical):
            self._exact = True
            self.hold(data)
            return _NONE
        if len(canonical) < len(data):
            self._offered = True
            self.hold(data[len(canonical) :])
        return [reply for reply in replies if reply]

    def more(self) -> Requests:
        """Further requests; none means that more bytes are needed."""
        strict = self.strict
        if not (self._offered or self._exact or strict.limited) and strict.between and strict.starts_array():
            data = strict.rest()
            self.idle = True
            requests = self.feed(data)
            if requests:
                return requests
        if self._begun is not None:
            self._begin_big()
        request = strict.next()
        self.idle = strict.idle
        if request is None:
            return _NONE
        self._offered = False
        return [request]

    def _begin_big(self) -> None:
        """Hand a request with a big argument to the strict parser: as far as it has been read, if that is allowed."""
        begun, self._begun = self._begun, None
        assert begun is not None
        data, at, start, size, arguments, left = begun
        if size <= self.strict.max_bulk and not self.strict.limited:
            self.strict.begin(arguments, left, size, data, start)
        else:
            self.strict.feed(data[at:])


def _single(data: bytes) -> list[Any] | None:
    """The request of a chunk that is one request with canonical headers, with line ends in its last argument only."""
    count = _COUNTS.get(data[:4]) or _LONGER_COUNTS.get(data[:5])
    if count is None:
        return None
    lines = data.split(b"\r\n", 2 * count)
    last = lines[-1]
    size = len(last) - 2
    if len(lines) != 2 * count + 1 or size < 0 or lines[-2] != _HEADERS[size]:
        return None
    lines[-1] = last[:-2]
    arguments = lines[2::2]
    for header, argument in zip(lines[1::2], arguments):  # noqa: B905 - both have `count`, and this is hot
        if _HEADERS[len(argument)] != header:
            return None
    return arguments


def _walk(data: bytes) -> tuple[Requests, int, _Begun | None]:
    """The requests at the start of a chunk whose headers are canonical and whose arguments are long; where they end.

    Nothing is judged here: where the walk ends, somebody else decides. It may end in a big argument: then the third
    value tells of that. Compiled, it takes short ones too.
    """
    requests: Requests = []
    at, size = 0, len(data)
    while at < size:
        count, position = _header(data, at, size, _STAR, _MOST_COUNT)
        if count < 1:
            break
        if not _COMPILED and size >= _SHORT_CHUNK:
            least = at + count * _WALK_BYTES
            if size < least or data.find(b"\r\n*", at, least) >= 0:
                break  # many short arguments are hiredis' strength
        arguments: list[Any] = []
        for left in range(count, 0, -1):
            length, start = _header(data, position, size, _DOLLAR, _MOST_BULK)
            if length < 0:
                return requests, at, None
            end = start + length
            if end + 2 > size:
                begun = (data, at, start, length, arguments, left)
                return (requests, at, begun) if length >= BIG else (requests, at, None)
            arguments.append(data[start:end])
            position = end + 2
        requests.append(arguments)
        at = position
    return requests, at, None


def _header(data: bytes, at: int, size: int, kind: int, most: int) -> tuple[int, int]:
    """The number of a header in its canonical form and where what follows begins; -1 for any other header."""
    if at + 4 > size or data[at] != kind:
        return -1, at
    position = at + 2
    number = data[at + 1] - _ZERO
    byte = data[position]
    if not 0 <= number <= 9 or (number == 0 and byte != _RETURN):
        return -1, at
    while _ZERO <= byte <= _NINE and 0 < number <= most:
        number = 10 * number + byte - _ZERO
        position += 1
        if position == size:
            return -1, at
        byte = data[position]
    if byte != _RETURN or not 0 <= number <= most or position + 1 == size or data[position + 1] != _NEW_LINE:
        return -1, at
    return number, position + 2


def _unfit(data: bytes) -> bool:
    """Whether hiredis should not see this: wide arrays, and a long chunk that seems to begin with a big bulk.

    hiredis makes room for as many elements as an array announces. A guess: it decides on speed, not on meaning.
    """
    if len(data) >= _LONG_CHUNK and _BIG_HEADER(data, 0, _PROBE) is not None:
        return True
    return _WIDE_ARRAY(data) is not None or _WIDE_PUSH(data) is not None or _WIDE_SET(data) is not None


def _no_odd_types(data: bytes) -> bool:
    """Whether a long chunk has none of `_ODD_TYPES`. (For a short one, deleting them is cheaper than to search.)"""
    return all(data.find(kind) < 0 for kind in _ODD_TYPES)


def _are_requests(replies: list[Any]) -> bool:
    """Whether these are filled arrays of bytes, all of them. Raises TypeError for what has no elements."""
    b"".join(chain.from_iterable(replies))  # the cheapest way to have every type looked at
    return all(replies)
