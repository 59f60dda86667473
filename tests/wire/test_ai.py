"""AI commands over the wire, with ONNX Runtime and small models."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server

EXECUTE = ("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y")


@pytest.fixture
def stored(client: RespClient, models: Path) -> None:
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", (models / "mul_1.onnx").read_bytes()) == "OK"
    assert client("AI.TENSORSET", "x", "FLOAT", 3, 2, "VALUES", 1, 2, 3, 4, 5, 6) == "OK"


def test_a_run(client: RespClient, stored: None) -> None:
    assert client(*EXECUTE) == "OK"
    assert client("AI.TENSORGET", "y", "VALUES") == [b"1", b"4", b"9", b"16", b"25", b"36"]
    assert client("AI.INFO", "m")[12:] == [b"samples", 3, b"calls", 1, b"errors", 0]
    replies = client.pipeline(EXECUTE, ("AI.TENSORGET", "y", "META"), ("AI.MODELEXECUTE",), ("PING",))
    assert replies[:2] == ["OK", [b"dtype", b"FLOAT", b"shape", [3, 2]]]
    assert isinstance(replies[2], ErrorReply)
    assert replies[3] == "PONG"


@pytest.mark.parametrize("size", [1, 1000, 32_768, 1_500_000])
def test_a_blob_of_any_size_comes_back(client: RespClient, size: int) -> None:
    blob = np.random.default_rng(size).random(size, "f4").tobytes()
    assert client("AI.TENSORSET", "t", "FLOAT", size, "BLOB", blob) == "OK"
    assert client("AI.TENSORGET", "t", "BLOB") == blob
    assert client("AI.TENSORGET", "t") == [b"dtype", b"FLOAT", b"shape", [size], b"blob", blob]
    assert isinstance(client("AI.TENSORSET", "t", "FLOAT", size + 1, "BLOB", blob), ErrorReply)
    assert client("AI.TENSORGET", "t", "BLOB") == blob


def test_a_big_model(client: RespClient, models: Path) -> None:
    blob = (models / "mnist_batched.onnx").read_bytes()
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == "OK"
    assert client("AI.MODELGET", "m", "BLOB") == blob
    chunks = [blob[start : start + 10_000] for start in range(0, len(blob), 10_000)]
    assert client("AI.MODELSTORE", "n", "ONNX", "CPU", "BLOB", *chunks) == "OK"
    assert client("AI.MODELGET", "n", "BLOB") == blob


def test_others_are_served_while_a_model_is_stored(start_server: Callable[..., Server], models: Path) -> None:
    """The first ONNX model imports the framework, which takes far longer than a PING."""
    server = start_server()
    with server.client() as one, server.client() as two:
        one.send("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", (models / "mul_1.onnx").read_bytes())
        answered = 0
        while two("EXISTS", "m") == 0:
            answered += 1
        assert answered > 1
        assert one.read() == "OK"


def test_outputs_are_stored_when_the_client_leaves_before_its_reply(
    server: Server, client: RespClient, models: Path
) -> None:
    blob = (models / "mnist_batched.onnx").read_bytes()
    options = ("BATCHSIZE", 4, "MINBATCHSIZE", 2, "MINBATCHTIMEOUT", 200)
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", *options, "BLOB", blob) == "OK"
    assert client("AI.TENSORSET", "x", "FLOAT", 1, 1, 28, 28) == "OK"
    with server.client() as gone:
        gone.send(*EXECUTE)
        assert client("PING") == "PONG"
    deadline = time.monotonic() + 10
    while client("EXISTS", "y") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert client("AI.TENSORGET", "y", "META") == [b"dtype", b"FLOAT", b"shape", [1, 10]]


def test_a_timeout_that_passes_in_the_queue(client: RespClient, models: Path) -> None:
    blob = (models / "mnist_batched.onnx").read_bytes()
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BATCHSIZE", 4, "MINBATCHSIZE", 2, "BLOB", blob) == "OK"
    assert client("AI.TENSORSET", "x", "FLOAT", 1, 1, 28, 28) == "OK"
    assert client(*EXECUTE, "TIMEOUT", 50) == "TIMEDOUT"
    assert client("EXISTS", "y") == 0


def test_a_run_of_64_dimensions_and_more_is_an_answer(client: RespClient, stored: None) -> None:
    assert client("AI.TENSORSET", "x", "FLOAT", *[1] * 70, "VALUES", 1) == "OK"
    assert isinstance(client(*EXECUTE), ErrorReply)
    assert client("PING") == "PONG"


def test_the_slow_log_has_the_time_of_the_run_once(client: RespClient, stored: None) -> None:
    """A run's time counts, though the client waited for it: in SLOWLOG and in the command's statistics."""
    before = client("CONFIG", "GET", "slowlog-log-slower-than")[1]
    client("CONFIG", "RESETSTAT")
    client("AI.INFO", "m", "RESETSTAT")
    client("CONFIG", "SET", "slowlog-log-slower-than", 0)
    client("SLOWLOG", "RESET")
    client(*EXECUTE)
    client("AI.DAGEXECUTE", "LOAD", 1, "x", "|>", *EXECUTE, "|>", "AI.TENSORGET", "y", "META")
    entries = {entry[3][0]: entry[2] for entry in client("SLOWLOG", "GET", 100)}
    names = [entry[3][0] for entry in client("SLOWLOG", "GET", 100)]
    client("CONFIG", "SET", "slowlog-log-slower-than", before)
    assert [names.count(name) for name in (b"AI.MODELEXECUTE", b"AI.DAGEXECUTE")] == [1, 1]
    duration = dict(zip(*[iter(client("AI.INFO", "m"))] * 2, strict=True))[b"duration"]
    assert duration <= entries[b"AI.MODELEXECUTE"] + entries[b"AI.DAGEXECUTE"]
    statistics = client("INFO", "commandstats").decode()
    assert "cmdstat_ai.modelexecute:calls=1," in statistics
    assert "latency_percentiles_usec_ai.modelexecute" in client("INFO", "latencystats").decode()


def test_backends_in_info(client: RespClient, stored: None) -> None:
    fields = client("INFO", "modules").decode().split("# ai_backends_info")[1].split("#")[0].split()
    names = [field.partition(":")[0] for field in fields if field.startswith("ai_onnx")]
    assert names == [
        "ai_onnxruntime_version",
        "ai_onnxruntime_memory",
        "ai_onnxruntime_memory_access_num",
        "ai_onnxruntime_maximum_run_sessions_number",
    ]


def test_halves_survive_dump_and_restore(client: RespClient) -> None:
    for name in ("FLOAT16", "BFLOAT16"):
        assert client("AI.TENSORSET", "t", name, 3, "VALUES", 1, 2, 3) == "OK"
        assert client("RESTORE", "u", 0, client("DUMP", "t"), "REPLACE") == "OK"
        assert client("AI.TENSORGET", "u") == client("AI.TENSORGET", "t")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ('"SET", keys[0]', "Invalid argument"),
        ('"NO-SUCH", "x"', "No such file"),
        ('"CONFIG", "NO-SUCH"', "No such file"),
    ],
)
def test_commands_that_do_not_start_in_a_script(client: RespClient, command: str, text: str) -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("the backend TORCH is not installed")
    source = f"def f(tensors: List[Tensor], keys: List[str], args: List[str]):\n    redis.execute({command})\n"
    assert client("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "f", "SOURCE", source) == "OK"
    reply = client("AI.SCRIPTEXECUTE", "s", "f", "KEYS", 1, "k")
    assert f"Redis command returned an error: {text}" in reply.text


def test_a_warm_model(client: RespClient, models: Path) -> None:
    blob = (models / "mnist.onnx").read_bytes()
    assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "WARMUP", 2, "BLOB", blob) == "OK"
    assert client("AI.INFO", "m")[14:16] == [b"calls", 0]
    used = client("INFO", "modules")
    assert client("AI.MODELSTORE", "n", "ONNX", "CPU", "TAG", "other", "BLOB", blob) == "OK"  # shared
    memory = [line for text in (used, client("INFO", "modules")) for line in text.split() if b"time_memory:" in line]
    assert memory[0] == memory[1]
    client("AI.TENSORSET", "x", "FLOAT", 1, 1, 28, 28)
    client("DEL", "m")
    assert client("AI.MODELEXECUTE", "n", "INPUTS", 1, "x", "OUTPUTS", 1, "y") == "OK"
    assert client("AI.MODELGET", "n", "BLOB") == blob
