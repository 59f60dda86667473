"""DUMP and RESTORE, FUNCTION DUMP and RESTORE: values, the format's version and a checksum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyredisai.errors import PersistenceError
from pyredisai.persistence.rdb.crc64 import crc64
from pyredisai.persistence.rdb.opcodes import MAX_READ_VERSION, WRITE_VERSION, Op
from pyredisai.persistence.rdb.primitives import DEFAULT_CHUNK, Sink, Source
from pyredisai.persistence.rdb.values import read_value
from pyredisai.persistence.rdb.writer import write_value


class BadPayload(PersistenceError):
    """The version or the checksum of a payload is wrong."""


def dump(value: Any, chunk_size: int = DEFAULT_CHUNK) -> bytes:
    """The payload of DUMP; models in chunks of `chunk_size` bytes."""
    sink = Sink()
    sink.chunk_size = chunk_size
    write_value(sink, value)
    return _sealed(sink)


def dump_functions(libraries: Iterable[bytes]) -> bytes:
    """The payload of FUNCTION DUMP: the libraries' code."""
    sink = Sink()
    for code in libraries:
        sink.append(Op.FUNCTION2)
        sink.string(code)
    return _sealed(sink)


def _sealed(sink: Sink) -> bytes:
    sink += WRITE_VERSION.to_bytes(2, "little")
    sink += crc64(sink).to_bytes(8, "little")
    return bytes(sink)


def restore(payload: bytes | memoryview) -> Any:
    """The value of a payload. Raises BadPayload, or PersistenceError when the value is malformed."""
    source = _opened(payload, 11)
    return read_value(source, source.byte())


def restore_functions(payload: bytes | memoryview) -> list[bytes]:
    """The code of each library. Raises as `restore` does."""
    source = _opened(payload, 10)
    found = []
    while source.position < source.end:
        if source.byte() != Op.FUNCTION2:
            raise PersistenceError("not a function")
        found.append(source.string())
    return found


def _opened(payload: bytes | memoryview, shortest: int) -> Source:
    if len(payload) < shortest:
        raise BadPayload("too short")
    body, version, stored = payload[:-8], int.from_bytes(payload[-10:-8], "little"), payload[-8:]
    if version > MAX_READ_VERSION or crc64(body) != int.from_bytes(stored, "little"):
        raise BadPayload("version or checksum")
    return Source(payload, end=len(payload) - 10)
