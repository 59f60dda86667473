"""Writes an RDB file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Final, NamedTuple

from pyredisai import REDIS_VERSION
from pyredisai.keyspace.usage import IdleTimes, Usage
from pyredisai.persistence.rdb.crc64 import crc64
from pyredisai.persistence.rdb.opcodes import MAGIC, WRITE_VERSION, Op, Type
from pyredisai.persistence.rdb.primitives import COMPRESS_AT_MOST, DEFAULT_CHUNK, Sink
from pyredisai.persistence.rdb.writer import write_value
from pyredisai.persistence.snapshot import Snapshot

_FLUSH_BYTES: Final = 1 << 16
_PIECE: Final = 1 << 22
_PROGRESS_MASK: Final = 255
_SHORT: Final = 21  # longer strings may be compressed
_NINE: Final = 0x39  # no integer begins with a later letter
_FREQUENCIES: Final = [bytes((Op.FREQ, counter)) for counter in range(256)]
_SHORT_IDLE: Final = [bytes((Op.IDLE, seconds)) for seconds in range(64)]
_HEADS: Final = [bytes((Type.STRING, size)) for size in range(_SHORT)]


class WriteOptions(NamedTuple):
    """rdbcompression, rdbchecksum, MODEL_CHUNK_SIZE; `aux` are further fields about the file."""

    compress: bool = True
    checksum: bool = True
    chunk_size: int = DEFAULT_CHUNK
    aux: tuple[tuple[str, str], ...] = ()
    functions: tuple[bytes, ...] = ()


class _Writer:
    """Collects small pieces, passes large strings through uncopied, keeps the checksum."""

    def __init__(self, file: BinaryIO, options: WriteOptions) -> None:
        self._file = file
        self._options = options
        self._crc = 0
        self.sink = self._new_sink()

    def _new_sink(self) -> Sink:
        sink = Sink()
        sink.compress = self._options.compress
        sink.chunk_size = self._options.chunk_size
        sink.defers = True
        return sink

    def flush(self) -> None:
        sink, self.sink = self.sink, self._new_sink()
        for data in sink.pieces():
            if len(data) <= _PIECE:
                self._write(data)
            else:  # the checksum's thread holds the interpreter: a piece takes it for half a millisecond
                whole = memoryview(data)
                for start in range(0, len(whole), _PIECE):
                    self._write(whole[start : start + _PIECE])

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        if self._options.checksum:
            self._crc = crc64(data, self._crc)
        self._file.write(data)

    def finish(self) -> None:
        self.sink.append(Op.EOF)
        self.flush()
        self._file.write(self._crc.to_bytes(8, "little"))


def write(
    file: BinaryIO, snapshot: Snapshot, options: WriteOptions, progress: Callable[[int], None] | None = None
) -> None:
    """Write a picture of the keys to an open file. Raises OSError.

    `progress(n)` is called every few hundred keys; in a thread it is the place to let others run.
    """
    writer = _Writer(file, options)
    writer.sink += MAGIC + b"%04d" % WRITE_VERSION
    for name, value in _aux_fields(options):
        writer.sink.append(Op.AUX)
        writer.sink.string(name.encode())
        writer.sink.string(value.encode())
    for code in options.functions:
        writer.sink.append(Op.FUNCTION2)
        writer.sink.string(code)
    _write_keys(writer, snapshot, progress)
    writer.finish()


def _aux_fields(options: WriteOptions) -> Iterable[tuple[str, str]]:
    yield "redis-ver", REDIS_VERSION
    yield "redis-bits", "64"
    yield "ctime", str(int(time.time()))
    yield from options.aux


def _write_keys(writer: _Writer, snapshot: Snapshot, progress: Callable[[int], None] | None) -> None:
    sizes = {index: (keys, expires) for index, keys, expires in snapshot.sizes}
    usages = {part.number: part.usage for part in snapshot.parts}
    usage: Usage | None = None
    use = b""
    selected = -1
    sink = writer.sink
    for done, (index, key, value, expire) in enumerate(snapshot):
        if index != selected:
            selected = index
            usage = usages[index]
            sink.append(Op.SELECTDB)
            sink.length(index)
            sink.append(Op.RESIZEDB)
            sink.length(sizes[index][0])
            sink.length(sizes[index][1])
        if usage is not None:
            use = _use_of(usage, key)
        if (
            type(value) is bytes
            and expire is None
            and 0 < (long := len(key)) < _SHORT
            and 0 < (size := len(value)) <= COMPRESS_AT_MOST
            and key[0] > _NINE
            and (value[0] > _NINE or size > 11)
        ):  # the inner loop of saving: a word that holds a word or a text, none of them an integer
            if use:
                sink += use
            sink += _HEADS[long]
            sink += key
            if size < _SHORT:
                sink.append(size)
                sink += value
            else:
                sink.string(value)
        else:
            _write_key(sink, key, value, expire, use)
        if len(sink) + sink.apart_size >= _FLUSH_BYTES:
            writer.flush()
            sink = writer.sink
        if progress is not None and not done & _PROGRESS_MASK:
            progress(done)


def _write_key(sink: Sink, key: bytes, value: Any, expire: int | None, use: bytes) -> None:
    if expire is not None:
        sink.append(Op.EXPIRETIME_MS)
        sink += expire.to_bytes(8, "little", signed=True)
    sink += use
    write_value(sink, value, key)


def _use_of(usage: Usage, key: bytes) -> bytes:
    """The record on the use of a key."""
    if not isinstance(usage, IdleTimes):
        return _FREQUENCIES[usage.order(key)]
    idle = usage.idle_s(key)
    if idle < len(_SHORT_IDLE):
        return _SHORT_IDLE[idle]
    record = Sink()
    record.append(Op.IDLE)
    record.length(idle)
    return bytes(record)
