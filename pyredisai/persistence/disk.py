"""Files that are there whole or not at all."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import Any, BinaryIO, Final

SYNC_BYTES: Final = 4 << 20


class Abandoned(Exception):
    """A file that was being written is no longer wanted."""


class SyncingFile(io.FileIO):
    """A new file that is flushed to the disk as it grows: there is no long flush of everything at its end."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "w")
        self._unsynced = 0

    def write(self, data: Any) -> int:
        """Of io.FileIO."""
        written = super().write(data)
        self._unsynced += written
        if self._unsynced >= SYNC_BYTES:
            self._unsynced = 0
            os.fsync(self.fileno())
        return written


def new_file(path: str, *, synced: bool) -> BinaryIO:
    """Open a file to be written, one that is flushed to the disk every few megabytes if `synced`. Raises OSError."""
    return io.BufferedWriter(SyncingFile(path)) if synced else open(path, "wb")


class FileReplacement:
    """A file that `write_to` writes beside `path`, flushes to the disk and puts in place.

    `synced`: it is flushed while it grows, too.
    """

    def __init__(self, path: str, write_to: Callable[[BinaryIO], None], *, synced: bool = False) -> None:
        self._path = path
        self._synced = synced
        self._write_to = write_to
        self._directory = os.path.dirname(path) or "."
        self._temporary = os.path.join(self._directory, f"temp-{os.getpid()}-{time.monotonic_ns()}.tmp")
        self._lock = threading.Lock()
        self._abandoned = False

    def run(self) -> None:
        """Write it. An error leaves the old file. Raises OSError, Abandoned."""
        try:
            with new_file(self._temporary, synced=self._synced) as file:
                self._write_to(file)
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                if self._abandoned:
                    raise Abandoned
                os.replace(self._temporary, self._path)
        except BaseException:
            remove(self._temporary)
            raise
        sync_directory(self._directory)

    def abandon(self) -> None:
        """Any thread: from now on the file is not put in place, and nothing of it stays."""
        with self._lock:
            self._abandoned = True
            remove(self._temporary)


def replace_file(path: str, write_to: Callable[[BinaryIO], None]) -> None:
    """Write a file whole or not at all. Raises OSError."""
    FileReplacement(path, write_to).run()


def remove(path: str) -> None:
    """Remove a file if it is there."""
    try:
        os.unlink(path)
    except OSError:
        pass


def sync_directory(path: str) -> None:
    """Make the names in a directory durable. Raises OSError."""
    handle = os.open(path or ".", os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
