"""An RDB file to records. Reads versions 1 to 11; nothing is applied here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from pyredisai.errors import PersistenceError
from pyredisai.keyspace.usage import Usage
from pyredisai.persistence import module_types
from pyredisai.persistence.rdb.crc64 import crc64
from pyredisai.persistence.rdb.opcodes import MAGIC, MAX_READ_VERSION, Op, Type
from pyredisai.persistence.rdb.primitives import Source
from pyredisai.persistence.rdb.runs import read_run
from pyredisai.persistence.rdb.values import read_value

_FIRST_OPCODE: Final = 244
_STRING: Final = int(Type.STRING)
_PIECE: Final = 1 << 20


@dataclass(slots=True)
class Key:
    """A key of database `db`; `expire_ms` in Unix milliseconds, None without expiry.

    `idle_s` and `frequency` (0 to 255) tell of its use, where the file does and they were asked for.
    """

    db: int
    name: bytes
    value: Any
    expire_ms: int | None
    idle_s: int | None = None
    frequency: int | None = None


@dataclass(slots=True)
class Aux:
    """A field about the file: redis-ver, ctime, used-mem, repl-id …"""

    name: bytes
    value: bytes


@dataclass(slots=True)
class Function:
    """The source of a library of functions."""

    code: bytes


@dataclass(slots=True)
class Stored:
    """So many keys that are in the dictionary of their database already."""

    keys: int


def records(
    buffer: bytes | memoryview | Source,
    *,
    into: Callable[[int], MutableMapping[bytes, Any]] | None = None,
    usage: Callable[[int], Usage | None] | None = None,
) -> Iterator[Key | Aux | Function | Stored]:
    """Every record of a file in turn; the checksum is not looked at (see `verify`).

    Raises PersistenceError where the file is cut off or corrupt, naming the byte; what was read before
    has been given by then. Where `into` is given, most keys without expiry that hold plain strings or small
    containers are not given but put at once into the dictionary `into(db)`; what the
    file tells of their use is noted in `usage(db)`. Without `usage` nothing is told of that.
    """
    source = buffer if isinstance(buffer, Source) else Source(buffer)
    version = _header(source)
    db = 0
    expire: int | None = None
    idle: int | None = None
    frequency: int | None = None
    while True:
        start = source.position
        kind = source.byte()
        if into is not None and expire is None and idle is None and frequency is None and kind <= Op.FREQ:
            source.position = start
            if count := read_run(source, into(db), None if usage is None else usage(db)):
                yield Stored(count)
                continue
            source.position += 1
        if kind < _FIRST_OPCODE:
            name = source.string()
            value = source.blob([source.part()]) if kind == _STRING else read_value(source, kind)
            yield Key(db, name, value, expire, idle, frequency)
            expire = idle = frequency = None
        elif kind == Op.EOF:
            source.position = min(source.position + (8 if version >= 5 else 0), source.end)
            return
        elif kind == Op.SELECTDB:
            db = source.length()
        elif kind == Op.EXPIRETIME_MS:
            expire = int.from_bytes(source.take(8), "little", signed=True)
        elif kind == Op.EXPIRETIME:
            expire = 1000 * int.from_bytes(source.take(4), "little", signed=True)
        elif kind == Op.AUX:
            yield Aux(source.string(), source.string())
        elif kind == Op.FUNCTION2:
            yield Function(source.string())
        elif kind == Op.IDLE and usage is not None:
            idle = source.length()
        elif kind == Op.FREQ and usage is not None:
            frequency = source.byte()
        else:
            _skip(source, kind)


def _header(source: Source) -> int:
    if bytes(source.take(5)) != MAGIC:
        raise PersistenceError("wrong signature: not an RDB file")
    digits = bytes(source.take(4))
    if not digits.isdigit() or not 1 <= int(digits) <= MAX_READ_VERSION:
        raise PersistenceError(f"RDB version {digits.decode('latin-1')} is not known here")
    return int(digits)


def verify(buffer: bytes | memoryview) -> Iterator[int]:
    """Compare a file's checksum (version 5 and later), giving its position after each megabyte.

    Raises PersistenceError where it does not match, or where the buffer is no RDB file.
    """
    source = Source(buffer)
    if _header(source) < 5 or not (stored := int.from_bytes(source.buffer[-8:], "little")):
        return
    crc = 0
    body = source.buffer[:-8]
    for start in range(0, len(body), _PIECE):
        crc = crc64(body[start : start + _PIECE], crc)
        yield start
    if crc != stored:
        raise PersistenceError("the file's checksum does not match: it is cut off or corrupt")


def _skip(source: Source, kind: int) -> None:
    """Read over what means nothing here: hints on sizes, other modules' data, the use of keys if nobody notes it."""
    if kind == Op.RESIZEDB:
        source.length(), source.length()
    elif kind == Op.IDLE:
        source.length()
    elif kind == Op.FREQ:
        source.byte()
    elif kind == Op.MODULE_AUX:
        module_types.skip_aux(source)
    else:
        raise PersistenceError(f"unknown record {kind} at byte {source.position - 1}")
