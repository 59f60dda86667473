"""AI.CONFIG, MODULE and CONFIG on a running server: who may, what is refused, and that nothing changes then."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pyredisai.config.ai_params import AI_PARAMS
from pyredisai.config.types import Int, Text
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import MODULE_PATH, Server, StartError

Start = Callable[..., Server]
LOAD_FAILED = "ERR Error loading the extension. Please check the server logs."


def values(client: RespClient) -> list[object]:
    """Everything that is configured."""
    reply: list[object] = client("CONFIG", "GET", "*")
    return reply


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["THREADS_PER_QUEUE"], "Even number of arguments provided to module"),
        (["THREADS_PER_QUEUE", "0"], "ERR error processing argument: THREADS_PER_QUEUE 0"),
        (["MODEL_CHUNK_SIZE", "5", "NO_SUCH", "1"], "ERR error processing argument: NO_SUCH 1"),
        (
            ["threads_per_queue", "2", "model_execution_timeout", "1s"],
            "argument: model_execution_timeout 1s",
        ),
    ],
)
def test_module_load_refused(arguments: list[str], line: str, start_server: Start) -> None:
    """MODULE LOAD answers Redis' error, the log names the option, and no option before the bad one is kept."""
    server = start_server()
    with server.client() as client:
        before = values(client)
        assert client("MODULE", "LOAD", MODULE_PATH, *arguments) == LOAD_FAILED
        assert values(client) == before
        assert line in server.log
        assert client("MODULE", "LOAD", MODULE_PATH) == "OK"


@pytest.mark.parametrize("path", ["/nosuch/other.so", "redisgraph.so", "/etc/hostname", "redisai.so.1"])
def test_other_modules_are_refused(path: str, start_server: Start) -> None:
    """As Redis refuses what it cannot load, at start and at run time."""
    with start_server().client() as client:
        assert client("MODULE", "LOAD", path) == LOAD_FAILED
        assert client("MODULE", "LOADEX", path, "ARGS", "a", "b") == LOAD_FAILED
    with pytest.raises(StartError) as caught:
        start_server("--loadmodule", path)
    assert caught.value.code == 1
    assert f"Can't load module from {path}: server aborting" in caught.value.output


def test_module_load_after_use(start_server: Start) -> None:
    """Options that are read at start come too late once a tensor is there, or a loadmodule line was."""
    server = start_server()
    with server.client() as client:
        client("AI.TENSORSET", "t", "FLOAT", 1)
        assert client("MODULE", "LOAD", MODULE_PATH, "THREADS_PER_QUEUE", 2) == LOAD_FAILED
        client("DEL", "t")
        assert client("MODULE", "LOAD", MODULE_PATH, "THREADS_PER_QUEUE", 2) == "OK"
        assert client("MODULE", "LOAD", MODULE_PATH, "THREADS_PER_QUEUE", 3) == LOAD_FAILED
        assert client("AI.CONFIG", "GET", "THREADS_PER_QUEUE") == 2
        assert "data types, can't unload" in client("MODULE", "UNLOAD", "ai").text
        assert "no such module" in client("MODULE", "UNLOAD", "other").text


def test_module_loadex(start_server: Start) -> None:
    """CONFIG names are those of CONFIG GET; ARGS are the module's own."""
    with start_server().client() as client:
        assert client("MODULE", "LOADEX", MODULE_PATH, "CONFIG", "ai.no-such", "1") == LOAD_FAILED
        assert client("MODULE", "LOADEX", MODULE_PATH, "CONFIG", "maxmemory", "1") == LOAD_FAILED
        assert client("MODULE", "LOADEX", MODULE_PATH, "CONFIG", "ai.model-chunk-size") == LOAD_FAILED
        assert client("MODULE", "LOADEX", MODULE_PATH, "NO", "1", "2") == LOAD_FAILED
        words = (
            "CONFIG",
            "ai.model-chunk-size",
            7,
            "CONFIG",
            "AI.THREADS-PER-QUEUE",
            2,
            "ARGS",
            "INTRA_OP_PARALLELISM",
            3,
        )
        assert client("MODULE", "LOADEX", MODULE_PATH, *words) == "OK"
        read = [
            client("AI.CONFIG", "GET", o) for o in ("MODEL_CHUNK_SIZE", "THREADS_PER_QUEUE", "INTRA_OP_PARALLELISM")
        ]
        assert read == [7, 2, 3]


def test_module_load_with_backends(start_server: Start, tmp_path: Path) -> None:
    """A backend that MODULE LOAD names is imported before the reply; one that is not there fails the whole."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "backend.py").write_text("from pyredisai.backends.stub import load\n")
    server = start_server()
    with server.client() as client:
        before = values(client)
        assert client("MODULE", "LOAD", MODULE_PATH, "THREADS_PER_QUEUE", 2, "TORCH", "/no/such") == LOAD_FAILED
        assert "ERR error processing argument: TORCH /no/such" in server.log
        assert values(client) == before
        assert client("MODULE", "LOAD", MODULE_PATH, "TORCH", "mine", "BACKENDSPATH", tmp_path) == "OK"
        assert client("AI.MODELSTORE", "m", "TORCH", "CPU", "BLOB", "identity") == "OK"


def test_threads_of_module_load_are_real(start_server: Start) -> None:
    """INFO shows as many worker threads as MODULE LOAD asked for."""
    with start_server().client() as client:
        client("MODULE", "LOAD", MODULE_PATH, "THREADS_PER_QUEUE", 3)
        assert client("INFO", "ai_cpu").count(b"ai_queue_CPU_bthread_n") == 3


@pytest.mark.parametrize("setting", ["no", "local", "yes"])
def test_enable_module_command(setting: str, start_server: Start, tmp_path: Path) -> None:
    """It governs MODULE LOAD, AI.CONFIG LOADBACKEND and BACKENDSPATH, and CONFIG SET ai.backends-path."""
    server = start_server("--enable-module-command", setting)
    requests = [
        ("AI.CONFIG", "BACKENDSPATH", str(tmp_path)),
        ("CONFIG", "SET", "ai.backends-path", str(tmp_path)),
        ("AI.CONFIG", "LOADBACKEND", "TORCH", "missing"),
        ("MODULE", "LOAD", MODULE_PATH),
    ]
    with server.client() as client:
        replies = [client(*request) for request in requests]
        if setting == "no":
            assert [reply.text.partition(".")[0] for reply in replies if reply not in replies[1:2]] == [
                "ERR MODULE command not allowed"
            ] * 3
            assert replies[1].text.endswith("can't set protected config")
        else:
            assert replies == ["OK", "OK", ErrorReply("ERR error loading backend"), "OK"]
        assert client("CONFIG", "SET", "enable-module-command", "yes").text.endswith("can't set immutable config")


def test_every_option_over_ai_config(server: Server, client: RespClient) -> None:
    """GET answers each option by its type; a value is taken, or refused with the option's name, and nothing changes."""
    for param in AI_PARAMS:
        before = client("AI.CONFIG", "GET", param.option.lower())
        assert isinstance(before, int if isinstance(param.type, Int) else bytes)
        value = before if before != b"" else "/x"
        reply = client("AI.CONFIG", param.option.lower(), value)
        if param.runtime:
            assert reply == "OK"
            assert client("AI.CONFIG", param.option).text.startswith(f"ERR {param.option}: missing")
            if isinstance(param.type, Text):
                assert client("AI.CONFIG", param.option, "a/b") == "OK"
                assert client("AI.CONFIG", "GET", param.option) == b"a/b"  # as it was written
                assert client("AI.CONFIG", param.option, before) == "OK"
            else:
                assert client("AI.CONFIG", param.option, "").text.startswith(f"ERR {param.option}: invalid")
        else:
            assert reply.text.startswith(f"ERR {param.option}: ")
        assert client("AI.CONFIG", "GET", param.option) == before


def test_directory(start_server: Start, tmp_path: Path) -> None:
    """CONFIG SET dir is protected; where it is allowed the process moves, or says why it cannot."""
    with start_server().client() as client:
        assert client("CONFIG", "SET", "dir", "/tmp").text.endswith("can't set protected config")
    server = start_server("--enable-protected-configs", "local")
    with server.client() as client:
        assert client("CONFIG", "SET", "dir", "/no/such").text.endswith("No such file or directory")
        assert client("CONFIG", "SET", "dir", tmp_path, "maxmemory", "x").text.endswith("must be a memory value")
        assert os.readlink(f"/proc/{server.pid}/cwd") == str(server.dir)
        assert client("CONFIG", "SET", "dir", tmp_path) == "OK"
        assert client("CONFIG", "GET", "dir") == [b"dir", str(tmp_path).encode()]
        assert os.readlink(f"/proc/{server.pid}/cwd") == str(tmp_path)


def test_rewrite_and_start_again(start_server: Start, tmp_path: Path) -> None:
    """What was set, users and module options included, is there after CONFIG REWRITE and a new start."""
    path = tmp_path / "redis.conf"
    path.write_text(f"# mine\nloadmodule {MODULE_PATH} THREADS_PER_QUEUE 2\nmaxmemory 1gb\n")
    server = start_server(str(path), folder=tmp_path)
    with server.client() as client:
        client("CONFIG", "SET", "maxmemory", "2gb", "ai.model-chunk-size", "77", "notify-keyspace-events", "KEA")
        client("ACL", "SETUSER", "bob", "on", ">secret", "~k*", "+get")
        before = values(client)
        assert client("CONFIG", "REWRITE") == "OK"
    server.stop()
    text = path.read_text()
    assert text.startswith(f"# mine\nloadmodule {MODULE_PATH} THREADS_PER_QUEUE 2\nmaxmemory 2gb\n")
    assert "ai.threads-per-queue" not in text
    server.start()
    with server.client() as client:
        assert values(client) == before
        assert client("AUTH", "bob", "secret") == "OK"
        assert client("SET", "k1", "v").text.startswith("NOPERM")


def test_rewrite_that_cannot_write(start_server: Start, tmp_path: Path) -> None:
    """The file stays as it was, and the client is told."""
    folder = tmp_path / "conf"
    folder.mkdir()
    path = folder / "redis.conf"
    path.write_text("hz 11\n")
    with start_server(str(path)).client() as client:
        path.rename(tmp_path / "kept.conf")
        folder.rmdir()
        assert client("CONFIG", "REWRITE") == "ERR Rewriting config file: No such file or directory"
        assert client("PING") == "PONG"


def test_rename_command(start_server: Start) -> None:
    """A renamed command answers to its new name alone, a removed one to none."""
    with start_server("--rename-command", "GET", "fetch", "--rename-command", "flushall", "").client() as client:
        client("SET", "a", "1")
        assert client("FETCH", "a") == b"1"
        assert "unknown command 'GET'" in client("GET", "a").text
        assert "unknown command" in client("FLUSHALL").text


def test_what_is_missing_is_refused(start_server: Start) -> None:
    """A directive that this version cannot serve is no reason to serve without it."""
    for words in (["--tls-ciphersuites", "TLS_AES_128_GCM_SHA256"],):
        with pytest.raises(StartError) as caught:
            start_server(*words)
        assert "is not available in this version of pyredisai" in caught.value.output


def test_resetstat(client: RespClient) -> None:
    """Counters start again."""
    client("SET", "a", "1")
    client("NOSUCH")
    assert b"cmdstat_set" in client("INFO", "commandstats")
    assert client("CONFIG", "RESETSTAT") == "OK"
    assert b"cmdstat_set" not in client("INFO", "commandstats")
    assert b"errorstat_ERR" not in client("INFO", "errorstats")


def test_loadbackend_in_a_transaction(start_server: Start, tmp_path: Path) -> None:
    """Where nothing may block, the loop imports the backend, and the reply is the same."""
    (tmp_path / "backend.py").write_text("from pyredisai.backends.stub import load\n")
    with start_server().client() as client:
        client("MULTI")
        client("AI.CONFIG", "LOADBACKEND", "TORCH", tmp_path)
        client("AI.CONFIG", "LOADBACKEND", "TORCH", tmp_path)
        assert client("EXEC") == ["OK", ErrorReply("ERR error loading backend")]
        script = "return redis.pcall('AI.CONFIG', 'LOADBACKEND', 'ONNX', 'nope')"
        assert client("EVAL", script, 0) == ErrorReply("ERR error loading backend")
