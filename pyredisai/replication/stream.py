"""The stream's commands and how many bytes each of them is: a replica counts what it has applied. No I/O."""

from __future__ import annotations

import hiredis

from pyredisai.replication.replica import LinkError


def wire_length(args: list[bytes]) -> int:
    """The length of a command as primaries write it."""
    size = 3 + len(str(len(args)))
    for arg in args:
        size += len(arg) + len(str(len(arg))) + 5
    return size


class StreamParser:
    """Feed it bytes, take commands; `take(n)` gives the bytes of the commands that have been applied."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._raw = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._reader.feed(data)
        self._raw += data

    def next(self) -> list[bytes] | None:
        """The next complete command, or None. Raises LinkError."""
        try:
            args = self._reader.gets()
        except hiredis.HiredisError as error:
            raise LinkError(f"the stream cannot be read: {error}") from None
        if args is False:
            return None
        if type(args) is not list or not args or any(type(arg) is not bytes for arg in args):
            raise LinkError(f"the stream holds what is no command: {args!r:.100}")
        return args

    def take(self, count: int) -> bytes:
        """The oldest `count` bytes, which are kept no longer."""
        data = bytes(memoryview(self._raw)[:count])
        del self._raw[:count]
        return data
