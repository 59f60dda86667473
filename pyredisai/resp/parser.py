"""Incremental parser of requests: hiredis where it is exact, `StrictParser` for the rest. No I/O.

hiredis parses replies, so it takes things for requests that Redis refuses. What it made of a chunk is therefore
checked against the chunk itself: the canonical form of its requests must be what came. Where that fails (inline
commands, empty arrays, errors), and for the incomplete request at the end of a chunk, the strict parser decides;
hiredis goes on after the next boundary. So hiredis keeps no state between chunks, and one reader serves all.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import hiredis

from pyredisai.resp.strict import StrictParser

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
_LONGER_TYPES: Final = b"=~%>|"


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
        simple = len(data) < _SHORT_CHUNK and len(data.translate(None, _LONGER_TYPES)) == len(data)
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


def _unfit(data: bytes) -> bool:
    """Whether hiredis should not see this: wide arrays, and a long chunk that seems to begin with a big bulk.

    hiredis makes room for as many elements as an array announces. A guess: it decides on speed, not on meaning.
    """
    if len(data) >= _LONG_CHUNK and _BIG_HEADER(data, 0, _PROBE) is not None:
        return True
    return _WIDE_ARRAY(data) is not None or _WIDE_PUSH(data) is not None or _WIDE_SET(data) is not None


def _all_canonical(requests: Requests, data: bytes, simple: bool) -> bool:
    """Whether `data` is nothing but these requests, told by lengths alone; False means that it is not known.

    Elements that are no bulk strings make `data` shorter than the canonical form; what could make up for that is
    excluded: nested arrays (their stars are counted) and the RESP3 types that are longer than their value (`simple`:
    the caller has found none).
    Raises TypeError for an element without a length.
    """
    if data.count(b"*") != len(requests) or not (simple or all(data.find(kind) < 0 for kind in _LONGER_TYPES)):
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
