"""Arguments to values, with Redis' own errors. Shared by every family."""

from __future__ import annotations

import math
import random
import re

from pyredisai.errors import ReplyError, texts

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def parse_int(text: bytes, error: str = texts.NOT_INTEGER) -> int:
    """A 64-bit integer as Redis reads one: no spaces, no plus sign, no leading zeros.

    Raises ReplyError(error).
    """
    try:
        value = int(text)
    except ValueError:
        raise ReplyError(error) from None
    if not INT64_MIN <= value <= INT64_MAX or (b"%d" % value) != text:
        raise ReplyError(error)
    return value


_DECIMAL = rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?)"
_HEXADECIMAL = rb"[+-]?0x(?:[\da-f]+\.?[\da-f]*|\.[\da-f]+)(?:p[+-]?\d+)?"
_DOUBLE = re.compile(rb"(?:%b|%b)" % (_HEXADECIMAL, _DECIMAL), re.IGNORECASE)
_SAFE_DIGITS = 300
_INFINITE = re.compile(rb"[+-]?inf", re.IGNORECASE)


def _double(text: bytes) -> float:
    """The double of a text that `_DOUBLE` matches; too large a number is infinite."""
    if b"x" not in text and b"X" not in text:
        return float(text)
    try:
        return float.fromhex(text.decode())
    except OverflowError:
        return -math.inf if text.startswith(b"-") else math.inf


def parse_float(text: bytes, error: str = texts.NOT_FLOAT) -> float:
    """A double as Redis reads one: C's strtod of the whole text, without blanks, nan, overflow and underflow.

    Raises ReplyError(error).
    """
    if text.isdigit() and len(text) < _SAFE_DIGITS:
        return float(text)
    if _DOUBLE.fullmatch(text) is None:
        raise ReplyError(error)
    value = _double(text)
    if math.isinf(value) and not _INFINITE.match(text):
        raise ReplyError(error)
    if value == 0 and re.search(rb"[1-9a-f]", re.split(rb"p" if b"x" in text.lower() else rb"e", text.lower())[0]):
        raise ReplyError(error)
    return value


def parse_c_double(text: bytes) -> float | None:
    """What C's strtod makes of a whole C string: blanks may lead, nothing at all is 0; None for other texts and nan."""
    text = text.partition(b"\0")[0]
    if not text:
        return 0.0
    text = text.lstrip(b" \t\n\v\f\r")
    return _double(text) if _DOUBLE.fullmatch(text) else None


def parse_range(text: bytes, low: int, high: int, error: str = "") -> int:
    """An integer between two bounds, both included. Raises ReplyError: `error`, or Redis' general texts."""
    value = parse_int(text, error or texts.NOT_INTEGER)
    if not low <= value <= high:
        raise ReplyError(error or texts.not_between(low, high))
    return value


def parse_int32(text: bytes, error: str = "") -> int:
    """A C `int`. Raises ReplyError."""
    return parse_range(text, -(2**31), 2**31 - 1, error)


def parse_count(text: bytes, error: str = texts.NOT_POSITIVE) -> int:
    """A number from 0 on. Raises ReplyError(error)."""
    return parse_range(text, 0, INT64_MAX, error)


def repeated(elements: list[bytes], count: int) -> list[bytes]:
    """`count` random elements, each of which may come several times. Raises ReplyError for an absurd count."""
    if count > 1 << 24:
        raise ReplyError(texts.TOO_MANY_REPEATS)
    return random.choices(elements, k=count)
