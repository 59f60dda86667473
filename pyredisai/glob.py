"""Glob patterns as Redis matches them: KEYS, SCAN, PSUBSCRIBE, CONFIG GET, ACL.

`*` any bytes, `?` one byte, `[a-z]` and `[^a-z]` classes (a range may be reversed, an unclosed class ends with the
pattern), `\\x` the byte x itself. Patterns become regular expressions that match in linear time: each part between
two stars is taken at its first occurrence, which is as good as any later one. As in Redis 7.0 the empty text is
matched by `*` alone, not by `**`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

Matcher: TypeAlias = "Callable[[bytes], bool]"
_Fold: TypeAlias = "Callable[[bytes], bytes]"

_NOTHING = b"(?!)"


@lru_cache(maxsize=1024)
def compile_glob(pattern: bytes, *, ignore_case: bool = False) -> Matcher:
    """A function that tells whether a byte string matches `pattern`."""
    fold: _Fold = bytes.lower if ignore_case else bytes
    parts = [b""]
    i = 0
    while i < len(pattern):
        token, i = _token(pattern, i, fold)
        if token is None:
            parts.append(b"")
        else:
            parts[-1] += token
    if len(parts) == 1:
        source = parts[0]
    else:
        middle = b"".join(b"(?>.*?" + part + b")" for part in parts[1:-1] if part)
        source = parts[0] + middle + b".*" + parts[-1]
    if pattern not in (b"", b"*"):
        source = b"(?!\\Z)" + source
    match = re.compile(source, re.DOTALL).fullmatch
    return lambda text: match(fold(text)) is not None


def glob_match(pattern: bytes, text: bytes, *, ignore_case: bool = False) -> bool:
    """Whether `text` matches `pattern`."""
    return compile_glob(pattern, ignore_case=ignore_case)(text)


def _token(pattern: bytes, i: int, fold: _Fold) -> tuple[bytes | None, int]:
    """The regular expression of the token at `i` (None: a star) and where the next one begins."""
    char = pattern[i : i + 1]
    if char == b"*":
        return None, i + 1
    if char == b"?":
        return b".", i + 1
    if char == b"[":
        return _class(pattern, i + 1, fold)
    if char == b"\\" and i + 1 < len(pattern):
        i += 1
    return re.escape(fold(pattern[i : i + 1])), i + 1


def _class(pattern: bytes, i: int, fold: _Fold) -> tuple[bytes, int]:
    negated = pattern[i : i + 1] == b"^"
    i += negated
    ranges = b""
    while i < len(pattern) and pattern[i : i + 1] != b"]":
        if pattern[i : i + 1] == b"\\" and i + 1 < len(pattern):
            ranges += re.escape(fold(pattern[i + 1 : i + 2]))
            i += 2
        elif pattern[i + 1 : i + 2] == b"-" and i + 2 < len(pattern):
            low, high = map(fold, sorted((pattern[i : i + 1], pattern[i + 2 : i + 3])))
            if low <= high:  # put in order before their case is ignored, so perhaps not in order after that
                ranges += re.escape(low) + b"-" + re.escape(high)
            i += 3
        else:
            ranges += re.escape(fold(pattern[i : i + 1]))
            i += 1
    if not ranges:
        return b"." if negated else _NOTHING, i + 1
    return (b"[^" if negated else b"[") + ranges + b"]", i + 1
