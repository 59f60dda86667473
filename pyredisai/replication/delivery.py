"""How a snapshot gets from the thread that writes it to the replicas: through a bounded pipe, or out of a file."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO, Final, Protocol

from pyredisai.errors import PersistenceError
from pyredisai.replication.backlog import Chunk

PIECE: Final = 256 * 1024
PIPE_BYTES: Final = 8 * 1024 * 1024


class Source(Protocol):
    """Where the pieces of a snapshot come from."""

    def take(self) -> Chunk | None:
        """The next piece; empty: none is there yet; None: that was all."""

    def close(self) -> None:
        """Nobody wants the rest."""


class Pipe:
    """A file for the writing thread, a source for the loop. `on_data` is called in the thread when pieces have come.

    The thread waits while PIPE_BYTES are unread, so a slow replica costs no more memory than that.
    """

    def __init__(self, on_data: Callable[[], object]) -> None:
        self._on_data = on_data
        self._pieces: deque[Chunk] = deque()
        self._bytes = 0
        self._complete = self._closed = False
        self._changed = threading.Condition()

    def write(self, data: Chunk | bytearray) -> int:
        """Called in the thread. Raises PersistenceError when nobody reads any more."""
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            with self._changed:
                while self._bytes >= PIPE_BYTES and not self._closed:
                    self._changed.wait()
                if self._closed:
                    raise PersistenceError("the replicas are gone")
                self._pieces.append(piece)
                self._bytes += len(piece)
            self._on_data()
        return len(view)

    def complete(self) -> None:
        """All has been written."""
        with self._changed:
            self._complete = True

    def take(self) -> Chunk | None:
        """Of Source."""
        with self._changed:
            if not self._pieces:
                return None if self._complete else b""
            piece = self._pieces.popleft()
            self._bytes -= len(piece)
            self._changed.notify()
            return piece

    def close(self) -> None:
        """Of Source: the thread gets an error at its next write."""
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._changed.notify()


class FileSource:
    """A file that is complete; it is closed at its end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def take(self) -> Chunk | None:
        """Of Source. Raises OSError."""
        return self._file.read(PIECE) or None

    def close(self) -> None:
        """Of Source."""
        self._file.close()
