"""Incremental parser of requests: hiredis where it is exact, `StrictParser` for the rest. No I/O.

hiredis parses replies, so it takes things for requests that Redis refuses. What it made of a chunk is therefore
checked against the chunk itself: the canonical form of its requests must be what came. Where that fails (inline
commands, empty arrays, errors), and for the incomplete request at the end of a chunk, the strict parser decides;
hiredis goes on after the next boundary. So hiredis keeps no state between chunks, and one reader serves all.

Looking over the bytes of a long chunk, or of one that may hold other types, takes longer than walking from header to
header, so there hiredis is not asked at first: `_walk` takes the requests whose headers are all canonical.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import hiredis

from pyredisai.resp.strict import BIG, StrictParser

Requests: TypeAlias = "list[list[Any]]"

_NONE: Final[Requests] = []
_STAR: Final = 0x2A
_PROBE: Final = 1024
_SHORT_CHUNK: Final = 512  # up to here one pass over all bytes is cheaper than several searches
_LONG_CHUNK: Final = 16 * 1024
_SIZES: Final = [len(b"$%d\r\n\r\n" % size) + size for size in range(4096)]
_HEADS: Final = [len(b"*%d\r\n" % count) for count in range(64)]
_pack = hiredis.pack_command
_BIG_HEADER: Final = re.compile(rb"\$[0-9]{6,}\r\n").search
# Each begins with one literal byte, which is found at memory speed; a set of bytes is fifty times slower.
_WIDE_ARRAY: Final = re.compile(rb"\*[0-9]{5}").search
_WIDE_PUSH: Final = re.compile(rb">[0-9]{5}").search
_WIDE_SET: Final = re.compile(rb"~[0-9]{5}").search
_ODD_TYPES: Final = b"+=~%>|"  # those whose elements may pass for bulk strings, or hold others
_COUNTS: Final = {b"*%d\r\n" % count: count for count in range(1, 10)}
_LONGER_COUNTS: Final = {b"*%d\r\n" % count: count for count in range(10, 100)}
_LENGTHS: Final = {b"$%d" % size: size for size in range(1024)}
_DOLLAR, _ZERO = 0x24, 0x30
_WALK_BYTES: Final = 64  # a walk pays where an argument has at least so many bytes


class Parser:
    """The requests in one connection's bytes.

    `feed(data)` returns requests that are complete, perhaps not all of them: then call `more()` until it
    returns none. Both return argument vectors, never empty ones; arguments are bytes, but big ones (from
    `more` only) are read-only memoryviews. `more` raises ProtocolError, after which nothing comes any more.
    """

    __slots__ = ("_exact", "_offered", "_reader", "strict")

    def __init__(self, max_bulk: int = 512 * 1024 * 1024) -> None:
        self.strict = StrictParser(max_bulk)
        self._reader = hiredis.Reader()
        self._exact = False  # what is held goes to the strict parser, all of it
        self._offered = False  # what is held was refused by hiredis, or not worth offering

    def feed(self, data: bytes) -> Requests:
        """Take bytes (at least one)."""
        strict = self.strict
        simple = len(data) < _SHORT_CHUNK and len(data.translate(None, _ODD_TYPES)) == len(data)
        if not simple and data[0] == _STAR and strict.idle and not strict.limited:
            requests, end, begun = _walk(data)
            if requests or begun:
                self._exact = False
                self._offered = bool(begun)
                if begun:
                    strict.begin(*begun)
                if end < len(data):
                    strict.feed(data[end:])
                return requests
        if strict.limited or not strict.idle or data[0] != _STAR or (_WIDE_ARRAY(data) if simple else _unfit(data)):
            strict.feed(data)
            self._offered = True
            return _NONE
        self._exact = False
        reader = self._reader
        try:
            reader.feed(data)
            first = reader.gets()
            if first is False:
                return self._split(_NONE, data)
            second = reader.gets()
            requests = [first] if second is False else [first, second, *iter(reader.gets, False)]
            if (simple or second is not False) and _all_canonical(requests, data, simple):
                return requests
            return self._split(requests, data)
        except (hiredis.HiredisError, TypeError):
            self._reader = hiredis.Reader()
            self._exact = True
            strict.feed(data)
            return _NONE

    def _split(self, requests: Requests, data: bytes) -> Requests:
        """What hiredis found and holds: keep the requests if they are exact, give the strict parser the rest."""
        canonical = b"".join([_pack(tuple(request)) for request in requests])
        if canonical != data:
            self._reader = hiredis.Reader()
            self._offered = True
        if not data.startswith(canonical):
            self._exact = True
            self.strict.feed(data)
            return _NONE
        if len(canonical) < len(data):
            self.strict.feed(data[len(canonical) :])
        return [request for request in requests if request]

    def more(self) -> Requests:
        """Further requests; none means that more bytes are needed."""
        strict = self.strict
        if not (self._offered or self._exact or strict.limited) and strict.between and strict.starts_array():
            requests = self.feed(strict.rest())
            if requests:
                return requests
        request = strict.next()
        if request is None:
            return _NONE
        self._offered = False
        return [request]


def _walk(data: bytes) -> tuple[Requests, int, tuple[list[Any], int] | None]:
    """The requests at the start of a chunk whose headers are canonical and whose arguments are long; where they end.

    Nothing is judged here: where the walk ends, somebody else decides. It may end before a big argument: then the
    third value has the request's arguments before that and how many are to come.
    """
    requests: Requests = []
    find, lengths = data.find, _LENGTHS
    at, size = 0, len(data)
    while at < size:
        count = _COUNTS.get(data[at : at + 4])
        position = at + 4
        if count is None:
            count = _LONGER_COUNTS.get(data[at : at + 5])
            if count is None:
                break
            position = at + 5
        least = at + count * _WALK_BYTES
        if size >= _SHORT_CHUNK and (size < least or find(b"\r\n*", at, least) >= 0):
            break  # many short arguments are hiredis' strength
        arguments: list[Any] = []
        for left in range(count, 0, -1):
            end = find(b"\r\n", position, position + 14)
            if end < 0:
                return requests, at, None
            length = lengths.get(data[position:end])
            if length is None:
                length = _long_length(data[position:end])
            start, position = position, end + 4 + length
            if length < 0 or position > size:
                return (requests, start, (arguments, left)) if length >= BIG else (requests, at, None)
            arguments.append(data[end + 2 : position - 2])
        requests.append(arguments)
        at = position
    return requests, at, None


def _long_length(header: bytes) -> int:
    """The length that a canonical header of four to nine digits announces; -1 for any other."""
    if 5 <= len(header) <= 10 and header[0] == _DOLLAR and header[1] != _ZERO and header[1:].isdigit():
        return int(header[1:])
    return -1


def _unfit(data: bytes) -> bool:
    """Whether hiredis should not see this: wide arrays, and a long chunk that seems to begin with a big bulk.

    hiredis makes room for as many elements as an array announces. A guess: it decides on speed, not on meaning.
    """
    if len(data) >= _LONG_CHUNK and _BIG_HEADER(data, 0, _PROBE) is not None:
        return True
    return _WIDE_ARRAY(data) is not None or _WIDE_PUSH(data) is not None or _WIDE_SET(data) is not None


def _all_canonical(requests: Requests, data: bytes, simple: bool) -> bool:
    """Whether `data` is nothing but these requests, told by lengths alone; False means that it is not known.

    Elements that are no bulk strings make `data` shorter than the canonical form, and something else could make up
    for that, if only the start of a further request. So they are excluded: nested arrays (their stars are counted) and
    the types of `_ODD_TYPES` (`simple`: the caller has found none).
    Raises TypeError for an element without a length: all others.
    """
    if data.count(b"*") != len(requests) or not (simple or all(data.find(kind) < 0 for kind in _ODD_TYPES)):
        return False
    total = 0
    sizes = _SIZES
    try:
        for request in requests:
            if not request:
                return False
            total += _HEADS[len(request)]
            for argument in request:
                total += sizes[len(argument)]
    except IndexError:
        return False
    return total == len(data)
