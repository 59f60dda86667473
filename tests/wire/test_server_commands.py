"""Commands about clients and the server, over the wire: what needs several connections, time, or a real client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
import redis.asyncio

from pyredisai.build import BUILD
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server

needs_cli = pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")


@pytest.fixture
def other(server: Server) -> Any:
    with server.client() as client:
        yield client


def test_servers_run_the_build_that_the_tests_import(client: RespClient) -> None:
    assert f"pyredisai_build:{BUILD}" in client("INFO", "server").decode().splitlines()


def test_pause_all_holds_others_until_unpause_or_time(client: RespClient, other: RespClient) -> None:
    client("CLIENT", "PAUSE", 300)
    start = time.monotonic()
    other.send("PING")
    assert other.read() == "PONG"
    assert time.monotonic() - start > 0.15


def test_pause_write_lets_reads_through(client: RespClient, other: RespClient) -> None:
    client("CLIENT", "PAUSE", 60_000, "WRITE")
    other.send("SET", "k", "1")
    assert client("GET", "k") is None
    info = client("CLIENT", "LIST").decode()
    (held,) = (line for line in info.splitlines() if "flags=b" in line)
    assert " cmd=set " in held
    assert client("CLIENT", "UNPAUSE") == "OK"
    assert other.read() == "OK"
    assert client("GET", "k") == b"1"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["GET", "k"], "get"),
        (["GET"], "get"),
        (["NOSUCH"], "NULL"),
        (["CONFIG", "GET", "port"], "config|get"),
        (["CONFIG", "NOSUCH"], "NULL"),
    ],
)
def test_client_list_shows_the_last_command_also_one_that_was_refused(
    client: RespClient, other: RespClient, words: list[str], shown: str
) -> None:
    other("PING")
    other(*words)
    own = other("CLIENT", "ID")
    other(*words)
    (line,) = (line for line in client("CLIENT", "LIST").decode().splitlines() if line.startswith(f"id={own} "))
    assert f" cmd={shown} " in line


@pytest.mark.parametrize("request_words", [("PUBLISH", "c", "m"), ("PFCOUNT", "nokey"), ("EVAL", "return 1", 0)])
def test_pause_write_holds_what_replicas_may_get(
    client: RespClient, other: RespClient, request_words: tuple[str, ...]
) -> None:
    client("CLIENT", "PAUSE", 60_000, "WRITE")
    other.send(*request_words)
    assert other.quiet(0.2)
    assert client("CLIENT", "UNPAUSE") == "OK"
    assert other.read() in (0, 1)


@pytest.mark.parametrize("call", ["'PFCOUNT', 'k'", "'PUBLISH', 'c', 'm'"])
def test_scripts_that_only_read_send_nothing_to_replicas(client: RespClient, call: str) -> None:
    reply = client("EVAL_RO", f"return redis.call({call})", 0)
    assert "Write commands are not allowed from read-only scripts" in reply.text


def test_kill(client: RespClient, other: RespClient) -> None:
    identity = other("CLIENT", "ID")
    assert client("CLIENT", "KILL", "ID", identity) == 1
    assert other.closed()
    assert client("CLIENT", "KILL", "ID", identity) == 0
    assert client("CLIENT", "KILL", "ID", client("CLIENT", "ID"), "SKIPME", "no") == 1
    assert client.closed()


def test_kill_by_address_and_names_in_the_list(client: RespClient, other: RespClient) -> None:
    other("CLIENT", "SETNAME", "victim")
    [line] = [line for line in client("CLIENT", "LIST").decode().splitlines() if "name=victim " in line]
    fields = dict(field.split("=", 1) for field in line.split())
    assert client("CLIENT", "KILL", fields["addr"]) == "OK"
    assert other.closed()


def test_monitor(client: RespClient, other: RespClient) -> None:
    assert other("MONITOR") == "OK"
    client("SET", "key", b"a\nb")
    line = other.read()
    assert line.endswith('"SET" "key" "a\\nb"')
    assert other("RESET").endswith('"RESET"')
    assert other.read() == "RESET"
    client("SET", "key", "2")
    assert other.quiet()


def test_wait_without_replicas_takes_its_time(client: RespClient, other: RespClient) -> None:
    assert client("WAIT", 0, 0) == 0
    start = time.monotonic()
    assert client("WAIT", 1, 150) == 0
    assert time.monotonic() - start > 0.1
    client.send("WAIT", 1, 0)
    identity = int(client_id_of(other, "wait"))
    assert other("CLIENT", "UNBLOCK", identity, "ERROR") == 1
    assert "UNBLOCKED" in client.read()
    assert client("PING") == "PONG"


def client_id_of(client: RespClient, command: str) -> str:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for line in client("CLIENT", "LIST").decode().splitlines():
            fields = dict(field.split("=", 1) for field in line.split())
            if fields["cmd"] == command:
                return fields["id"]
    raise AssertionError(f"nobody runs {command}")


def test_reset_gives_everything_back(client: RespClient) -> None:
    client("HELLO", 3)
    client("SELECT", 4)
    client("CLIENT", "SETNAME", "x")
    assert client("RESET") == "RESET"
    info = dict(field.split("=", 1) for field in client("CLIENT", "INFO").decode().split())
    assert (info["db"], info["resp"], info["name"], info["user"]) == ("0", "2", "", "default")


def test_authentication(start_server: Callable[..., Server]) -> None:
    server = start_server("--requirepass", "geheim", password="geheim")
    with server.client() as stranger:
        stranger("RESET")
        for request in (("GET", "a"), ("INFO",), ("CLIENT", "LIST"), ("HELLO", 3)):
            assert "NOAUTH" in stranger(*request)
        assert "WRONGPASS" in stranger("AUTH", "falsch")
        assert stranger("HELLO", 3, "AUTH", "default", "geheim", "SETNAME", "me")[b"proto"] == 3
        assert stranger("GET", "a") is None
        assert stranger("CLIENT", "GETNAME") == b"me"
        stranger("CONFIG", "SET", "requirepass", "")
    with server.client() as anybody:
        anybody("RESET")
        assert anybody("GET", "a") is None


def test_acl_is_enforced_and_follows_changes(client: RespClient, other: RespClient) -> None:
    client("ACL", "SETUSER", "lim", "on", ">pw", "~x*", "+@read", "+@connection")
    assert other("AUTH", "lim", "pw") == "OK"
    assert other("GET", "x1") is None
    assert "NOPERM" in other("GET", "y")
    assert "NOPERM" in other("SET", "x", "1")
    client("ACL", "SETUSER", "lim", "+set")
    assert other("SET", "x", "1") == "OK"
    log = client("ACL", "LOG")
    entries = [dict(zip(entry[::2], entry[1::2], strict=True)) for entry in log]
    assert [(e[b"reason"], e[b"object"], e[b"username"]) for e in entries[:2]] == [
        (b"command", b"set", b"lim"),
        (b"key", b"y", b"lim"),
    ]
    assert client("ACL", "DELUSER", "lim") == 1
    assert other.closed()


def test_slowlog(client: RespClient) -> None:
    client("CONFIG", "SET", "slowlog-log-slower-than", 0)
    client("SLOWLOG", "RESET")
    client("SET", "k", "v" * 200)
    client("CONFIG", "SET", "requirepass", "")
    client("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
    entries = {tuple(entry[3][:2]): entry[3] for entry in client("SLOWLOG", "GET", -1)}
    assert entries[(b"SET", b"k")][2] == b"v" * 128 + b"... (72 more bytes)"
    [secret] = [words for words in entries.values() if b"requirepass" in words]
    assert secret[-1] == b"(redacted)"


def test_latency_monitor(client: RespClient) -> None:
    client("CONFIG", "SET", "latency-monitor-threshold", 5)
    client("DEBUG", "SLEEP", 0.02)
    [[event, when, last, worst]] = client("LATENCY", "LATEST")
    client("CONFIG", "SET", "latency-monitor-threshold", 0)
    assert (event, last, worst) == (b"command", last, last)
    assert last >= 20
    assert abs(when - time.time()) < 5
    assert client("LATENCY", "HISTORY", "command") == [[when, last]]
    assert client("LATENCY", "GRAPH", "command").startswith(b"command - high ")
    assert client("LATENCY", "RESET") == 1


def test_eviction_makes_room(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        used = info(client, "memory")["used_memory"]
        client("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        client("CONFIG", "SET", "maxmemory", int(used) + (24 << 20))
        for number in range(100):
            assert client("SET", f"k{number}", b"x" * (1 << 20)) == "OK"
        assert client("SET", "last", b"x" * (1 << 20)) == "OK"
        assert int(info(client, "stats")["evicted_keys"]) > 0
        assert 0 < client("DBSIZE") < 80
        client("CONFIG", "SET", "maxmemory-policy", "noeviction")
        client("CONFIG", "SET", "maxmemory", 1)
        assert "OOM " in client("SET", "more", "1")
        client("CONFIG", "SET", "maxmemory", 0)
        assert client("SET", "more", "1") == "OK"


def info(client: RespClient, *sections: str) -> dict[str, str]:
    lines = client("INFO", *sections).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def test_info_counts(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        client("SET", "a", "1")
        client("GET", "a")
        client("GET", "b")
        client("NOSUCH")
        found = info(client, "everything")
        assert found["cmdstat_set"].startswith("calls=1,")
        assert found["errorstat_ERR"] == "count=1"
        assert found["db0"].startswith("keys=1,expires=0")
        assert (found["keyspace_hits"], found["keyspace_misses"]) == ("1", "1")
        assert found["module"].startswith("name=ai,ver=10207")
        client("CONFIG", "RESETSTAT")
        assert "cmdstat_set" not in info(client, "commandstats")


def test_a_failing_command_harms_nobody(client: RespClient, other: RespClient) -> None:
    for request in (("DEBUG", "OBJECT"), ("LATENCY", "GRAPH", "\0"), ("COMMAND", "GETKEYS", "\xff", "x", "y")):
        assert isinstance(client(*request), ErrorReply)
    assert other("PING") == "PONG"


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(server: Server, protocol: int) -> None:
    with redis.Redis(port=server.port, protocol=protocol, client_name="py") as r:
        assert r.ping()
        assert r.client_getname() in ("py", b"py")
        assert r.info()["redis_version"] == "7.0.15"
        assert any(entry["lib-name"].startswith("redis-py") for entry in r.client_list())
        assert r.command_count() == len(r.command())
        assert r.command_getkeys("MSET", "a", 1, "b", 2) in (["a", "b"], [b"a", b"b"])
        assert r.acl_getuser("default")["enabled"]
        assert r.memory_usage("nokey") is None
        assert r.slowlog_len() >= 0
        assert r.time()[0] > 1_700_000_000
        assert r.module_list()
        with pytest.raises(redis.ResponseError, match="cluster support disabled"):
            r.cluster("info")


def test_redis_py_asyncio(server: Server) -> None:
    async def talk() -> None:
        r = redis.asyncio.Redis(port=server.port, protocol=3)
        try:
            assert await r.ping()
            assert (await r.info("clients"))["connected_clients"] >= 1
            pipe = r.pipeline(transaction=False)
            pipe.set("a", 1).get("a").client_id()
            assert (await pipe.execute())[1] == b"1"
        finally:
            await r.aclose()

    asyncio.run(talk())


def cli(server: Server, *args: str, stdin: str = "", timeout: float = 20) -> str:
    command = ["redis-cli", "-p", str(server.port), *args]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout, check=True).stdout


@needs_cli
def test_redis_cli_scans(client: RespClient, server: Server) -> None:
    client("SET", "long", "x" * 50)
    assert "Biggest string found" in cli(server, "--bigkeys")
    assert "long" in cli(server, "--memkeys")


@needs_cli
def test_redis_cli_help_knows_the_commands(server: Server) -> None:
    text = cli(server, stdin="help set\nhelp config get\n")
    assert "SET" in text
    assert "key value [NX|XX]" in text
    assert "(null)" not in text


@needs_cli
def test_redis_cli_watches(client: RespClient, server: Server) -> None:
    def bounded(*args: str) -> str:
        """What it prints to a terminal within a second."""
        ours, its = pty.openpty()
        process = subprocess.Popen(["redis-cli", "-p", str(server.port), *args], stdin=its, stdout=its, stderr=its)
        os.close(its)
        time.sleep(1)
        process.terminate()
        process.wait(20)
        output = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 65536):
                output += chunk
        os.close(ours)
        return output.decode()

    assert "keys" in bounded("--stat", "-i", "0.3")
    assert "min" in bounded("--latency")
    assert "OK" in bounded("monitor")
