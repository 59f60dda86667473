"""Corners of the AI commands' syntax: which of several errors wins, odd counts, words with null bytes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
SOURCE = """
def plus(tensors: List[Tensor], keys: List[str], args: List[str]):
    return tensors[0] + tensors[1]
def bar(a, b):
    return a + b
def many(a, b: List[Tensor]):
    return a + b[0]
"""


@pytest.fixture
def tensors(client: RespClient) -> None:
    for key in ("a", "b"):
        assert client("AI.TENSORSET", key, "FLOAT", 2, "VALUES", 1, 2) == "OK"


@pytest.fixture
def script(client: RespClient, tensors: None) -> None:
    assert client("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "plus", "SOURCE", SOURCE) == "OK"


def error(client: RespClient, *args: object) -> str:
    reply = client(*args)
    assert isinstance(reply, ErrorReply), reply
    return str(reply)


def test_keywords_end_at_a_null_byte(client: RespClient) -> None:
    assert client("AI.TENSORSET", "t", "float\0x", 2, "values\0", 1, 2) == "OK"
    assert client("AI.TENSORGET", "t", "META\0x") == [b"dtype", b"FLOAT", b"shape", [2]]
    assert client("AI.DAGEXECUTE", "LOAD\0", 1, "t", "|>", "AI.TENSORGET\0", "t", "VALUES\0") == [[b"1", b"2"]]


@pytest.mark.parametrize("command", [("AI.DAGEXECUTE", "PERSIST", 1, "q"), ("AI.DAGRUN", "PERSIST", 1, "q")])
def test_an_empty_step_is_an_error_after_those_of_the_steps_before(
    client: RespClient, command: tuple[object, ...]
) -> None:
    short = error(client, *command, "|>", "AI.TENSORSET", "q", "FLOAT", 2, "VALUES", 1, "|>", "|>", "AI.TENSORGET", "q")
    assert short == "ERR wrong number of values was given in 'AI.TENSORSET' command"
    assert error(client, *command, "|>", "|>", "AI.TENSORSET", "q", "FLOAT", 1) == "Unsupported command within DAG"


@needs_torch
@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "ERR KEYS or INPUTS scope must be provided first for AI.SCRIPTEXECUTE command"),
        (("OUTPUTS",), "ERR KEYS or INPUTS scope must be provided first for AI.SCRIPTEXECUTE command"),
        (("KEYS",), "ERR Missing arguments after KEYS keyword"),
        (("INPUTS",), "ERR Invalid arguments provided to AI.SCRIPTEXECUTE"),
    ],
)
def test_short_scriptexecute(client: RespClient, script: None, words: tuple[str, ...], text: str) -> None:
    assert error(client, "AI.SCRIPTEXECUTE", "s", "plus", *words) == text
    assert error(client, "AI.SCRIPTEXECUTE", "none", "plus", *words) == "ERR script key is empty"
    assert error(client, "AI.SCRIPTEXECUTE", "s") == "ERR wrong number of arguments for 'AI.SCRIPTEXECUTE' command"


@needs_torch
def test_scriptrun_corners(client: RespClient, script: None) -> None:
    run = ("AI.SCRIPTRUN", "s", "many", "INPUTS", "a", "$", "b", "OUTPUTS", "c")
    outside = "ERR Encountered a variable size list of tensors outside of input section"
    assert error(client, *run, "$") == outside
    assert error(client, *run[:7], "$") == "ERR Already encountered a variable size list of tensors"
    for last in (("TIMEOUT",), ("TIMEOUT", "x"), ("TIMEOUT", 0)):
        assert error(client, *run, *last) == "ERR Invalid value for TIMEOUT"
    dag = ("AI.DAGRUN", "LOAD", 2, "a", "b", "|>", *run)
    assert error(client, *dag, "TIMEOUT", "|>", "AI.TENSORGET", "c") == "ERR Invalid value for TIMEOUT"


@needs_torch
def test_a_function_without_a_name(client: RespClient, script: None) -> None:
    assert error(client, "AI.SCRIPTEXECUTE", "s", "", "INPUTS", 2, "a", "b", "OUTPUTS", 1, "c").startswith("Function")
    store = ("AI.SCRIPTSTORE", "t", "CPU", "ENTRY_POINTS", 1, "", "SOURCE", SOURCE)
    assert error(client, *store) == "Function  does not exist in the given script."


@needs_torch
@pytest.mark.parametrize(
    ("device", "text"),
    [("TPU", "ERR unsupported device"), ("", "ERR unsupported device"), ("CPUX", "ERR Invalid DEVICE")],
)
def test_a_scripts_device_is_looked_at_last(client: RespClient, device: str, text: str) -> None:
    store = ("AI.SCRIPTSTORE", "t", device, "ENTRY_POINTS")
    assert error(client, *store, 1, "plus", "SOURCE", SOURCE) == text
    missing = "ERR Insufficient arguments, missing script entry points"
    assert error(client, *store, -1, "plus", "SOURCE", SOURCE) == missing
    assert error(client, *store, 9, "plus", "SOURCE", SOURCE) == missing
    not_numeric = "ERR Non numeric entry points number provided to AI.SCRIPTSTORE command"
    assert error(client, *store, "x", "plus", "SOURCE", SOURCE) == not_numeric


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed")
@pytest.mark.parametrize("nodes", [("a", "a", "mul"), ("a", "b", "a")])
def test_nodes_that_tensorflow_refuses_in_a_run_only(
    client: RespClient, tensors: None, models: Path, nodes: tuple[str, str, str]
) -> None:
    first, second, output = nodes
    names = ("INPUTS", 2, first, second, "OUTPUTS", 1, output)
    assert client("AI.MODELSTORE", "m", "TF", "CPU", *names, "BLOB", (models / "graph.pb").read_bytes()) == "OK"
    assert error(client, "AI.MODELEXECUTE", "m", "INPUTS", 2, "a", "b", "OUTPUTS", 1, "c")
    assert client("AI.INFO", "m")[-4:] == [b"calls", 1, b"errors", 1]


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("AI.SCRIPTEXECUTE s f KEYS 1 k INPUTS 2 a b OUTPUTS 1 c", "s k a b"),
        ("AI.SCRIPTEXECUTE s f INPUTS 2 a b OUTPUTS 1 c TIMEOUT 9", "s a b c"),
        ("AI.SCRIPTEXECUTE s f INPUTS 1 a ARGS 1 z OUTPUTS 1 c TIMEOUT 9", "s a"),
        ("AI.SCRIPTEXECUTE s f INPUTS 0 OUTPUTS 1 c TIMEOUT 9", "s"),
        ("AI.MODELEXECUTE m INPUTS 1 a OUTPUTS -1 c", "m a"),
        ("AI.MODELRUN m timeout 9 INPUTS a INPUTS OUTPUTS c TIMEOUT", "m a INPUTS c TIMEOUT"),
        ("AI.SCRIPTRUN $ f INPUTS a $ b outputs c", "$ a b c"),
        ("AI.SCRIPTRUN s", "s"),
        ("AI.DAGEXECUTE LOAD -1 a PERSIST 1 c ROUTING r |> AI.MODELEXECUTE m", "c r m"),
    ],
)
def test_keys_that_redisai_tells(client: RespClient, words: str, keys: str) -> None:
    assert client("COMMAND", "GETKEYS", *words.split()) == keys.encode().split()


@needs_torch
def test_permissions_look_at_the_outputs_of_scripts_too(client: RespClient, server: Server, script: None) -> None:
    client("ACL", "SETUSER", "lim", "on", "nopass", "~a", "~b", "~s", "+@all")
    try:
        with server.client() as limited:
            limited("AUTH", "lim", "x")
            run = ("AI.SCRIPTEXECUTE", "s", "plus", "INPUTS", 2, "a", "b", "OUTPUTS", 1)
            assert limited(*run, "a") == "OK"
            assert error(limited, *run, "c").startswith("NOPERM")
    finally:
        client("ACL", "DELUSER", "lim")


def test_ai_config_is_a_write_command_as_in_redisai(client: RespClient) -> None:
    assert client("COMMAND", "INFO", "AI.CONFIG")[0][1:3] == [-1, ["write", "module"]]
    assert error(client, "EVAL_RO", "return redis.call('AI.CONFIG', 'GET', 'MODEL_CHUNK_SIZE')", 0).startswith(
        "ERR Write commands are not allowed from read-only scripts"
    )


@needs_torch
def test_a_function_without_entry_point_looks_at_the_tensors_that_it_takes(client: RespClient, script: None) -> None:
    client("AI.TENSORSET", "text", "STRING", 1, "VALUES", "x")
    run = ("AI.SCRIPTEXECUTE", "s", "bar", "INPUTS")
    assert error(client, *run, 1, "text", "OUTPUTS", 1, "c") == "Wrong number of inputs provided to function: bar"
    assert client(*run, 3, "a", "b", "text", "OUTPUTS", 1, "c") == "OK"
    assert error(client, *run, 2, "a", "text", "OUTPUTS", 1, "c") == "Unsupported code 7"


@needs_torch
def test_scripts_see_strings_of_bytes_up_to_a_null_byte(client: RespClient, tensors: None) -> None:
    source = """
def lengths(tensors: List[Tensor], keys: List[str], args: List[str]):
    return torch.tensor([len(keys[0]), len(args[0])])
def put(tensors: List[Tensor], keys: List[str], args: List[str]):
    redis.execute("SET", keys[0], args[0])
    return tensors[0]
"""
    assert client("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 2, "lengths", "put", "SOURCE", source) == "OK"
    tail = ("OUTPUTS", 1, "c")
    assert client("AI.SCRIPTEXECUTE", "s", "lengths", "KEYS", 1, b"a\0bc", "ARGS", 1, b"\xe9\xff", *tail) == "OK"
    assert client("AI.TENSORGET", "c", "VALUES") == [1, 2]
    assert error(client, "AI.SCRIPTEXECUTE", "s", "put", "KEYS", 1, b"\xe9", "INPUTS", 1, "a", "ARGS", 1, "v", *tail)
    assert client("PING") == "PONG"
    assert client("KEYS", "*\ufffd*") == []


ANY = """
def any(tensors: List[Tensor], keys: List[str], args: List[str]):
    redis.execute(args[0], args[1:])
    return tensors[0]
"""


@needs_torch
def test_scripts_run_commands_while_a_client_is_tracked(client: RespClient, server: Server, tensors: None) -> None:
    assert client("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "any", "SOURCE", ANY) == "OK"
    run = ("AI.SCRIPTEXECUTE", "s", "any", "INPUTS", 1, "a", "ARGS")
    with server.client() as tracked:
        tracked("HELLO", 3)
        assert tracked("CLIENT", "TRACKING", "on") == "OK"
        tracked("GET", "k")
        assert client(*run, 3, "SET", "k", "v", "OUTPUTS", 1, "c") == "OK"
        assert tracked.read() == [b"invalidate", [b"k"]]
    assert client(*run, 3, "CLIENT", "TRACKING", "on", "OUTPUTS", 1, "c") == "OK"
    assert client(*run, 2, "GET", "k", "OUTPUTS", 1, "c") == "OK"
    assert "tracking_clients:0" in client("INFO", "clients").decode()


@needs_torch
@pytest.mark.parametrize(
    ("command", "text"),
    [
        (("SUBSCRIBE", "c"), "ERR SUBSCRIBE isn't allowed for a DENY BLOCKING client"),
        (("psubscribe", "c"), "ERR PSUBSCRIBE isn't allowed for a DENY BLOCKING client"),
        (("MONITOR",), "ERR MONITOR isn't allowed for DENY BLOCKING client"),
        (("RESET",), "ERR can only reset normal client connections"),
        (("PSYNC", "?", "-1"), "ERR PSYNC isn't allowed for a DENY BLOCKING client"),
    ],
)
def test_commands_that_need_a_connection_are_refused_in_scripts(
    client: RespClient, tensors: None, command: tuple[str, ...], text: str
) -> None:
    assert client("AI.SCRIPTSTORE", "s", "CPU", "ENTRY_POINTS", 1, "any", "SOURCE", ANY) == "OK"
    run = ("AI.SCRIPTEXECUTE", "s", "any", "INPUTS", 1, "a", "ARGS", len(command), *command, "OUTPUTS", 1, "c")
    assert f"Redis command returned an error: {text}" in error(client, *run)
