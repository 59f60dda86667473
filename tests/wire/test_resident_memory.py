"""What the server says of its memory, and what it gives back."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server

MB = 10**6

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")


def used(client: RespClient) -> int:
    """used_memory of INFO."""
    lines = client("INFO", "memory").decode().splitlines()
    return int(next(line for line in lines if line.startswith("used_memory:")).partition(":")[2])


def resident(server: Server) -> int:
    """Bytes of the process that are in memory."""
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096


def test_what_was_announced_and_never_came_is_not_taken_for_free(start_server: Callable[..., Server]) -> None:
    """A client announces 200 MB and goes: the block is free then, but it never was in memory."""
    server = start_server()
    with server.client() as client:
        client("SET", "k", bytes(40 * MB))
        before = used(client)
        for _ in range(3):
            client("SET", "small", b"")
            with server.client() as other:
                other.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$200000000\r\nbegin")
                assert client("APPEND", "small", bytes(200_000)) > 0  # the heap does not end with that block
        assert used(client) > before - 10 * MB


def test_purge_gives_back_what_was_deleted(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        for number in range(20):
            client("SET", f"big:{number}", bytes(5 * MB))
            client("SET", f"small:{number}", bytes(200_000))
        full, told = resident(server), used(client)
        client("DEL", *(f"big:{number}" for number in range(20)))
        assert client("MEMORY", "PURGE") == "OK"
        assert resident(server) < full - 90 * MB
        assert told - 120 * MB < used(client) < told - 80 * MB
        assert client("STRLEN", "small:7") == 200_000


def test_what_is_being_freed_is_no_reason_to_refuse(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        for number in range(500):
            client("SET", f"big:{number}", bytes(200_000))
        client("CONFIG", "SET", "maxmemory", used(client) - 50 * MB)
        assert client("SET", "more", b"").text.startswith("OOM")
        assert client.pipeline(("FLUSHALL", "ASYNC"), ("SET", "more", b"")) == ["OK", "OK"]
