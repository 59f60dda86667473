"""AI commands over the wire, with ONNX Runtime and small models."""

from __future__ import annotations

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
