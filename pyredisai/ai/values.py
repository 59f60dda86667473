"""VALUES to bytes and back: how RedisAI reads and prints the elements of a tensor.

The common case runs in loops of C (hiredis, map, array, translate) and is checked as a whole; what that check
does not settle is read again element by element. Little-endian machines only, as the blobs are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from hiredis import HiredisError, Reader

from pyredisai.ai.dtype import DType
from pyredisai.ai.half import pack_halves, unpack_halves
from pyredisai.ai.strtod import strtod

_INTEGRAL: Final = b"0123456789-"
_SCIENTIFIC: Final = b"0123456789.+-eE"
_DIGITS_TO_OVERFLOW: Final = 300
_RESP_MAX: Final = 2**63 - 1
_FEW: Final = 6  # a reader of their own costs more than so many texts


class BadValue(ValueError):
    """A text that is no value of the tensor's type."""


class NullInString(ValueError):
    """A string element with a null byte before its end."""


def parse_values(dtype: DType, texts: Sequence[bytes]) -> bytes:
    """The blob of the elements that `texts` spell. Raises BadValue or NullInString."""
    kind = dtype.kind
    if kind == "float":
        if not dtype.typecode:
            return pack_halves(dtype, parse_floats(texts))
        return array(dtype.typecode, parse_floats(texts)).tobytes()
    if kind == "string":
        return _join_strings(texts)
    try:
        blob = array(dtype.typecode, _parse_integers(texts)).tobytes()
    except OverflowError:
        raise BadValue from None
    if kind == "bool" and blob.translate(None, b"\0\1"):
        raise BadValue
    return blob


def parse_floats(texts: Sequence[bytes]) -> list[float]:
    """Doubles as `strtod` reads them. Raises BadValue."""
    lines = b"\r\n,".join(texts)
    if lines.translate(None, _SCIENTIFIC) != b"\r\n," * (len(texts) - 1):
        return [_parse_float(text) for text in texts]
    values = _read_lines(b"*%d\r\n,%b\r\n", lines, len(texts))
    if values is None:
        try:
            values = list(map(float, texts))
        except ValueError:
            raise BadValue from None
    if _beyond_range(lines, texts) and (0.0 in values or _has_infinity(values)):
        return [_parse_float(text) for text in texts]
    return values


def _beyond_range(lines: bytes, texts: Sequence[bytes]) -> bool:
    """Whether a text may lie beyond the doubles: one has an exponent, or is that long."""
    if b"e" in lines or b"E" in lines:
        return True
    return len(lines) >= _DIGITS_TO_OVERFLOW and max(map(len, texts)) >= _DIGITS_TO_OVERFLOW


def _read_lines(form: bytes, lines: bytes, count: int) -> list[Any] | None:
    """The numbers of an array of RESP, doubles or integers; None where that is not settled here.

    hiredis reads them with C's strtod and in Redis' own way, several times as fast as Python, and refuses some more.
    """
    if count < _FEW:
        return None
    reader = Reader()
    reader.feed(form % (count, lines))
    try:
        values: list[Any] = reader.gets()
    except HiredisError:
        return None
    return values


def _has_infinity(values: list[float]) -> bool:
    infinity = float("inf")
    return infinity in values or -infinity in values


def _parse_float(text: bytes) -> float:
    value = strtod(bytes(text))
    if value is None:
        raise BadValue
    return value


def _parse_integers(texts: Sequence[bytes]) -> list[int]:
    lines = b"\r\n:".join(texts)
    if lines.translate(None, _INTEGRAL) != b"\r\n:" * (len(texts) - 1):
        raise BadValue
    values = _read_lines(b"*%d\r\n:%b\r\n", lines, len(texts))
    if values is None:  # few, wrong ones, or integers beyond 63 bits
        try:
            values = list(map(int, texts))
        except ValueError:
            raise BadValue from None
        if list(map(b"%d".__mod__, values)) != list(texts):
            raise BadValue
    return values


def _join_strings(texts: Sequence[bytes]) -> bytes:
    """Each element, ended by a null byte; one that ends in a null byte already is taken as it is."""
    elements = [bytes(text).removesuffix(b"\0") for text in texts]
    blob = b"\0".join(elements) + b"\0"
    if blob.count(b"\0") != len(elements):
        raise NullInString
    return blob


def read_values(dtype: DType, blob: bytes | memoryview) -> list[float] | list[int] | list[bytes] | list[int | bytes]:
    """The elements of a blob in order: doubles for floats, integers (booleans too), or strings.

    An integer beyond 63 bits, which RESP2 has no form for, is a string of its digits.
    """
    if dtype.kind == "string":
        return bytes(blob).split(b"\0")[:-1]
    if not len(blob):
        return []
    if not dtype.typecode:
        return unpack_halves(dtype, blob)
    values = memoryview(blob).cast(dtype.typecode).tolist()  # type: ignore[call-overload]  # a format of its own choice
    if dtype.high > _RESP_MAX and max(values) > _RESP_MAX:
        return [b"%d" % value if value > _RESP_MAX else value for value in values]
    return values  # type: ignore[no-any-return]  # Any by that
