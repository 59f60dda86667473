"""Redis Sentinel watches a pair of our servers, and makes the replica primary when the primary dies."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.resp import RespClient
from tests.support.server import REDIS_SERVER, Server, free_port
from tests.wire.replication.support import follow, info, wait_caught_up, wait_for, wait_up

Start = Callable[..., Server]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[[int], int]]:
    """Start a sentinel that watches the primary on a port; its own port."""
    if REDIS_SERVER is None:
        pytest.skip("redis-server is not installed")
    processes: list[subprocess.Popen[bytes]] = []

    def start(watched: int) -> int:
        port = free_port()
        file = tmp_path / "sentinel.conf"
        file.write_text(
            f"port {port}\ndir {tmp_path}\nsentinel monitor pair 127.0.0.1 {watched} 1\n"
            "sentinel down-after-milliseconds pair 1500\nsentinel failover-timeout pair 10000\n"
        )
        with (tmp_path / "sentinel.log").open("wb") as log:
            processes.append(subprocess.Popen([str(REDIS_SERVER), str(file), "--sentinel"], stdout=log, stderr=log))
        return port

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def field(sentinel: RespClient, name: bytes) -> bytes:
    """A field of SENTINEL MASTER."""
    flat = sentinel("SENTINEL", "MASTER", "pair")
    return dict(zip(flat[::2], flat[1::2], strict=True))[name]


def listening(port: int) -> bool:
    """Whether somebody answers there."""
    try:
        with RespClient(port) as client:
            return bool(client("PING") == "PONG")
    except OSError:
        return False


def role(server: Server) -> str:
    """What INFO says, over a connection of its own."""
    with server.client() as client:
        return info(client, "role")


@pytest.mark.timeout(120)
def test_sentinel_fails_over(start_server: Start, watch: Callable[[int], int]) -> None:
    """The replica is found, promoted, and the old primary becomes its replica when it is back."""
    one, two = start_server("--repl-diskless-sync-delay", 0), start_server("--repl-diskless-sync-delay", 0)
    with one.client() as a, two.client() as b:
        follow(b, one)
        a.ok("SET", "k", "kept")
        wait_caught_up(a, b)
        port = watch(one.port)
        wait_for(lambda: listening(port))
        with RespClient(port) as sentinel:
            wait_for(lambda: field(sentinel, b"num-slaves") == b"1", 40, "for the replica's discovery")
            one.kill()
            address = [b"127.0.0.1", b"%d" % two.port]
            wait_for(lambda: sentinel("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "pair") == address, 40)
    with two.client() as b:  # Sentinel has closed the connections of before
        wait_for(lambda: info(b, "role") == "master", 40, "for the promotion")
        assert b("GET", "k") == b"kept"
        b.ok("SET", "k", "new")
    one.start()
    wait_for(lambda: role(one) == "slave", 40, "for the old primary to be told")
    with one.client() as a:
        wait_up(a)
        assert a("GET", "k") == b"new"
