"""VALUES to bytes and back: how RedisAI reads and prints the elements of a tensor.

The common case runs in loops of C (map, array, translate) and is checked as a whole; what that check
does not settle is read again element by element. Little-endian machines only, as the blobs are.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from pyredisai.ai.dtype import DType
from pyredisai.ai.half import pack_halves, unpack_halves
from pyredisai.ai.strtod import strtod

_DECIMAL: Final = b"0123456789.+-"
_SCIENTIFIC: Final = b"0123456789.+-eE"
_DIGITS_TO_OVERFLOW: Final = 300
_RESP_MAX: Final = 2**63 - 1


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
    return array(dtype.typecode, _parse_integers(dtype, texts)).tobytes()


def parse_floats(texts: Sequence[bytes]) -> list[float]:
    """Doubles as `strtod` reads them. Raises BadValue."""
    joined = b"".join(texts)
    if not joined.translate(None, _DECIMAL) and (
        len(joined) < _DIGITS_TO_OVERFLOW or max(map(len, texts)) < _DIGITS_TO_OVERFLOW
    ):
        certain = True  # too short to lie beyond the doubles
    elif not joined.translate(None, _SCIENTIFIC):
        certain = False
    else:
        return [_parse_float(text) for text in texts]
    try:
        values = list(map(float, texts))
    except ValueError:
        raise BadValue from None
    if certain or not (0.0 in values or _has_infinity(values)):
        return values
    return [_parse_float(text) for text in texts]


def _has_infinity(values: list[float]) -> bool:
    infinity = float("inf")
    return infinity in values or -infinity in values


def _parse_float(text: bytes) -> float:
    value = strtod(bytes(text))
    if value is None:
        raise BadValue
    return value


def _parse_integers(dtype: DType, texts: Sequence[bytes]) -> list[int]:
    try:
        values = list(map(int, texts))
    except ValueError:
        raise BadValue from None
    if values and (min(values) < dtype.low or max(values) > dtype.high):
        raise BadValue
    # An integer's own form is the shortest of its texts, so texts that differ from it cannot make up for each other.
    if b"%d " * len(values) % tuple(values) != b" ".join(texts) + (b" " if values else b""):
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
