"""The base of an append-only log: all keys of one moment, as an RDB file or as commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final

from pyredisai.journal import Effect
from pyredisai.persistence.aof.commands import commands_for, encode
from pyredisai.persistence.rdb import file as rdb_file
from pyredisai.persistence.snapshot import Snapshot

_LARGE: Final = 1 << 20


def writer_of_base(snapshot: Snapshot, options: rdb_file.WriteOptions, *, rdb: bool) -> Callable[[BinaryIO], None]:
    """What writes a base to an open file, in a thread. It raises OSError."""

    def write(target: BinaryIO) -> None:
        if rdb:
            rdb_file.write(target, snapshot, options)
        else:
            _write_commands(target, snapshot, options)

    return write


def _write_commands(target: BinaryIO, snapshot: Snapshot, options: rdb_file.WriteOptions) -> None:
    selected = -1
    for code in options.functions:
        target.write(encode([b"FUNCTION", b"LOAD", code]))
    for index, key, value, expire in snapshot:
        if index != selected:
            selected = index
            target.write(encode([b"SELECT", b"%d" % index]))
        for command in commands_for(key, value, expire, options.chunk_size):
            _write(target, command)


def _write(target: BinaryIO, command: Effect) -> None:
    """A large word goes uncopied: copying it would keep the interpreter from all other threads."""
    if max(map(len, command)) < _LARGE:
        target.write(encode(command))
        return
    target.write(b"*%d\r\n" % len(command))
    for word in command:
        for part in (b"$%d\r\n" % len(word), word, b"\r\n"):
            target.write(part)
