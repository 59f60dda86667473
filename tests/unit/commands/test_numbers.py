"""Doubles in arguments: what C's strtod takes, with Redis' own limits."""

from __future__ import annotations

import math

import pytest

from pyredisai.commands.args import parse_c_double, parse_float
from pyredisai.errors import ReplyError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((b"1", 1.0), (b"-0.5", -0.5), (b"5.", 5.0), (b".5", 0.5), (b"1e3", 1000.0), (b"+2", 2.0), (b"0x10", 16.0)),
        *((b"inf", math.inf), (b"-Infinity", -math.inf), (b"007", 7.0), (b"0e5", 0.0), (b"0x0p4", 0.0)),
    ],
)
def test_doubles_are_read(text: bytes, value: float) -> None:
    assert parse_float(text) == value == parse_c_double(text)


@pytest.mark.parametrize(
    "text", [b"", b" 1", b"1 ", b"1_0", b"x", b"nan", b"1e400", b"1e-400", b"9" * 400, b"0x1p2000"]
)
def test_others_are_refused(text: bytes) -> None:
    with pytest.raises(ReplyError):
        parse_float(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"", 0.0), (b" 1", 1.0), (b"1\0x", 1.0), (b"1e400", math.inf), (b"-0x1p2000", -math.inf), (b"1e-400", 0.0)],
)
def test_ends_of_ranges_are_c_strings(text: bytes, value: float) -> None:
    assert parse_c_double(text) == value


@pytest.mark.parametrize("text", [b"x", b"1 ", b"nan", b"1_0", b" "])
def test_what_is_no_c_double(text: bytes) -> None:
    assert parse_c_double(text) is None
