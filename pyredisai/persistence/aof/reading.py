"""The commands of an append-only file, and where a file that ends too early is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby, product
from typing import Final

import hiredis

from pyredisai.errors import PersistenceError

_WINDOW: Final = 1 << 16
_REMARK: Final = 0x23  # '#', before a time for example
_PLAIN: Final = {bytes}
_NEXT: Final = (b"*", b"#", b"")
# The bytes around an argument: $, its size in digits, two line ends.
_FRAMES: Final = b"".join(
    bytes((5 + digits,)) * (min(10**digits, _WINDOW) - (10 ** (digits - 1) if digits > 1 else 0))
    for digits in range(1, len(str(_WINDOW)) + 1)
)
_BRACKETS: Final = {
    bytes(letters) for word in (b"MULTI", b"EXEC") for letters in product(*zip(word, word.lower(), strict=True))
}


class Truncated(PersistenceError):
    """The file ends within a command; up to `whole` bytes it can be used."""

    def __init__(self, whole: int) -> None:
        super().__init__(f"the file ends within a command; it is whole up to byte {whole}")
        self.whole = whole


@dataclass(slots=True)
class Logged:
    """Commands in turn and where the last of them ends."""

    commands: list[list[bytes]]
    end: int


def batches(view: memoryview, position: int = 0) -> Iterator[Logged]:
    """Every command from `position` on, some at a time. Raises Truncated, or PersistenceError for what is no command.

    Those of a MULTI are given when its EXEC has been read; a file that ends before that is whole before the MULTI.
    """
    end = len(view)
    whole = position
    transaction: list[Logged] | None = None
    while position < end:
        if view[position] == _REMARK:
            position = _line_end(view, position, whole) + 2
            continue
        found, size = _many(view[position : position + _WINDOW].tobytes())
        if not found:
            args, after = _command(view, position, whole)
            found, size = [args], after - position
        runs = list(_runs(found))
        for run in runs:
            position += size if len(runs) == 1 else _size(run)
            word = run[0][0]
            if word not in _BRACKETS and transaction is not None:
                transaction.append(Logged(run, position))
                continue
            if word not in _BRACKETS:
                yield Logged(run, position)
            elif len(word) == len(b"MULTI"):
                transaction = transaction or []
                continue
            else:
                yield from transaction or ()
                transaction = None
            whole = position
    if transaction is not None:
        raise Truncated(whole)


def _many(window: bytes) -> tuple[list[list[bytes]], int]:
    """The commands that lie whole in a window, up to one that is not as this server and Redis write it; their size."""
    reader = hiredis.Reader()  # that of replies: commands have their form
    reader.feed(window)
    found: list[list[bytes]] = []
    try:
        while type(args := reader.gets()) is list and args and {*map(type, args)} == _PLAIN:
            found.append(args)
    except hiredis.ProtocolError:
        pass  # the careful parser says what is wrong
    size = _size(found)
    if window[size - 2 : size] != b"\r\n" or window[size : size + 1] not in _NEXT:
        return [], 0  # there were strings that only replies have
    return found, size


def _runs(found: list[list[bytes]]) -> Iterator[list[list[bytes]]]:
    """The commands in runs, each MULTI and EXEC by itself."""
    for bracket, group in groupby(found, lambda args: args[0] in _BRACKETS):
        if bracket:
            yield from ([args] for args in group)
        else:
            yield list(group)


def _size(found: list[list[bytes]]) -> int:
    """The bytes of commands that `_many` has found: that takes no number with zeros before it, so lengths tell."""
    sizes = list(map(len, chain.from_iterable(found)))
    frames = sum(map(_FRAMES.__getitem__, sizes)) + sum(map(_FRAMES.__getitem__, map(len, found)))
    return sum(sizes) + frames - 2 * len(found)  # no line end behind the count of arguments


def _line_end(view: memoryview, position: int, whole: int) -> int:
    # Lines are short: look a little further each time.
    size = 64
    while True:
        chunk = bytes(view[position : position + size])
        at = chunk.find(b"\r\n")
        if at >= 0:
            return position + at
        if position + size >= len(view):
            raise Truncated(whole)
        if size > 4096:
            raise PersistenceError(f"no command at byte {position}")
        size *= 2


def _count(view: memoryview, position: int, whole: int, mark: int) -> tuple[int, int]:
    if position >= len(view):
        raise Truncated(whole)
    if view[position] != mark:
        raise PersistenceError(f"'{chr(mark)}' expected at byte {position}")
    end = _line_end(view, position, whole)
    digits = bytes(view[position + 1 : end])
    if not digits.isdigit():
        raise PersistenceError(f"a number expected at byte {position}")
    return int(digits), end + 2


def _command(view: memoryview, position: int, whole: int) -> tuple[list[bytes], int]:
    start = position
    count, position = _count(view, position, whole, 0x2A)
    if not count:
        raise PersistenceError(f"an empty command at byte {start}")
    args = []
    for _ in range(count):
        size, position = _count(view, position, whole, 0x24)
        if position + size + 2 > len(view):
            raise Truncated(whole)
        if view[position + size] != 0x0D or view[position + size + 1] != 0x0A:
            raise PersistenceError(f"the end of an argument expected at byte {position + size}")
        args.append(bytes(view[position : position + size]))
        position += size + 2
    return args, position
