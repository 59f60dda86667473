"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import BinaryIO


def replace_file(path: str, write_to: Callable[[BinaryIO], None]) -> None:
    """Write beside `path`, flush to the disk, then put it in place. An error leaves the old file. Raises OSError."""
    directory = os.path.dirname(path) or "."
    temporary = os.path.join(directory, f"temp-{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    sync_directory(directory)


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
