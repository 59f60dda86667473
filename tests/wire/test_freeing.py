"""FLUSHALL ASYNC, UNLINK and the options that ask for the same: freed between later commands, and counted."""

from __future__ import annotations

import time

import pytest

from tests.support.resp import Argument, RespClient, encode
from tests.support.server import Server

COUNT = 100_000


def objects(client: RespClient) -> tuple[int, int]:
    """Pending and freed."""
    info = dict(line.split(":", 1) for line in client("INFO", "memory").decode().splitlines() if ":" in line)
    return int(info["lazyfree_pending_objects"]), int(info["lazyfreed_objects"])


def settled(client: RespClient) -> int:
    """What has been freed when nothing is pending any more."""
    end = time.monotonic() + 30
    while (found := objects(client))[0] and time.monotonic() < end:
        time.sleep(0.02)
    assert found[0] == 0
    return found[1]


def fill(client: RespClient) -> None:
    client("EVAL", f"for i = 1, {COUNT} do redis.call('SET', 'k' .. i, i) end", 0)
    assert client("DBSIZE") == COUNT


@pytest.mark.parametrize(
    ("option", "command", "lazy"),
    [
        ("no", ("FLUSHALL", "ASYNC"), True),
        ("no", ("FLUSHDB", "async"), True),
        ("no", ("FLUSHALL",), False),
        ("yes", ("FLUSHDB",), True),
        ("yes", ("FLUSHALL", "SYNC"), False),
    ],
)
def test_a_flush(server: Server, option: str, command: tuple[Argument, ...], lazy: bool) -> None:
    pytest.importorskip("lupa")
    with server.client(timeout=120) as client:
        client("FLUSHALL")
        settled(client)
        client("CONFIG", "RESETSTAT")
        client("CONFIG", "SET", "lazyfree-lazy-user-flush", option)
        fill(client)
        client.send_bytes(b"".join(encode(*sent) for sent in (command, ("INFO", "memory"), ("DBSIZE",))))
        assert client.read() == "OK"
        assert f"lazyfree_pending_objects:{COUNT if lazy else 0}".encode() in client.read().splitlines()
        assert client.read() == 0
        client("SET", "new", "new")
        assert settled(client) == (COUNT if lazy else 0)
        assert client("KEYS", "*") == [b"new"]
        client("CONFIG", "SET", "lazyfree-lazy-user-flush", "no")
        client("CONFIG", "RESETSTAT")
        assert objects(client) == (0, 0)


@pytest.mark.parametrize(
    ("option", "command", "lazy"), [("no", "UNLINK", True), ("no", "DEL", False), ("yes", "DEL", True)]
)
def test_keys_that_are_deleted(server: Server, option: str, command: str, lazy: bool) -> None:
    """Small values are freed at once and not counted."""
    with server.client(timeout=120) as client:
        client("FLUSHALL")
        client("CONFIG", "SET", "lazyfree-lazy-user-del", option)
        settled(client)
        client("CONFIG", "RESETSTAT")
        client("SET", "string", bytes(10_000))
        client("HSET", "small", "field", "value")
        client("RPUSH", "big", *range(COUNT))
        client("SADD", "set", *range(COUNT))
        assert client(command, "string", "small", "big", "none", "set") == 4
        assert client("DBSIZE") == 0
        assert settled(client) == (2 if lazy else 0)
        client("CONFIG", "SET", "lazyfree-lazy-user-del", "no")
        client("CONFIG", "RESETSTAT")
