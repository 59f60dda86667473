"""The commands of an append-only file, and where a file that ends too early is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyredisai.errors import PersistenceError


class Truncated(PersistenceError):
    """The file ends within a command; up to `whole` bytes it can be used."""

    def __init__(self, whole: int) -> None:
        super().__init__(f"the file ends within a command; it is whole up to byte {whole}")
        self.whole = whole


@dataclass(slots=True)
class Logged:
    """A command and where it ends."""

    args: list[bytes]
    end: int


def commands(view: memoryview, position: int = 0) -> Iterator[Logged]:
    """Every command from `position` on. Raises Truncated, or PersistenceError for what is no command.

    Those of a MULTI are given when its EXEC has been read; a file that ends before that is whole before the MULTI.
    """
    end = len(view)
    whole = position
    transaction: list[Logged] | None = None
    while position < end:
        if view[position] == 0x23:  # '#': a remark, such as a time
            position = _line_end(view, position, whole) + 2
            continue
        args, position = _command(view, position, whole)
        word = args[0].upper() if args else b""
        if word == b"MULTI" and transaction is None:
            transaction = []
        elif transaction is None:
            yield Logged(args, position)
            whole = position
        elif word == b"EXEC":
            yield from transaction
            transaction, whole = None, position
        else:
            transaction.append(Logged(args, position))
    if transaction is not None:
        raise Truncated(whole)


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
