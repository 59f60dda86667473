"""Reply values to RESP. `encode(value, version, out)` appends buffers to a list; nothing is joined here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from pyredisai.resp.aggregates import Pairs, Push, RespSet, Several
from pyredisai.resp.replies import NO_REPLY, NULL_ARRAY, Error, Raw, Reply, Status, Verbatim

Buffers: TypeAlias = "list[bytes | memoryview]"
_Encode: TypeAlias = Callable[[Any, int, Buffers], None]

_BULKS: Final = tuple(b"$%d\r\n" % n for n in range(1024))
_INTEGERS: Final = tuple(b":%d\r\n" % n for n in range(1024))
_ARRAYS: Final = tuple(b"*%d\r\n" % n for n in range(64))
_LINE_HEADS: Final = tuple(b"$%d\r\n" % (n - 2) for n in range(32))  # of doubles with line ends: at most 26 bytes
_NUMBERS: Final = frozenset((int, float))
_NULLS: Final = {2: b"$-1\r\n", 3: b"_\r\n"}
_NULL_ARRAYS: Final = {2: b"*-1\r\n", 3: b"_\r\n"}


def encode(value: Reply, version: int, out: Buffers) -> None:
    """Append the RESP form of `value` to `out`; `version` is 2 or 3.

    Raises TypeError for a value that has no RESP form.
    """
    if type(value) is bytes:
        _bytes(value, version, out)
        return
    try:
        encoder = _ENCODERS[type(value)]
    except KeyError:
        encoder = _encoder_of_subclass(value)
    encoder(value, version, out)


def _encoder_of_subclass(value: Reply) -> _Encode:
    for kind in type(value).__mro__[1:]:
        if kind in _ENCODERS:
            return _ENCODERS[kind]
    raise TypeError(f"no RESP form for {type(value).__name__}")


def format_double(value: float) -> bytes:
    """A double as Redis prints it: C's %.17g, `inf`, `-inf`, `nan`, and `-nan` for one with its sign bit set."""
    text = b"%.17g" % value
    return b"-nan" if text == b"nan" and math.copysign(1.0, value) < 0 else text


def error_line(text: str) -> bytes:
    """An error reply; line ends in a text become spaces, so that it stays one line."""
    if "\n" in text or "\r" in text:
        text = text.replace("\r", " ").replace("\n", " ")
    return b"-%s\r\n" % text.encode("utf-8", "surrogateescape")


def _bytes(value: bytes, version: int, out: Buffers) -> None:
    n = len(value)
    head = _BULKS[n] if n < 1024 else b"$%d\r\n" % n
    if n < 4096:
        out.append(head + value + b"\r\n")
    else:
        out += (head, value, b"\r\n")


def _memoryview(value: memoryview, version: int, out: Buffers) -> None:
    out += (b"$%d\r\n" % value.nbytes, value, b"\r\n")


def _int(value: int, version: int, out: Buffers) -> None:
    out.append(_INTEGERS[value] if 0 <= value < 1024 else b":%d\r\n" % value)


def _bool(value: bool, version: int, out: Buffers) -> None:
    out.append((b"#t\r\n" if value else b"#f\r\n") if version == 3 else b":%d\r\n" % value)


def _float(value: float, version: int, out: Buffers) -> None:
    text = format_double(value)
    out.append(b",%b\r\n" % text if version == 3 else b"$%d\r\n%b\r\n" % (len(text), text))


def _str(value: str, version: int, out: Buffers) -> None:
    _bytes(value.encode("utf-8", "surrogateescape"), version, out)


def _array(value: Sequence[Reply], version: int, out: Buffers) -> None:
    count = len(value)
    out.append(_ARRAYS[count] if count < len(_ARRAYS) else b"*%d\r\n" % count)
    if count and type(value[0]) in _NUMBERS and len(set(map(type, value))) == 1:
        out.append(_integers(value) if type(value[0]) is int else _doubles(value, version))
        return
    for item in value:
        if type(item) is Raw:
            out.append(item.data)
        else:
            encoder = _ENCODERS.get(type(item)) or _encoder_of_subclass(item)
            encoder(item, version, out)


def _integers(value: Sequence[Any]) -> bytes:
    """The elements of an array of integers, in one format."""
    return b":%d\r\n" * len(value) % tuple(value)


def _doubles(value: Sequence[Any], version: int) -> bytes:
    """The elements of an array of doubles, such as a tensor's values, in one format."""
    lines = (b",%.17g\r\n" if version == 3 else b"%.17g\r\n") * len(value) % tuple(value)
    if b"nan" in lines:
        lines = b"".join([(b",%b\r\n" if version == 3 else b"%b\r\n") % format_double(each) for each in value])
    if version == 3:
        return lines
    return b"".join([_LINE_HEADS[len(line)] + line for line in lines.splitlines(True)])


def _set(value: RespSet, version: int, out: Buffers) -> None:
    out.append((b"~%d\r\n" if version == 3 else b"*%d\r\n") % len(value))
    for item in value:
        encode(item, version, out)


def _push(value: Push, version: int, out: Buffers) -> None:
    out.append((b">%d\r\n" if version == 3 else b"*%d\r\n") % len(value))
    for item in value:
        encode(item, version, out)


def _several(value: Several, version: int, out: Buffers) -> None:
    for item in value:
        encode(item, version, out)


def _dict(value: dict[Reply, Reply], version: int, out: Buffers) -> None:
    out.append(b"%%%d\r\n" % len(value) if version == 3 else b"*%d\r\n" % (2 * len(value)))
    for key, item in value.items():
        encode(key, version, out)
        encode(item, version, out)


def _pairs(value: Pairs, version: int, out: Buffers) -> None:
    if version == 2:
        _array(value, version, out)
        return
    out.append(b"%%%d\r\n" % len(value))
    for key, item in value:
        encode(key, version, out)
        encode(item, version, out)


def _verbatim(value: Verbatim, version: int, out: Buffers) -> None:
    if version == 3:
        out.append(b"=%d\r\n%b:%b\r\n" % (len(value.data) + 4, value.format, value.data))
    else:
        _bytes(value.data, version, out)


_ENCODERS: Final[dict[type, _Encode]] = {
    bytes: _bytes,
    int: _int,
    type(None): lambda value, version, out: out.append(_NULLS[version]),
    Raw: lambda value, version, out: out.append(value.data),
    memoryview: _memoryview,
    bytearray: lambda value, version, out: _memoryview(memoryview(value), version, out),
    str: _str,
    list: _array,
    tuple: _array,
    dict: _dict,
    float: _float,
    bool: _bool,
    Status: lambda value, version, out: out.append(b"+%b\r\n" % value.text.encode()),
    Error: lambda value, version, out: out.append(error_line(value.text)),
    RespSet: _set,
    Pairs: _pairs,
    Push: _push,
    Several: _several,
    Verbatim: _verbatim,
    type(NULL_ARRAY): lambda value, version, out: out.append(_NULL_ARRAYS[version]),
    type(NO_REPLY): lambda value, version, out: None,
}
