"""Text to double as C's strtod and Redis' checks around it read one."""

from __future__ import annotations

import math
import re
from typing import Final

_DECIMAL: Final = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_HEX: Final = re.compile(rb"[+-]?0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)([pP][+-]?\d+)?")
_WORDS: Final = {
    sign + word: value
    for sign, factor in ((b"", 1.0), (b"+", 1.0), (b"-", -1.0))
    for word, value in ((b"inf", factor * math.inf), (b"infinity", factor * math.inf))
} | {b"nan": math.nan}


def strtod(text: bytes) -> float | None:
    """The double that the whole text spells, or None.

    Decimal, hexadecimal, `inf` and `infinity` in any case. None where Redis refuses too: blanks around,
    an overflow, an underflow to zero. Unlike Redis it takes `nan` (without a sign).
    """
    match = _DECIMAL.fullmatch(text)
    if match is not None:
        value = float(text)
    else:
        match = _HEX.fullmatch(text)
        if match is None:
            return _WORDS.get(text.lower())
        try:
            value = float.fromhex(text.decode())
        except OverflowError:
            return None
    if math.isinf(value) or (value == 0.0 and match[1].strip(b"0.")):
        return None
    return value
