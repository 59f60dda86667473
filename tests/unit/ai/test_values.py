"""VALUES: what is accepted, what is refused, and how C would print it."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.ai.dtype import DTYPES, STRING, DType
from pyredisai.ai.strtod import strtod
from pyredisai.ai.values import BadValue, NullInString, parse_floats, parse_values, read_values

FLOAT, DOUBLE, BOOL = DTYPES["FLOAT"], DTYPES["DOUBLE"], DTYPES["BOOL"]
INTEGERS = [dtype for dtype in DTYPES.values() if dtype.kind == "int"]


MANY = [b"1", b"-2.5", b"3e2", b"0", b".5", b"6.", b"-0", b"1e-3"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0),
        (b"+1", 1.0),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"-0.0", -0.0),
        (b"1e3", 1000.0),
        (b"0x10", 16.0),
        (b"-0X1.8p1", -3.0),
        (b"inf", math.inf),
        (b"-Infinity", -math.inf),
        (b"+INF", math.inf),
        (b"5e-324", 5e-324),
        (b"0e-999", 0.0),
        (b"0x0p-9999", 0.0),
    ],
)
def test_strtod_reads(text: bytes, value: float) -> None:
    result = strtod(text)
    assert result == value
    assert math.copysign(1, result) == math.copysign(1, value)
    assert parse_floats([*MANY, text]) == [*parse_floats(MANY), value]


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" 1", b"1 ", b"1_0", b"1,5", b"1.5x", b"1e", b"e5", b".", b"abc", b"infinit", b"1f", b"0x", b"1\0"),
        *(b"1\r\n", b"1\r\n,2", b"\r\n,", b"1\n1", b"9" * 400),
        *(b"nan(1)", b"-nan", b"+nan", b"1e400", b"-1e400", b"1e-400", b"0x1p-9999", b"0x1p9999", b"--1", b"0x1p"),
    ],
)
def test_strtod_refuses(text: bytes) -> None:
    assert strtod(text) is None
    for company in ([text], [text, b"1"], [b"0.0", text], [b"2e-3", b"0", text], [*MANY, text], [text, *MANY]):
        with pytest.raises(BadValue):
            parse_floats(company)


def test_nan_is_a_value() -> None:
    assert [math.isnan(value) for value in parse_floats([b"nan", b"NaN", b"1"])] == [True, True, False]


@given(st.lists(st.floats(allow_nan=False)))
def test_floats_read_back(values: list[float]) -> None:
    assert parse_floats([repr(value).encode() for value in values]) == values


@given(st.text("0123456789.eE+-xXaf_ infINFNat", max_size=12))
def test_every_text_of_a_list_is_read_as_strtod_reads_it(text: str) -> None:
    expected = strtod(text.encode())
    for company in ([], MANY):
        try:
            result = parse_floats([*company, text.encode()])[-1]
        except BadValue:
            assert expected is None
        else:
            assert expected is not None
            assert struct.pack("d", result) == struct.pack("d", expected)


@given(st.floats(width=64, allow_nan=False, allow_infinity=False))
def test_a_float_is_rounded_as_c_casts_it(value: float) -> None:
    (result,) = read_values(FLOAT, parse_values(FLOAT, [repr(value).encode()]))
    try:
        expected = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        expected = math.copysign(math.inf, value)
    assert result == expected


@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: dtype.name)
def test_bounds_of_integers(dtype) -> None:
    texts = [b"%d" % dtype.low, b"%d" % dtype.high, b"0"]
    blob = parse_values(dtype, texts)
    assert parse_values(dtype, texts * 4) == blob * 4
    assert len(blob) == 3 * dtype.itemsize
    assert [int(value) for value in read_values(dtype, blob)] == [dtype.low, dtype.high, 0]
    assert dtype.high - dtype.low == 2 ** (8 * dtype.itemsize) - 1
    for beyond in (dtype.low - 1, dtype.high + 1, 10**30):
        for company in ([], [b"1"] * 8):
            with pytest.raises(BadValue):
                parse_values(dtype, [*company, b"%d" % beyond])


@pytest.mark.parametrize(
    "text", [b"", b"1.0", b"1e3", b"0x10", b" 1", b"1 ", b"+1", b"01", b"-0", b"--1", b"nan", b"1_0", b"9" * 5000]
)
@pytest.mark.parametrize("dtype", [*INTEGERS, BOOL], ids=lambda dtype: dtype.name)
def test_what_is_no_integer(dtype, text: bytes) -> None:
    for company in ([b"1"], [b"1", b"0"] * 4):
        with pytest.raises(BadValue):
            parse_values(dtype, [*company, text])


def test_booleans() -> None:
    assert parse_values(BOOL, [b"0", b"1"]) == b"\0\1"
    assert read_values(BOOL, b"\0\1\2") == [0, 1, 2]
    with pytest.raises(BadValue):
        parse_values(BOOL, [b"2"])


@pytest.mark.parametrize(
    ("texts", "blob"),
    [
        ([b"ab", b"c"], b"ab\0c\0"),
        ([b"", b"a"], b"\0a\0"),
        ([b"\0"], b"\0"),
        ([b"a\0", b"b"], b"a\0b\0"),
        ([b"\xff\xfe"], b"\xff\xfe\0"),
    ],
)
def test_strings(texts: list[bytes], blob: bytes) -> None:
    assert parse_values(STRING, texts) == blob
    assert read_values(STRING, blob) == [text.removesuffix(b"\0") for text in texts]


@pytest.mark.parametrize("text", [b"a\0b", b"\0\0", b"\0a"])
def test_a_null_inside_a_string(text: bytes) -> None:
    with pytest.raises(NullInString):
        parse_values(STRING, [b"x", text])


@given(st.lists(st.binary().map(lambda text: text.replace(b"\0", b"")), min_size=1))
def test_strings_read_back(texts: list[bytes]) -> None:
    assert read_values(STRING, parse_values(STRING, texts)) == texts


def test_no_elements() -> None:
    for dtype in DTYPES.values():
        assert read_values(dtype, b"") == []


FLOAT16, BFLOAT16, UINT64 = DTYPES["FLOAT16"], DTYPES["BFLOAT16"], DTYPES["UINT64"]


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [
        (FLOAT16, b"0.1", 0.0999755859375),
        (FLOAT16, b"65504", 65504.0),
        (FLOAT16, b"65520", math.inf),
        (FLOAT16, b"-6e-8", -(2.0**-24)),
        (BFLOAT16, b"0.1", 0.10009765625),
        (BFLOAT16, b"1.00390625", 1.0),  # half way between two: to the even one
        (BFLOAT16, b"1.01171875", 1.015625),
        (BFLOAT16, b"3.397e38", math.inf),
        (BFLOAT16, b"1e39", math.inf),
        (BFLOAT16, b"-inf", -math.inf),
        (BFLOAT16, b"-0.0", -0.0),
    ],
)
def test_halves_are_rounded_to_the_nearest(dtype: DType, text: bytes, value: float) -> None:
    blob = parse_values(dtype, [text])
    assert len(blob) == 2
    (got,) = read_values(dtype, blob)
    assert got == value
    assert math.copysign(1, got) == math.copysign(1, value)


@pytest.mark.parametrize("dtype", [FLOAT16, BFLOAT16])
def test_every_half_reads_back(dtype: DType) -> None:
    blob = struct.pack("<65536H", *range(65536))
    values = read_values(dtype, blob)
    again = parse_values(dtype, [b"nan" if math.isnan(value) else repr(value).encode() for value in values])
    for bits, value in enumerate(values):
        if math.isnan(value):
            assert math.isnan(read_values(dtype, again[2 * bits : 2 * bits + 2])[0])
        else:
            assert again[2 * bits : 2 * bits + 2] == blob[2 * bits : 2 * bits + 2]


def test_integers_beyond_63_bits_are_texts() -> None:
    blob = parse_values(UINT64, [b"18446744073709551615", b"9223372036854775807", b"0"])
    assert read_values(UINT64, blob) == [b"18446744073709551615", 2**63 - 1, 0]
    with pytest.raises(BadValue):
        parse_values(UINT64, [b"18446744073709551616"])
