"""What older Redis and RedisAI wrote is read: the bytes are put together here by the formats' own rules."""

from __future__ import annotations

import struct
from collections import deque
from typing import Any

import pytest

from pyredisai.ai.tensor import Tensor
from pyredisai.errors import PersistenceError
from pyredisai.persistence.module_types import type_id
from pyredisai.persistence.rdb import payload
from pyredisai.persistence.rdb.crc64 import crc64
from pyredisai.persistence.rdb.opcodes import ModuleOp, Op, Type
from pyredisai.persistence.rdb.packed import write_listpack
from pyredisai.persistence.rdb.primitives import Sink, Source
from pyredisai.persistence.rdb.reader import Aux, Function, Key, records
from pyredisai.persistence.rdb.values import read_value


def ziplist(*items: bytes | int) -> bytes:
    """A ziplist: total size, offset of the last entry, count, entries with the size of the one before, end."""
    body, before, tail = b"", 0, 10
    for item in items:
        tail = 10 + len(body)
        head = bytes((before,)) if before < 254 else b"\xfe" + before.to_bytes(4, "little")
        entry = head + _ziplist_body(item)
        body += entry
        before = len(entry)
    size = 10 + len(body) + 1
    return struct.pack("<IIH", size, tail, len(items)) + body + b"\xff"


def _ziplist_body(item: bytes | int) -> bytes:
    if isinstance(item, int):
        if 0 <= item <= 12:
            return bytes((0xF1 + item,))
        for code, width in ((0xFE, 1), (0xC0, 2), (0xF0, 3), (0xD0, 4), (0xE0, 8)):
            if -(1 << 8 * width - 1) <= item < 1 << 8 * width - 1:
                return bytes((code,)) + item.to_bytes(width, "little", signed=True)
        raise AssertionError(item)
    if len(item) < 64:
        return bytes((len(item),)) + item
    if len(item) < 16384:
        return bytes((0x40 | len(item) >> 8, len(item) & 0xFF)) + item
    return b"\x80" + len(item).to_bytes(4, "big") + item


def read(kind: int, *parts: bytes | int) -> Any:
    """The value of a type whose form is strings (bytes) and lengths (int) in turn."""
    sink = Sink()
    for part in parts:
        if isinstance(part, int):
            sink.length(part)
        else:
            sink.string(part)
    source = Source(bytes(sink))
    value = read_value(source, kind)
    assert source.position == len(sink)
    return value


NUMBERS = (0, 12, 13, -1, 127, -128, 300, -30000, 70000, -8000000, 2**31 - 1, -(2**31), 2**40, -(2**63))


def test_ziplists_of_numbers_and_strings() -> None:
    items = [b"", b"a" * 63, b"b" * 64, b"c" * 300, b"d" * 20000]
    expected = deque([*items, *(b"%d" % n for n in NUMBERS)])
    assert read(Type.LIST_ZIPLIST, ziplist(*items, *NUMBERS)) == expected
    assert read(Type.LIST_QUICKLIST, 2, ziplist(*items), ziplist(*NUMBERS)) == expected


def test_hashes_and_sorted_sets_in_ziplists() -> None:
    assert read(Type.HASH_ZIPLIST, ziplist(b"f", b"v", 7, 8)) == {b"f": b"v", b"7": b"8"}
    assert read(Type.ZSET_ZIPLIST, ziplist(b"a", 1, b"b", b"2.5")).scores == {b"a": 1.0, b"b": 2.5}


def test_zipmaps_with_free_bytes_and_long_values() -> None:
    long = b"x" * 300
    body = b"\x02" + b"\x01a" + b"\x03\x02v12" + b"xx" + b"\x01b" + b"\xfe" + struct.pack("<I", 300) + b"\x00" + long
    assert read(Type.HASH_ZIPMAP, body + b"\xff") == {b"a": b"v12", b"b": long}


def test_plain_forms() -> None:
    assert read(Type.LIST, 2, b"a", b"1") == deque([b"a", b"1"])
    assert read(Type.SET, 2, b"a", b"1") == {b"a", b"1"}
    assert read(Type.HASH, 1, b"f", b"v") == {b"f": b"v"}
    assert read(Type.SET_LISTPACK, write_listpack([b"a", b"17"])) == {b"a", b"17"}
    assert read(Type.LIST_QUICKLIST_2, 2, 1, b"plain", 2, write_listpack([b"a", b"5"])) == deque([b"plain", b"a", b"5"])


def test_scores_as_text_and_as_doubles() -> None:
    old = bytes((3,)) + b"\x01a\x031.5" + b"\x01b\xfe" + b"\x01c\xff"
    assert read_value(Source(old), Type.ZSET).scores == {b"a": 1.5, b"b": float("inf"), b"c": float("-inf")}
    new = bytes((1,)) + b"\x01a" + struct.pack("<d", -0.25)
    assert read_value(Source(new), Type.ZSET_2).scores == {b"a": -0.25}
    with pytest.raises(PersistenceError):
        read_value(Source(bytes((1,)) + b"\x01a\xfd"), Type.ZSET)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_streams_of_each_version(version: int) -> None:
    node = write_listpack([1, 1, 1, b"f", 0, 2, 0, 0, b"v1", 4, 3, 0, 1, b"gone", 4])
    sink = Sink()
    sink.length(1)
    sink.string(struct.pack(">QQ", 100, 5))
    sink.string(node)
    for number in (1, 100, 6):
        sink.length(number)
    if version >= 2:
        for number in (100, 5, 100, 6, 2):
            sink.length(number)
    sink.length(1)
    sink.string(b"g")
    for number in (100, 5, *([1] if version >= 2 else [])):
        sink.length(number)
    sink.length(1)
    sink += struct.pack(">QQ", 100, 5) + struct.pack("<q", 42)
    sink.length(3)
    sink.length(1)
    sink.string(b"c")
    sink += struct.pack("<q", 77) + (struct.pack("<q", 78) if version >= 3 else b"")
    sink.length(1)
    sink += struct.pack(">QQ", 100, 5)
    kind = {1: Type.STREAM_LISTPACKS, 2: Type.STREAM_LISTPACKS_2, 3: Type.STREAM_LISTPACKS_3}[version]
    stream = read_value(Source(bytes(sink)), kind)
    assert stream.entries == {(100, 5): (b"f", b"v1")}
    assert (stream.last_id, stream.added) == ((100, 6), 1 if version == 1 else 2)
    group = stream.groups[b"g"]
    assert (group.last_id, group.entries_read) == ((100, 5), None if version == 1 else 1)
    pending = group.pending[100, 5]
    assert (pending.consumer, pending.delivered_ms, pending.count) == (b"c", 42, 3)
    consumer = group.consumers[b"c"]
    assert (consumer.seen_ms, consumer.active_ms) == (77, 78 if version >= 3 else 77)


def module(name: str, version: int, *fields: bytes | int) -> Any:
    """A module's value from its fields."""
    sink = Sink()
    sink.length(type_id(name, version))
    for field in fields:
        sink.length(ModuleOp.UINT if isinstance(field, int) else ModuleOp.STRING)
        if isinstance(field, int):
            sink.length(field)
        else:
            sink.string(field)
    sink.length(ModuleOp.EOF)
    return read_value(Source(bytes(sink)), Type.MODULE_2)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_tensors_of_the_old_versions(version: int) -> None:
    data = struct.pack("<6f", *range(6))
    tensor = module("AI_TENSOR", version, 1, 0, 32, 2, 1, 2, 2, 3, 3, 1, 0, data)
    assert isinstance(tensor, Tensor)
    assert tensor.array.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_models_of_the_old_versions() -> None:
    names = (2, b"a\0", b"b\0", 1, b"c\0")
    zero = module("AI__MODEL", 0, 0, b"CPU\0", b"tag\0", 4, 2, *names, b"blob")
    one = module("AI__MODEL", 1, 0, b"CPU\0", b"tag", 4, 2, *names, 4, 2, b"bl", b"ob")
    three = module("AI__MODEL", 3, 0, b"CPU\0", b"tag", 4, 2, 100, *names, 4, 1, b"blob")
    for model, timeout in ((zero, 0), (one, 0), (three, 100)):
        assert (model.backend, model.device, model.blob) == ("TF", "CPU", b"blob")
        options = model.options
        assert (options.tag, options.batch_size, options.min_batch_size) == (b"tag", 4, 2)
        assert (options.min_batch_timeout, options.inputs, options.outputs) == (timeout, ("a", "b"), ("c",))


def test_scripts_of_the_old_versions() -> None:
    for script in (
        module("AI_SCRIPT", 0, b"CPU\0", b"tag\0", b"def f(a): return a\0"),
        module("AI_SCRIPT", 2, b"CPU\0", b"tag", b"def f(a): return a\0"),
    ):
        assert (script.device, script.tag, script.source, script.entry_points) == (
            "CPU",
            b"tag",
            b"def f(a): return a",
            (),
        )


@pytest.mark.parametrize(
    ("name", "version", "fields"),
    [
        ("AI_TENSOR", 4, (2, 32, 1, 3, b"short")),
        ("AI_TENSOR", 4, (9, 32, 1, 1, b"abcd")),
        ("AI_TENSOR", 5, (2, 32, 1, 1, b"abcd")),
        ("AI__MODEL", 4, (7, b"CPU\0", b"", 0, 0, 0, 0, 0, 4, 1, b"blob")),
        ("AI__MODEL", 4, (3, b"CPU\0", b"", 0, 0, 0, 0, 0, 5, 1, b"blob")),
        ("OTHERTYPE", 1, ()),
    ],
)
def test_module_values_that_cannot_be_are_refused(name: str, version: int, fields: tuple[bytes | int, ...]) -> None:
    with pytest.raises(PersistenceError):
        module(name, version, *fields)


def test_a_file_of_an_old_version_is_read() -> None:
    """Version 2: no checksum, no fields about the file, expiry in seconds."""
    sink = Sink(b"REDIS0002")
    sink += bytes((Op.SELECTDB, 3, Op.EXPIRETIME)) + struct.pack("<i", 2_000_000_000)
    sink.append(Type.STRING)
    sink.string(b"k")
    sink.string(b"v")
    sink.append(Op.EOF)
    assert list(records(bytes(sink))) == [Key(3, b"k", b"v", 2_000_000_000_000)]


def test_records_that_mean_nothing_here_are_read_over() -> None:
    sink = Sink(b"REDIS0011")
    sink.append(Op.AUX)
    sink.string(b"redis-ver")
    sink.string(b"7.2.0")
    sink.append(Op.FUNCTION2)
    sink.string(b"#!lua name=l")
    sink.append(Op.MODULE_AUX)
    sink.length(type_id("OTHERTYPE", 1))
    for field in (ModuleOp.UINT, 2, ModuleOp.STRING):
        sink.length(field)
    sink.string(b"data")
    sink.length(ModuleOp.EOF)
    sink += bytes((Op.SELECTDB, 0, Op.RESIZEDB, 1, 0, Op.IDLE, 5, Op.FREQ, 9, Type.STRING))
    sink.string(b"k")
    sink.string(b"1")
    sink.append(Op.EOF)
    sink += crc64(sink).to_bytes(8, "little")
    aux, function, key = records(bytes(sink))
    assert (aux, function, key) == (Aux(b"redis-ver", b"7.2.0"), Function(b"#!lua name=l"), Key(0, b"k", b"1", None))


def test_a_payload_of_a_later_version_is_refused() -> None:
    body = b"\x00\x01x" + (99).to_bytes(2, "little")
    with pytest.raises(payload.BadPayload):
        payload.restore(body + crc64(body).to_bytes(8, "little"))
