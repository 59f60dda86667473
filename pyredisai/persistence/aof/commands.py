"""Values as the commands that make them: a base file in AOF form, as `aof-use-rdb-preamble no` asks for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import hiredis

from pyredisai.ai.dtype import WIDE_UINTS
from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.ai.tensor import Tensor
from pyredisai.journal import Effect
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Group, Stream, StreamId
from pyredisai.persistence.rdb.payload import dump
from pyredisai.resp.encoder import format_double

_ITEMS: Final = 64


def encode(command: Effect) -> bytes:
    """A command as RESP."""
    if memoryview not in map(type, command):
        packed: bytes = hiredis.pack_command(tuple(command))
        return packed
    parts: list[bytes | memoryview] = [b"*%d\r\n" % len(command)]
    for word in command:
        parts += (b"$%d\r\n" % len(word), word, b"\r\n")
    return b"".join(parts)


class EffectStream:
    """The journal's effects as a stream of commands, with SELECT where the database changes.

    `database` is the one that is selected where the stream stands; -1 makes the next command follow a SELECT.
    """

    def __init__(self) -> None:
        self.database = -1

    def encode(self, database: int, effects: list[Effect]) -> list[bytes]:
        """The effects of one command; several are kept together by MULTI and EXEC."""
        parts: list[bytes] = []
        if database != self.database:
            parts.append(encode([b"SELECT", b"%d" % database]))
            self.database = database
        if len(effects) == 1:
            parts.append(encode(effects[0]))
        else:
            parts += [_MULTI, *map(encode, effects), _EXEC]
        for effect in effects:
            if effect[0] == b"SELECT":
                self.database = int(bytes(effect[1]))
        return parts


_MULTI: Final = encode([b"MULTI"])
_EXEC: Final = encode([b"EXEC"])


def commands_for(key: bytes, value: Any, expire: int | None, chunk_size: int) -> Iterator[Effect]:
    """The commands that make a key. Raises TypeError for a value that has none."""
    if isinstance(value, bytes | memoryview):
        yield [b"SET", key, value]
    elif isinstance(value, deque):
        yield from _batches(b"RPUSH", key, iter(value))
    elif isinstance(value, set):
        yield from _batches(b"SADD", key, iter(value))
    elif isinstance(value, dict):
        yield from _batches(b"HMSET", key, (x for item in value.items() for x in item))
    elif isinstance(value, SortedSet):
        yield from _batches(b"ZADD", key, (x for score, m in value for x in (format_double(score), m)))
    elif isinstance(value, Stream):
        yield from _stream(key, value)
    elif isinstance(value, Tensor):
        yield tensor_command(key, value)
    elif isinstance(value, Model):
        yield _model(key, value, chunk_size)
    elif isinstance(value, Script):
        yield _script(key, value)
    else:
        raise TypeError(f"no commands for {type(value).__name__}")
    if expire is not None:
        yield [b"PEXPIREAT", key, b"%d" % expire]


def tensor_command(key: bytes, tensor: Tensor) -> Effect:
    """The AI.TENSORSET that stores a tensor; a RESTORE for types and shapes that AI.TENSORSET refuses."""
    if tensor.dtype.name in WIDE_UINTS or 0 in tensor.shape:
        return [b"RESTORE", key, b"0", dump(tensor), b"REPLACE"]
    dims = [b"%d" % dim for dim in tensor.shape]
    return [b"AI.TENSORSET", key, tensor.dtype.name_bytes, *dims, b"BLOB", tensor.blob]


def _batches(command: bytes, key: bytes, items: Iterator[bytes]) -> Iterator[Effect]:
    while batch := list(islice(items, 2 * _ITEMS)):
        yield [command, key, *batch]


def _model(key: bytes, model: Model, chunk_size: int) -> Effect:
    options = model.options
    words: list[bytes | memoryview] = [b"AI.MODELSTORE", key, model.backend.encode(), model.device.encode()]
    words += (b"TAG", options.tag)
    for name, number in (
        (b"BATCHSIZE", options.batch_size),
        (b"MINBATCHSIZE", options.min_batch_size),
        (b"MINBATCHTIMEOUT", options.min_batch_timeout),
    ):
        words += (name, b"%d" % number)
    if model.backend == "TF":
        for section, names in ((b"INPUTS", options.inputs), (b"OUTPUTS", options.outputs)):
            words += (section, b"%d" % len(names), *(name.encode() for name in names))
    blob = memoryview(model.blob)
    words.append(b"BLOB")
    words += (blob[at : at + chunk_size] for at in range(0, len(blob) + 1, chunk_size))
    return words


def _script(key: bytes, script: Script) -> Effect:
    head = [key, script.device.encode(), b"TAG", script.tag]
    if not script.entry_points:  # AI.SCRIPTSTORE wants one; RedisAI loses such scripts
        return [b"AI.SCRIPTSET", *head, b"SOURCE", script.source]
    points = [b"ENTRY_POINTS", b"%d" % len(script.entry_points), *script.entry_points]
    return [b"AI.SCRIPTSTORE", *head, *points, b"SOURCE", script.source]


def _id(id: StreamId) -> bytes:
    return b"%d-%d" % id


def _stream(key: bytes, stream: Stream) -> Iterator[Effect]:
    for id in stream.ids:
        yield [b"XADD", key, _id(id), *stream.entries[id]]
    if not stream.entries:  # a stream that was emptied is still there
        yield [b"XADD", key, b"MAXLEN", b"0", _id(max(stream.last_id, (0, 1))), b"x", b"y"]
    position = [b"ENTRIESADDED", b"%d" % stream.added, b"MAXDELETEDID", _id(stream.max_deleted_id)]
    yield [b"XSETID", key, _id(stream.last_id), *position]
    for name, group in stream.groups.items():
        yield from _group(key, name, group)


def _group(key: bytes, name: bytes, group: Group) -> Iterator[Effect]:
    read = b"-1" if group.entries_read is None else b"%d" % group.entries_read
    yield [b"XGROUP", b"CREATE", key, name, _id(group.last_id), b"ENTRIESREAD", read]
    for consumer in group.consumers.values():
        yield [b"XGROUP", b"CREATECONSUMER", key, name, consumer.name]
        for id, pending in consumer.pending.items():
            delivered = [b"TIME", b"%d" % pending.delivered_ms, b"RETRYCOUNT", b"%d" % pending.count]
            yield [b"XCLAIM", key, name, consumer.name, b"0", _id(id), *delivered, b"JUSTID", b"FORCE"]
