"""The C `long double` in which Redis counts decimals (INCRBYFLOAT, HINCRBYFLOAT): numpy's, of this machine.

numpy is imported when the first one is read: it is a third of the start.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from pyredisai.errors import ReplyError, texts

if TYPE_CHECKING:
    import numpy as np

_HEX = re.compile(rb"[+-]?0[xX]")
_TEXT = re.compile(
    rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)(?:[pP][+-]?\d+)?"
    rb"|inf|infinity)",
    re.IGNORECASE,
)
MAX_TEXT = 5 * 1024


def parse_long_double(text: bytes, error: str = texts.NOT_FLOAT) -> np.longdouble:
    """A decimal or hexadecimal number as C's strtold reads it, without blanks and nan. Raises ReplyError."""
    if len(text) >= MAX_TEXT or _TEXT.fullmatch(text) is None:
        raise ReplyError(error)
    import numpy as np

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        value = np.longdouble(text.decode())
    if np.isinf(value) and b"n" not in text.lower():
        raise ReplyError(error)
    if value == 0 and _has_digit(text):
        raise ReplyError(error)
    return value


def _has_digit(text: bytes) -> bool:
    """Whether a text that reads as zero has a digit other than zero before its exponent: it underflowed."""
    if _HEX.match(text):
        digits = re.split(rb"[pP]", text[text.lower().index(b"x") + 1 :])[0]
    else:
        digits = re.split(rb"[eE]", text)[0]
    return any(byte in b"123456789abcdefABCDEF" for byte in digits)


def is_finite(value: np.longdouble) -> bool:
    """Whether it is neither infinite nor nan."""
    import numpy as np

    return bool(np.isfinite(value))


def sum_long_double(one: np.longdouble, other: np.longdouble, error: str = texts.NAN_OR_INFINITY) -> np.longdouble:
    """The sum. Raises ReplyError when it is not finite."""
    import numpy as np

    with np.errstate(all="ignore"):
        total = one + other
    if not is_finite(total):
        raise ReplyError(error)
    return np.longdouble(total)


def format_long_double(value: np.longdouble) -> bytes:
    """With 17 decimals, less the zeros at the end."""
    import numpy as np

    text = np.format_float_positional(value, unique=False, precision=17, trim="-")
    return b"0" if text == "-0" else text.encode()
