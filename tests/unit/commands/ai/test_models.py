"""The model commands without a socket and without a framework."""

from __future__ import annotations

from typing import Any

import pytest

from pyredisai.ai.script import Script
from pyredisai.commands.ai.cursor import parse_number
from pyredisai.commands.ai.model_args import model_execute_keys
from pyredisai.commands.ai.models import chunked
from pyredisai.commands.context import Context
from pyredisai.errors import ReplyError
from pyredisai.resp.replies import Blocked
from tests.unit.commands.ai.conftest import FakeScheduler, finished, start

WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
OK = b"+OK\r\n"
STORE = ("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "double")
EXECUTE = ("AI.MODELEXECUTE", "m", "INPUTS", "1", "x", "OUTPUTS", "1", "y")


@pytest.fixture
def stored(run: Any) -> None:
    assert run(*STORE) == OK
    assert run("AI.TENSORSET", "x", "DOUBLE", "2", "VALUES", "1", "2") == OK


@pytest.fixture
def journal(ctx: Context) -> list[Any]:
    entries: list[Any] = []
    ctx.server.journal.subscribers.append(lambda database, effects: entries.append((database, effects)))
    return entries


def counters(run: Any, key: str = "m") -> list[int]:
    """duration, samples, calls, errors of AI.INFO."""
    parts = run("AI.INFO", key).split(b"\r\n")
    return [int(part[1:]) for part in parts if part.startswith(b":")]


def test_a_model_is_stored_when_it_is_open(ctx: Context, scheduler: FakeScheduler, journal: list[Any]) -> None:
    reply = start(ctx, *STORE)
    assert isinstance(reply, Blocked)
    assert ctx.db.get(b"m") is None
    assert journal == []
    scheduler.work()
    assert finished(reply) == OK
    assert ctx.db.get(b"m").options.inputs == ("x",)
    assert journal == [(0, [[word.encode() for word in STORE]])]


def test_a_model_goes_to_the_database_that_was_selected(ctx: Context, scheduler: FakeScheduler) -> None:
    ctx.select(3)
    start(ctx, *STORE)
    ctx.select(0)
    scheduler.work()
    assert [i for i, database in enumerate(ctx.server.databases) if database.get(b"m")] == [3]


def test_a_model_that_does_not_open_leaves_the_old_one(run: Any, ctx: Context, stored: None) -> None:
    old = ctx.db.get(b"m")
    assert run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "garbage") == b"-no model\r\n"
    assert run("AI.MODELSTORE", "m", "ONNX", "gpu:1", "BLOB", "double").startswith(b"-ERR GPU requested")
    assert ctx.db.get(b"m") is old


def test_a_key_of_another_type_is_kept(run: Any, ctx: Context, scheduler: FakeScheduler) -> None:
    run("SET", "m", "v")
    assert run(*STORE) == WRONGTYPE
    run("DEL", "m")
    reply = start(ctx, *STORE)
    start(ctx, "SET", "m", "v")
    scheduler.work()
    assert finished(reply) == WRONGTYPE
    assert run("GET", "m") == b"$1\r\nv\r\n"


def test_where_nothing_may_block_the_model_is_opened_at_once(ctx: Context, scheduler: FakeScheduler) -> None:
    ctx.client.in_exec = True
    assert finished(start(ctx, *STORE)) == OK
    assert finished(start(ctx, "AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "garbage")) == b"-no model\r\n"
    assert not scheduler.background
    assert finished(start(ctx, *EXECUTE)) == (
        b"-ERR Cannot run RedisAI command within a transaction or a LUA script\r\n"
    )


def test_the_queue_of_a_device_is_made_by_its_first_model(run: Any, scheduler: FakeScheduler) -> None:
    run("AI.MODELSTORE", "m", "ONNX", "cpu:1", "BLOB", "double")
    assert scheduler.devices == ["CPU", "CPU:1"]


def test_pieces_of_a_blob_are_joined_and_one_piece_is_not_copied(run: Any, ctx: Context) -> None:
    assert run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "do", "", "uble") == OK
    assert ctx.db.get(b"m").blob == b"double"
    view = memoryview(b"double")
    assert run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", view) == OK
    assert ctx.db.get(b"m").blob is view


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["ONNX", "CPU", "BATCHSIZE", "0x", "BLOB", "d"], "ERR Invalid argument for BATCHSIZE"),
        (["ONNX", "CPU", "BATCHSIZE"], "ERR wrong number of arguments for 'ai.modelstore' command"),
        (["ONNX", "CPU", "TAG", "t", "BATCHSIZE"], "ERR Invalid argument for BATCHSIZE"),
        (["ONNX", "CPU", "MINBATCHSIZE", "2", "BLOB", "d"], "ERR MINBATCHSIZE specified without BATCHSIZE"),
        (
            ["ONNX", "CPU", "BATCHSIZE", "2", "MINBATCHTIMEOUT", "2", "BLOB", "d"],
            "ERR MINBATCHTIMEOUT specified without MINBATCHSIZE",
        ),
        (["ONNX", "CPU", "TAG", "t"], "ERR Insufficient arguments, missing model BLOB"),
        (["ONNX", "CPU", "TAG", "t", "BLOB"], "ERR Insufficient arguments, missing model BLOB"),
        (["ONNX", "CPU:123456", "BLOB", "d"], "ERR Invalid DEVICE"),
        (["ONNX", "CPU\n", "BLOB", "d"], "ERR Invalid DEVICE"),
        (["FOO", "CPUX", "BLOB", "d"], "ERR unsupported backend"),
        (["TF", "CPU", "BLOB", "d"], "ERR INPUTS not specified for TF"),
        (["TF", "CPU", "INPUTS", "0", "BLOB", "d"], "ERR Invalid argument for input_count"),
        (
            ["TF", "CPU", "INPUTS", "5", "BLOB", "d"],
            "ERR number of model inputs does not match the number of given arguments",
        ),
        (["TF", "CPU", "INPUTS", "1", "a", "BLOB", "d"], "ERR OUTPUTS not specified for TF"),
        (["TF", "CPU", "INPUTS", "1", "a", "OUTPUTS"], "ERR Invalid argument for output_count"),
        (
            ["TF", "CPU", "INPUTS", "1", "a", "OUTPUTS", "3", "b", "BLOB"],
            "ERR number of model outputs does not match the number of given arguments",
        ),
        (["TF", "CPU", "INPUTS", "1", "a", "OUTPUTS", "1", "b"], "ERR Invalid argument, expected BLOB"),
    ],
)
def test_arguments_of_modelstore_that_are_refused(run: Any, words: list[str], error: str) -> None:
    assert run("AI.MODELSTORE", "m", *words) == f"-{error}\r\n".encode()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *((b"0", 0), (b"7", 7), (b"3.0", 3), (b"1e2", 100), (b"0x10", 16), (b"007", 7), (b"-0", 0)),
        *((b"9223372036854775807", 2**63 - 1), (b"9223372036854775808", None), (b"9" * 4000, None)),
        *(
            (b"", None),
            (b"-1", -1),
            (b"-9e18", -9 * 10**18),
            (b"-1e19", None),
            (b"1.5", None),
            (b"nan", None),
            (b"inf", None),
            (b" 1", None),
            (b"x", None),
        ),
    ],
)
def test_what_is_a_number(text: bytes, number: int | None) -> None:
    assert parse_number(text) == number


def test_a_run_stores_and_journals_its_outputs(run: Any, stored: None, journal: list[Any]) -> None:
    assert run(*EXECUTE) == OK
    assert run("AI.TENSORGET", "y", "VALUES") == b"*2\r\n$1\r\n2\r\n$1\r\n4\r\n"
    ((database, (effect,)),) = journal
    assert database == 0
    assert effect[:5] == [b"AI.TENSORSET", b"y", b"DOUBLE", b"2", b"BLOB"]
    assert run(*effect) == OK


@pytest.mark.parametrize(
    "words",
    [
        EXECUTE,
        ("AI.DAGEXECUTE", "LOAD", "1", "x", "PERSIST", "1", "y", "|>", "AI.MODELEXECUTE", *EXECUTE[1:]),
        (*STORE[:1], "y", *STORE[2:]),
    ],
)
def test_a_server_that_became_a_replica_meanwhile_stores_nothing(
    ctx: Context, scheduler: FakeScheduler, stored: None, words: tuple[str, ...]
) -> None:
    reply = start(ctx, *words)
    ctx.server.primary.is_replica = True
    scheduler.work()
    assert b"READONLY You can't write against a read only replica.\r\n" in finished(reply)
    assert ctx.db.get(b"y") is None


def test_outputs_are_stored_when_the_client_is_gone(
    run: Any, ctx: Context, scheduler: FakeScheduler, stored: None
) -> None:
    reply = start(ctx, *EXECUTE)
    assert isinstance(reply, Blocked)
    reply.cancel()
    scheduler.work()
    assert run("AI.TENSORGET", "y", "VALUES") == b"*2\r\n$1\r\n2\r\n$1\r\n4\r\n"


def test_inputs_and_model_are_those_of_the_request(
    run: Any, ctx: Context, scheduler: FakeScheduler, stored: None
) -> None:
    reply = start(ctx, *EXECUTE)
    start(ctx, "DEL", "m", "x")
    start(ctx, "AI.TENSORSET", "x", "DOUBLE", "1", "VALUES", "9")
    scheduler.work()
    assert finished(reply) == OK
    assert run("AI.TENSORGET", "y", "VALUES") == b"*2\r\n$1\r\n2\r\n$1\r\n4\r\n"


def test_an_output_key_of_another_type_stores_nothing(run: Any, journal: list[Any], stored: None) -> None:
    run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "two")
    run("SET", "o", "v")
    journal.clear()
    assert run("AI.MODELEXECUTE", "m", "INPUTS", "1", "x", "OUTPUTS", "2", "y", "o") == WRONGTYPE
    assert run("GET", "o") == b"$1\r\nv\r\n"
    assert run("AI.TENSORGET", "y") == b"-ERR tensor key is empty or in a different shard\r\n"
    assert journal == []


def test_an_output_that_is_no_tensor_leaves_its_key(run: Any, stored: None) -> None:
    run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "two")
    assert run("AI.MODELEXECUTE", "m", "INPUTS", "1", "x", "OUTPUTS", "2", "y", "x") == OK
    assert run("AI.TENSORGET", "x", "VALUES") == b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n"


def test_what_a_run_may_answer(run: Any, scheduler: FakeScheduler, stored: None) -> None:
    run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "broken")
    assert run(*EXECUTE) == b"-a text of the framework\r\n"
    assert counters(run) == [0, 0, 1, 1]
    run("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", "bug")
    assert run(*EXECUTE) == b"-ERR ZeroDivisionError: oops\r\n"
    scheduler.late = True
    assert run(*EXECUTE, "TIMEOUT", "100") == b"+TIMEDOUT\r\n"
    assert counters(run) == [0, 0, 1, 1]
    assert run("AI.TENSORGET", "y") == b"-ERR tensor key is empty or in a different shard\r\n"


def test_info_counts_and_resets(run: Any, stored: None) -> None:
    assert counters(run) == [0, 0, 0, 0]
    run(*EXECUTE)
    run(*EXECUTE)
    assert counters(run) == [14, 4, 2, 0]
    run("AI.TENSORSET", "x", "DOUBLE", "VALUES", "3")
    run(*EXECUTE)
    assert counters(run) == [21, 5, 3, 0]
    assert run("AI.INFO", "m", "resetstat") == OK
    assert counters(run) == [0, 0, 0, 0]
    assert run("AI.INFO", "x") == b"-ERR cannot find run info for key\r\n"


def test_a_copy_counts_its_own_runs(run: Any, ctx: Context, stored: None) -> None:
    run(*EXECUTE)
    ctx.db.set(b"m2", ctx.db.get(b"m").copy())
    assert counters(run, "m2") == [0, 0, 0, 0]
    assert ctx.db.get(b"m2").session is ctx.db.get(b"m").session


def test_info_of_a_script(run: Any, ctx: Context) -> None:
    script = Script("cpu", b"def f(): pass", tag=b"t")
    script.stats.add(5, 1)
    ctx.db.set(b"s", script)
    ctx.db.set(b"s2", script.copy())
    assert counters(run, "s") == [5, -1, 1, 0]
    assert counters(run, "s2") == [0, -1, 0, 0]
    assert run("AI.INFO", "s").startswith(b"*18\r\n$3\r\nkey\r\n$1\r\ns\r\n$4\r\ntype\r\n$6\r\nSCRIPT\r\n")


def test_a_huge_timeout(run: Any, stored: None) -> None:
    assert run(*EXECUTE, "TIMEOUT", "9223372036854775807") == OK


def test_chunks_of_a_blob() -> None:
    assert chunked(b"abc", 4) == b"abc"
    assert chunked(b"abcd", 4) == [b"abcd", b""]
    assert chunked(b"abcdef", 4) == [b"abcd", b"ef"]
    assert chunked(b"", 4) == b""


def test_modelscan_lists_all_databases(run: Any, ctx: Context, stored: None) -> None:
    run("AI.MODELSTORE", "n", "ONNX", "CPU", "TAG", "t", "BLOB", "double")
    assert run("AI._MODELSCAN") == b"*2\r\n*2\r\n$1\r\nm\r\n$0\r\n\r\n*2\r\n$1\r\nn\r\n$1\r\nt\r\n"
    ctx.select(1)
    assert run("AI._MODELSCAN").startswith(b"*2\r\n")


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("m INPUTS 2 a b OUTPUTS 1 c", "m a b c"),
        ("m INPUTS 1 a OUTPUTS 1 c TIMEOUT 10", "m a c"),
        ("m INPUTS x a OUTPUTS 1 c", "m"),
        ("m INPUTS 9 a OUTPUTS 1 c", "m"),
        ("m INPUTS 1 a OUTPUTS 9 c", "m"),
        ("m INPUTS -1 a OUTPUTS 1 c", "m"),
        ("m INPUTS 1 a OUTPUTS -1 c", "m a"),
    ],
)
def test_keys_of_modelexecute(words: str, keys: str) -> None:
    assert model_execute_keys([b"AI.MODELEXECUTE", *words.encode().split()]) == keys.encode().split()


def test_no_keys_of_modelexecute() -> None:
    with pytest.raises(ReplyError, match="Invalid arguments specified"):
        model_execute_keys([b"AI.MODELEXECUTE", b"m"])


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        (["WARMUP", "0", "BLOB", "x"], b"-ERR WARMUP takes a number of runs from 1 to 100\r\n"),
        (["WARMUP", "101", "BLOB", "x"], b"-ERR WARMUP takes a number of runs from 1 to 100\r\n"),
        (["WARMUP", "x", "BLOB", "x"], b"-ERR WARMUP takes a number of runs from 1 to 100\r\n"),
        (["WARMUP", "2"], b"-ERR Invalid argument, expected BLOB\r\n"),
        (
            ["WARMUP", "2", "BLOB", "x"],
            b"-ERR WARMUP needs a model that declares the shapes of its inputs; run this one once instead\r\n",
        ),
    ],
)
def test_warm_up_is_checked(run: Any, words: list[str], reply: bytes) -> None:
    assert run("AI.MODELSTORE", "w", "ONNX", "CPU", *words) == reply
    assert run("EXISTS", "w") == b":0\r\n"
