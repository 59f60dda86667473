"""The append-only log's files: manifests, commands cut off anywhere, damage of any kind."""

from __future__ import annotations

import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.errors import PersistenceError
from pyredisai.persistence.aof.commands import commands_for, encode
from pyredisai.persistence.aof.manifest import Manifest, parse
from pyredisai.persistence.aof.reading import Truncated, batches

words = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


def read(data: bytes) -> list[list[bytes]]:
    return [command for logged in batches(memoryview(data)) for command in logged.commands]


def test_a_manifest_reads_back() -> None:
    manifest = Manifest().with_incremental("a.aof").with_incremental("a.aof")
    based = manifest.rebased("a.aof", rdb=True, keep=manifest.incremental[-1])
    assert [entry.name for entry in based.files] == ["a.aof.1.base.rdb", "a.aof.2.incr.aof"]
    assert [entry.name for entry in based.history] == ["a.aof.1.incr.aof"]
    assert parse(based.text()) == based


def test_the_history_grows_until_it_is_deleted() -> None:
    first = Manifest().with_incremental("a.aof")
    second = first.with_incremental("a.aof").rebased("a.aof", rdb=True, keep=first.incremental[0])
    third = second.with_incremental("a.aof")
    third = third.rebased("a.aof", rdb=False, keep=third.incremental[-1])
    assert [entry.name for entry in third.history] == [entry.name for entry in (*second.files,)]
    assert parse(third.text()) == third


@pytest.mark.parametrize(
    "line", ["file a seq x type b", "file a", "nonsense", "file ../x seq 1 type b", "file a seq 1 type z"]
)
def test_a_manifest_that_cannot_be_read_is_refused(line: str) -> None:
    with pytest.raises(PersistenceError):
        parse(line + "\n")


def test_two_bases_are_refused() -> None:
    with pytest.raises(PersistenceError):
        parse("file a seq 1 type b\nfile b seq 2 type b\n")


@given(st.lists(words))
def test_commands_read_back(logged: list[list[bytes]]) -> None:
    logged = [c for c in logged if c[0].upper() not in (b"MULTI", b"EXEC")]
    data = b"".join(map(encode, logged))
    assert read(data) == logged


@given(st.lists(words, min_size=1, max_size=4), st.data())
def test_a_log_cut_off_anywhere_gives_what_is_whole(logged: list[list[bytes]], data: st.DataObject) -> None:
    logged = [[b"SET", *c] for c in logged]
    parts = [encode(c) for c in logged]
    whole = b"".join(parts)
    size = data.draw(st.integers(0, len(whole) - 1))
    ends = [sum(map(len, parts[:i])) for i in range(len(parts) + 1)]
    found, end = [], size
    try:
        for batch in batches(memoryview(whole[:size])):
            found += batch.commands
    except Truncated as error:
        end = error.whole
    assert end == max(e for e in ends if e <= size)
    assert found == logged[: ends.index(end)]


def test_an_open_transaction_is_cut_off_as_a_whole() -> None:
    first, rest = encode([b"SET", b"a", b"1"]), encode([b"MULTI"]) + encode([b"SET", b"b", b"1"])
    found = batches(memoryview(first + rest))
    assert next(found).commands == [[b"SET", b"a", b"1"]]
    with pytest.raises(Truncated) as error:
        next(found)
    assert error.value.whole == len(first)
    assert [c[1] for c in read(first + rest + encode([b"exec"]) + first)] == [b"a", b"b", b"a"]


@given(st.binary(max_size=200))
def test_any_bytes_give_commands_or_a_persistence_error(data: bytes) -> None:
    try:
        list(batches(memoryview(data)))
    except PersistenceError:
        pass


def test_a_remark_is_read_over() -> None:
    data = b"#TS:1234567890\r\n" + encode([b"PING"])
    assert read(data) == [[b"PING"]]


@pytest.mark.parametrize("value", [b"x", deque([b"a"] * 300), {b"f": b"v"}, {b"a", b"b"}])
def test_every_plain_value_has_commands(value: object) -> None:
    logged = list(commands_for(b"k", value, 123, 100))
    assert logged[-1] == [b"PEXPIREAT", b"k", b"123"]
    assert all(command[1] == b"k" for command in logged)


def test_a_log_of_all_sizes_and_transactions_reads_back() -> None:
    chance = random.Random(4)
    expected, parts = [], []
    for n in range(20_000):
        command = [b"SET", b"k%d" % n, chance.randbytes(chance.choice([0, 1, 9, 10, 99, 100]))]
        if n % 5000 == 4999:
            command[2] = chance.randbytes(200_000)
        expected.append(command)
        around = ([b"MULTI"], [b"eXec"]) if n % 700 == 0 else ()
        parts += map(encode, [*around[:1], command, *around[1:]])
        if n % 900 == 0:
            parts.append(b"#TS:1700000000\r\n")
    data = b"".join(parts)
    assert read(data) == expected
    logged = list(batches(memoryview(data)))
    assert logged[-1].end == len(data)
    assert len(logged) < 500


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (b"*02\r\n$3\r\nGET\r\n$1\r\nk\r\n", [[b"GET", b"k"]]),
        (b"*1\r\n$04\r\nPING\r\n*1\r\n$4\r\nPING\r\n", [[b"PING"], [b"PING"]]),
    ],
)
def test_numbers_with_zeros_before_them_are_read(data: bytes, result: list[list[bytes]]) -> None:
    assert read(encode([b"SET", b"a", b"b"]) + data) == [[b"SET", b"a", b"b"], *result]


@pytest.mark.parametrize(
    "data",
    [
        b"*0\r\n",
        b"*-1\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n+PING\r\n",
        b":1\r\n",
        b"*1\r\n*1\r\n$1\r\na\r\n",
    ],
)
def test_replies_are_no_commands(data: bytes) -> None:
    for whole in (data, encode([b"SET", b"a", b"b"]) + data, data + encode([b"SET", b"a", b"b"])):
        with pytest.raises(PersistenceError):
            read(whole)
