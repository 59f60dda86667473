"""AI.TENSORSET and AI.TENSORGET without a socket."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredisai.ai.dtype import DTYPES, WIDE_UINTS
from pyredisai.persistence.aof.commands import commands_for, tensor_command
from pyredisai.persistence.rdb.payload import dump
from pyredisai.server.dispatch import without_views

WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"


def test_a_blob_comes_back_as_it_came(run: Any, ctx: Any) -> None:
    blob = b"\0\0\x80?\0\0\0@"
    assert run("AI.TENSORSET", "t", "FLOAT", "2", "BLOB", blob) == b"+OK\r\n"
    assert ctx.db.get(b"t").blob is blob
    assert run("AI.TENSORGET", "t", "BLOB") == b"$8\r\n%b\r\n" % blob
    assert run("AI.TENSORGET", "t", "VALUES") == b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"


def test_big_arguments_are_views(run: Any, ctx: Any) -> None:
    view = memoryview(b"\1\0" * 4).toreadonly()

    def received(*words: str | memoryview) -> bytes:
        reply: bytes = run(*without_views(ctx, [word.encode() if isinstance(word, str) else word for word in words]))
        return reply

    assert received("AI.TENSORSET", memoryview(b"key"), memoryview(b"bool"), "8", "blob", view) == b"+OK\r\n"
    assert list(ctx.db.data) == [b"key"]
    assert type(next(iter(ctx.db.data))) is bytes
    assert ctx.db.get(b"key").blob is view
    assert received("AI.TENSORSET", "t", "STRING", "2", "VALUES", memoryview(b"a"), "b") == b"+OK\r\n"
    assert run("AI.TENSORGET", "t", "BLOB") == b"$4\r\na\0b\0\r\n"
    assert received("AI.TENSORSET", "t", "FLOAT", memoryview(b"2"), "VALUES", "1", memoryview(b"2")) == b"+OK\r\n"


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        (["FLOAT", "2", "VALUES", "1", "x"], b"-ERR invalid value\r\n"),
        (["NOPE", "2"], b"-ERR invalid data type\r\n"),
        (["INT8", "9223372036854775808"], b"-ERR invalid or negative value found in tensor shape\r\n"),
        (["INT8", "9223372036854775807"], b"-ERR tensor does not fit into memory\r\n"),
        (["INT8", "99999999", "99999999", "99999999"], b"-ERR tensor does not fit into memory\r\n"),
        (["INT8", "٣"], b"-ERR invalid or negative value found in tensor shape\r\n"),
        (["STRING", "1", "BLOB", ""], b"-ERR Number of string elements in data blob does not match tensor length\r\n"),
        (["STRING", "1", "VALUES", "a\0b"], b"-ERR C-string value contains null character\r\n"),
        (["BOOL", "2", "BLOB", "\2\0"], b"-ERR BOOL tensor elements must be 0 or 1\r\n"),
        (
            ["FLOAT", "1", "BLOB"],
            b"-ERR a single binary string should come after the BLOB argument in 'AI.TENSORSET' command\r\n",
        ),
    ],
)
def test_a_refused_tensor_leaves_the_old_one(run: Any, words: list[str], reply: bytes) -> None:
    run("AI.TENSORSET", "t", "INT8", "1", "VALUES", "7")
    assert run("AI.TENSORSET", "t", *words) == reply
    assert run("AI.TENSORGET", "t", "VALUES") == b"*1\r\n:7\r\n"


def test_a_key_of_another_type(run: Any) -> None:
    run("SET", "s", "v")
    assert run("AI.TENSORSET", "s", "NOPE", "1") == WRONGTYPE
    assert run("AI.TENSORGET", "s", "NOPE") == WRONGTYPE
    assert run("AI.TENSORGET", "nokey", "NOPE") == b"-ERR tensor key is empty or in a different shard\r\n"


def test_resp3_prints_doubles(run: Any) -> None:
    run("AI.TENSORSET", "t", "DOUBLE", "2", "VALUES", "0.1", "-inf")
    assert run("AI.TENSORGET", "t", "VALUES", resp=3) == b"*2\r\n,0.10000000000000001\r\n,-inf\r\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats(width=32), min_size=1, max_size=20), resp=st.sampled_from([2, 3]))
def test_floats_are_printed_as_c_prints_them(run: Any, values: list[float], resp: int) -> None:
    blob = struct.pack(f"<{len(values)}f", *values)
    run("AI.TENSORSET", "t", "FLOAT", str(len(values)), "BLOB", blob)
    texts = [
        ("-nan" if struct.pack(">f", value)[0] & 0x80 else "nan") if value != value else f"{value:.17g}"
        for value in values
    ]
    expected = [f"${len(text)}\r\n{text}\r\n" if resp == 2 else f",{text}\r\n" for text in texts]
    assert run("AI.TENSORGET", "t", "VALUES", resp=resp).decode() == f"*{len(values)}\r\n" + "".join(expected)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_blob_of_the_right_length_comes_back(run: Any, data: st.DataObject) -> None:
    taken = [
        dtype for dtype in DTYPES.values() if dtype.kind not in ("bool", "string") and dtype.name not in WIDE_UINTS
    ]
    dtype = data.draw(st.sampled_from(taken))
    shape = data.draw(st.lists(st.integers(1, 4), max_size=4))
    size = dtype.itemsize
    for dim in shape:
        size *= dim
    blob = data.draw(st.binary(min_size=size, max_size=size))
    assert run("AI.TENSORSET", "t", dtype.name, *map(str, shape), "BLOB", blob) == b"+OK\r\n"
    assert run("AI.TENSORGET", "t", "BLOB") == b"$%d\r\n%b\r\n" % (size, blob)
    values = run("AI.TENSORGET", "t", "VALUES")
    assert values.startswith(b"*%d\r\n" % (size // dtype.itemsize))


@pytest.mark.parametrize("name", ["FLOAT16", "BFLOAT16", "UINT64", "UINT32"])
def test_types_that_redisai_lacks(run: Any, ctx: Any, name: str) -> None:
    """RedisAI refuses the wide integers' names, so they are taken only where the configuration says so."""
    command = ("AI.TENSORSET", "t", name.lower(), "2", "VALUES", "1", "3")
    if name in WIDE_UINTS:
        assert run(*command) == b"-ERR invalid data type\r\n"
        ctx.server.config.set([("ai.accept-wide-uint", "yes")])
    assert run(*command) == b"+OK\r\n"
    numbers = b":1\r\n:3\r\n" if name[0] == "U" else b"$1\r\n1\r\n$1\r\n3\r\n"
    assert run("AI.TENSORGET", "t", "VALUES") == b"*2\r\n" + numbers
    assert name.encode() in run("AI.TENSORGET", "t", "META")
    size = {"UINT64": 8, "UINT32": 4}.get(name, 2)
    assert run("AI.TENSORSET", "t", name, "2", "BLOB", bytes(2 * size)) == b"+OK\r\n"
    assert run("AI.TENSORSET", "t", name, "2", "BLOB", bytes(2 * size + 1)).startswith(b"-ERR data length")
    assert run("AI.TENSORSET", "t", name, "2") == b"+OK\r\n"
    assert run("AI.TENSORGET", "t", "BLOB") == b"$%d\r\n%b\r\n" % (2 * size, bytes(2 * size))


@pytest.fixture
def journal(ctx: Any) -> list[Any]:
    entries: list[Any] = []
    ctx.server.journal.subscribers.append(lambda *entry: entries.append(entry))
    return entries


@pytest.mark.parametrize(
    ("words", "effect"),
    [
        (["INT8", "2", "VALUES", "-1", "2"], ["INT8", "2", "BLOB", b"\xff\2"]),
        (["float", "1", "values", "nan"], ["FLOAT", "1", "BLOB", b"\0\0\xc0\x7f"]),
        (["STRING", "2", "1", "VALUES", "", "b"], ["STRING", "2", "1", "BLOB", b"\0b\0"]),
        (["DOUBLE", "VALUES", "0"], ["DOUBLE", "BLOB", bytes(8)]),
        (["BOOL", "1", "BLOB", "\1"], ["BOOL", "1", "BLOB", b"\1"]),
        (["UINT8", "1", "blob", memoryview(b"\7")], ["UINT8", "1", "blob", b"\7"]),
        (["INT64", "3"], ["INT64", "3"]),
    ],
)
def test_values_are_journaled_as_a_blob_which_every_redisai_takes(
    run: Any, journal: list[Any], words: list[Any], effect: list[str | bytes]
) -> None:
    run("AI.TENSORSET", "t", *words)
    plain = [word.encode() if isinstance(word, str) else word for word in ["AI.TENSORSET", "t", *effect]]
    assert [(database, [list(map(bytes, e)) for e in effects]) for database, effects in journal] == [(0, [plain])]


def test_wide_integers_are_journaled_for_servers_that_refuse_them(run: Any, ctx: Any, journal: list[Any]) -> None:
    ctx.server.config.set([("ai.accept-wide-uint", "yes")])
    run("AI.TENSORSET", "t", "UINT32", "1", "BLOB", b"abcd")
    ctx.server.config.set([("ai.accept-wide-uint", "no")])
    replay(ctx, run, journal)
    assert run("AI.TENSORGET", "t", "BLOB") == b"$4\r\nabcd\r\n"


@pytest.mark.parametrize("dtype", ["FLOAT", "STRING"])
def test_a_tensor_without_elements_is_journaled_and_rewritten_so_that_it_is_taken(
    run: Any, ctx: Any, journal: list[Any], dtype: str
) -> None:
    ctx.client.obeyed = True  # RedisAI sends it like this, and then refuses it
    assert run("AI.TENSORSET", "t", dtype, "0", "3", "BLOB", "") == b"+OK\r\n"
    ctx.client.obeyed = False
    assert run("AI.TENSORSET", "u", dtype, "0", "3", "BLOB", "")[:1] == b"-"
    tensor = ctx.db.get(b"t")
    journal[:] = [(0, [tensor_command(b"t", tensor)]), (0, list(commands_for(b"u", tensor, None, 1)))]
    replay(ctx, run, journal)
    meta = b"*4\r\n$5\r\ndtype\r\n$%d\r\n%b\r\n$5\r\nshape\r\n*2\r\n:0\r\n:3\r\n" % (len(dtype), dtype.encode())
    assert run("AI.TENSORGET", "t", "META") == run("AI.TENSORGET", "u", "META") == meta


def replay(ctx: Any, run: Any, journal: list[Any]) -> None:
    """Empty the server and send it what was journaled."""
    entries = [(database, list(effects)) for database, effects in journal]
    run("FLUSHALL")
    for database, effects in entries:
        ctx.select(database)
        for effect in effects:
            assert run(*effect)[:1] != b"-"
    ctx.select(0)


def contents(ctx: Any) -> list[dict[bytes, tuple[bytes, int | None]]]:
    return [{key: (dump(value), db.expires.get(key)) for key, value in db.data.items()} for db in ctx.server.databases]


@pytest.mark.parametrize("words", [(), ("DB", "1", "REPLACE")])
def test_a_copy_is_journaled_as_the_value_and_nothing_is_copied(
    run: Any, ctx: Any, journal: list[Any], words: tuple[str, ...]
) -> None:
    run("SELECT", "1")
    run("SET", "copy", "old")
    run("SELECT", "0")
    run("AI.TENSORSET", "t", "INT8", "1", "BLOB", "a")
    run("PEXPIREAT", "t", "99999999999999")
    run("MULTI")
    run("COPY", "t", "copy", *words)
    run("SET", "after", "1")
    run("EXEC")
    assert not any(effect[0] == b"COPY" for _, effects in journal for effect in effects)
    before = contents(ctx)
    replay(ctx, run, journal)
    after = contents(ctx)
    assert before == after
    assert sum(map(len, after)) == (3 if words else 4)
