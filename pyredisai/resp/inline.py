"""Inline commands: one line of words, quoted as in redis-cli. No I/O."""

from __future__ import annotations

_SPACE = b" \t\n\v\f\r"
_END = b" \n\r\t\x00"
_ESCAPES = {0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07}
_HEX = frozenset(b"0123456789abcdefABCDEF")
_BACKSLASH, _DOUBLE, _SINGLE, _X = 0x5C, 0x22, 0x27, 0x78


def split_words(line: bytes) -> list[bytes] | None:
    r"""The words of a line, or None where quotes are unbalanced or a closing one is not followed by a blank.

    "double quotes" take \n \r \t \b \a, \xHH and \ before anything else; 'single quotes' take \' only.
    """
    words: list[bytes] = []
    position, size = 0, len(line)
    while True:
        while position < size and line[position] in _SPACE:
            position += 1
        if position >= size or line[position] == 0:
            return words
        word = bytearray()
        position = _word(line, position, word)
        if position < 0:
            return None
        words.append(bytes(word))


def _word(line: bytes, position: int, word: bytearray) -> int:
    """Read one word from `position` into `word`; the position after it, or -1 if it is malformed."""
    size = len(line)
    while position < size:
        char = line[position]
        if char in _END:
            return position + 1
        if char in (_DOUBLE, _SINGLE):
            read = _double_quoted if char == _DOUBLE else _single_quoted
            position = read(line, position + 1, word)
            if position < 0 or (position < size and line[position] not in _SPACE and line[position] != 0):
                return -1
            return position
        word.append(char)
        position += 1
    return position


def _double_quoted(line: bytes, position: int, word: bytearray) -> int:
    size = len(line)
    while position < size:
        char = line[position]
        if char == _DOUBLE:
            return position + 1
        if char == _BACKSLASH and position + 1 < size:
            if line[position + 1] == _X and position + 3 < size and _HEX.issuperset(line[position + 2 : position + 4]):
                word.append(int(line[position + 2 : position + 4], 16))
                position += 4
                continue
            position += 1
            char = _ESCAPES.get(line[position], line[position])
        word.append(char)
        position += 1
    return -1


def _single_quoted(line: bytes, position: int, word: bytearray) -> int:
    size = len(line)
    while position < size:
        char = line[position]
        if char == _SINGLE:
            return position + 1
        if char == _BACKSLASH and line[position + 1 : position + 2] == b"'":
            position += 1
            char = _SINGLE
        word.append(char)
        position += 1
    return -1
