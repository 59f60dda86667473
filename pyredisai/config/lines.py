r"""Configuration lines: their words, and words quoted so that they read back the same.

Text is `str` in UTF-8 with surrogateescape, so that every byte of a file or argument survives the way in and out.
"""

from __future__ import annotations

from pyredisai.resp.inline import split_words

_ESCAPED = {0x5C: "\\\\", 0x22: '\\"', 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t", 0x07: "\\a", 0x08: "\\b"}


def to_text(data: bytes) -> str:
    """Bytes of a client or file as text."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The bytes that `to_text` came from."""
    return text.encode("utf-8", "surrogateescape")


def split_line(line: str) -> list[str] | None:
    """The words of a line, or None where its quotes are unbalanced."""
    words = split_words(to_bytes(line))
    return None if words is None else [to_text(word) for word in words]


def quoted(text: str) -> str:
    r"""`text` in double quotes, what is not printable ASCII as \n, \r, \t, \a, \b or \xHH."""
    shown = "".join(
        _ESCAPED.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}") for byte in to_bytes(text)
    )
    return f'"{shown}"'
