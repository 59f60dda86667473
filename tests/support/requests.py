"""Streams of bytes for the request parser: good requests, bad ones, and ways to read them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from pyredisai.errors import ProtocolError
from pyredisai.resp.parser import Parser
from pyredisai.resp.strict import StrictParser

# Requests that Redis answers with a protocol error (or waits for), by what is wrong. Each is a whole stream.
BAD = {
    "count is a word": b"*x\r\n",
    "count with a sign": b"*+1\r\n$4\r\nPING\r\n",
    "count with a zero before": b"*01\r\n$4\r\nPING\r\n",
    "count too large": b"*2147483648\r\n",
    "count is empty": b"*\r\n",
    "bulk length is a word": b"*2\r\n$4\r\nECHO\r\n$x\r\nt\r\n",
    "bulk length is negative": b"*2\r\n$4\r\nECHO\r\n$-1\r\n",
    "bulk length is empty": b"*1\r\n$\r\n",
    "bulk length with a sign": b"*1\r\n$+4\r\nPING\r\n",
    "bulk too long": b"*1\r\n$536870913\r\n",
    "bulk far too long": b"*1\r\n$99999999999999999999\r\n",
    "integer for a bulk": b"*2\r\n$4\r\nECHO\r\n:5\r\n",
    "simple string for a bulk": b"*1\r\n+PING\r\n",
    "error for a bulk": b"*1\r\n-PING\r\n",
    "verbatim for a bulk": b"*2\r\n$4\r\nECHO\r\n=8\r\ntxt:abcd\r\n",
    "array for a bulk": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "null array in an array": b"*2\r\n$4\r\nECHO\r\n*-1\r\n",
    "inline in an array": b"*2\r\nECHO a\r\n",
    "high byte for a bulk": b"*1\r\n\xff4\r\nPING\r\n",
    "line end for a bulk": b"*1\r\n\r\n$4\r\nPING\r\n",
    "newline for a bulk": b"*1\r\n\n\r\n",
    "open quote": b'ECHO "abc\r\n',
    "text behind a quote": b'ECHO "abc"d\r\n',
    "open single quote": b"ECHO 'abc\r\n",
    "error behind good requests": b"PING\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*1\r\n!\r\n",
    "lies that cancel out": b"*2\r\n+ECHO\r\n=7\r\ntxt:abc\r\n*1\r\n$4\r\nPING\r\n",
    "a lie that the next request's start makes up for": b"*1\r\n+\r\n#\x00\x00",
    "nested arrays that cancel out": b"*5\r\n*0\r\n*0\r\n*0\r\n*1\r\n$0\r\n\r\n*1\r\n$0\r\n\r\n*1\r\n$4\r\nPING\r\n",
    "push with room for millions behind an odd line end": b"*2\r\n$4\r\nECHO__>300000000\r\n",
    "set with room for millions": b"*1\r\n~300000000\r\n",
    "long inline": b"x" * 70_000,
    "long count": b"*" + b"1" * 70_000,
    "long bulk count": b"*1\r\n$" + b"1" * 70_000,
}

_LONG = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$700\r\n" + b"*9>~%=|\r\n-x" * 63 + b"1234567\r\n"
_BIG = b"*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$140000\r\n" + b"*1\r\n$4\r\n" * 15_555 + b"12345\r\n$2\r\nEX\r\n"
BAD |= {
    "a lie behind a long argument": _LONG + b"*2\r\n$4\r\nECHO\r\n+abc\r\n",
    "zeros before a long length": b"*2\r\n$4\r\nECHO\r\n$0700\r\n" + b"x" * 800,
    "too long behind a long argument": _LONG + b"*2\r\n$4\r\nECHO\r\n$999999999\r\n" + b"x" * 900,
    "room for millions behind a long argument": _LONG + b"*300000000\r\n$4\r\nECHO\r\n",
}

# Streams that Redis takes, however odd.
GOOD = {
    "one long argument": _LONG,
    "long arguments": _LONG * 4,
    "long and short": (b"*1\r\n$4\r\nPING\r\n" + _LONG + b"PING\r\n") * 3,
    "long with odd line ends": _LONG.replace(b"SET\r\n", b"SET__") * 2,
    "type bytes in short arguments": b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8\r\n*>~%=|\r\n\r\n" * 3,
    "big arguments": _BIG * 2 + b"*1\r\n$4\r\nPING\r\n",
    "big behind long": _LONG + _BIG + _LONG,
    "one": b"*1\r\n$4\r\nPING\r\n",
    "three": b"*1\r\n$4\r\nPING\r\n" * 3,
    "arguments": b"*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    "inline": b"PING\r\nECHO abc\n  ECHO  'x y'  \r\n",
    "inline escapes": b'ECHO "\\x41\\n\\t\\q\\"" \r\nECHO \'it\\\'s \\n\'\r\nECHO a"b c"\r\nECHO "\\x4"\r\n',
    "empty lines": b"\r\n\n\r\nPING\r\n   \r\nPING\r\n",
    "empty arrays": b"*0\r\n*-1\r\n*-9\r\n*1\r\n$4\r\nPING\r\n*0\r\n",
    "mixed": b"PING\r\n*1\r\n$4\r\nPING\r\nECHO x\r\n*2\r\n$4\r\nECHO\r\n$1\r\n*\r\n",
    "line end is any byte": b"*1\rX$4\rYPING__*1\r\n$4\r\nPING\r\n",
    "type bytes as values": b"*2\r\n$4\r\nECHO\r\n$2\r\n+=\r\n*2\r\n$4\r\nECHO\r\n$5\r\n~%>|*\r\n",
    "replies at the top are inline": b"+OK\r\n:5\r\n$4\r\n-ERR x\r\n*1\r\n$4\r\nPING\r\n",
    "long argument": b"*2\r\n$4\r\nECHO\r\n$5000\r\n" + b"v" * 5000 + b"\r\n*1\r\n$4\r\nPING\r\n",
    "zero byte in a line": b"ECHO \0\r\n",
    "inline of nothing but blanks": b"\v\f \r\nPING\r\n",
}


def strict(chunks: Iterable[bytes], limited: bool = False) -> tuple[list[list[bytes]], str | None]:
    """What the strict parser makes of chunks: requests, and the error that ended them."""
    parser = StrictParser()
    parser.limited = limited
    requests: list[list[bytes]] = []
    try:
        for chunk in chunks:
            parser.feed(chunk)
            while (request := parser.next()) is not None:
                requests.append([bytes(arg) for arg in request])
    except ProtocolError as error:
        return requests, error.text
    return requests, None


def fast(chunks: Iterable[bytes], limited: bool = False) -> tuple[list[list[bytes]], str | None]:
    """What the parser of the connections makes of them, used as a connection uses it."""
    parser = Parser()
    parser.strict.limited = limited
    requests: list[list[bytes]] = []
    try:
        for chunk in chunks:
            while chunk and (target := parser.strict.target()) is not None:
                count = min(len(target), len(chunk))
                target[:count] = chunk[:count]
                parser.strict.filled(count)
                chunk = chunk[count:]
                requests += _bytes(parser.more())
            if chunk:
                requests += _bytes(parser.feed(chunk))
            while more := parser.more():
                requests += _bytes(more)
    except ProtocolError as error:
        return requests, error.text
    return requests, None


def _bytes(requests: list[list[bytes]]) -> list[list[bytes]]:
    return [[bytes(arg) for arg in request] for request in requests]


def split(data: bytes, *places: int) -> list[bytes]:
    """`data` cut at these places; no empty pieces."""
    cuts = [0, *sorted(places), len(data)]
    return [data[a:b] for a, b in pairwise(cuts) if a < b]
