"""Arguments to values, with Redis' own errors. Shared by every family."""

from __future__ import annotations

import random

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


def parse_float(text: bytes, error: str = texts.NOT_FLOAT) -> float:
    """A double as Redis reads one (strtod, without blanks and nan). Raises ReplyError(error)."""
    try:
        value = float(text)
    except ValueError:
        raise ReplyError(error) from None
    if value != value or b"_" in text or text[:1].isspace() or text[-1:].isspace():
        raise ReplyError(error)
    return value


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
