"""A connection: order of replies, clients that do not read, limits, idle and vanishing clients, big values."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support.resp import encode
from tests.support.server import Server

Start = Callable[..., Server]
MB = 1024 * 1024


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest, start_server: Start) -> Start:
    """Start a server on either loop."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    return lambda *args: start_server(*args, env={"PYREDISAI_LOOP": request.param})


def test_replies_keep_their_order_whatever_their_size(start: Start) -> None:
    values = [os.urandom(size) for size in (0, 5, 4096, 20_000, 131_071, 131_072, 1_000_000)]
    with start().client() as client:
        for number, value in enumerate(values):
            assert client("SET", f"k{number}", value) == "OK"
        order = [3, 6, 0, 1, 5, 6, 6, 2, 4, 1] * 5
        assert client.pipeline(*[("GET", f"k{number}") for number in order]) == [values[number] for number in order]
        sent = [("ECHO", value) for value in values] * 3
        assert client.pipeline(*sent) == values * 3


def test_a_client_that_does_not_read_does_not_grow_the_server(start: Start) -> None:
    server = start()
    with server.client() as client, socket.create_connection((server.host, server.port)) as deaf:
        client("SET", "k", b"x" * 50_000)
        before = psutil.Process(server.pid).memory_info().rss
        deaf.settimeout(0.5)
        request = encode("GET", "k") * 1000
        with pytest.raises(TimeoutError):
            deaf.sendall(request * 2000)
        assert psutil.Process(server.pid).memory_info().rss - before < 64 * MB
        assert client("PING") == "PONG"
        deaf.settimeout(10)
        assert deaf.recv(20, socket.MSG_WAITALL) == b"$50000\r\n" + b"x" * 12


def test_every_reply_comes_once_the_client_reads(start: Start) -> None:
    server = start()
    with server.client() as client:
        client("SET", "k", b"x" * 50_000)
        with socket.create_connection((server.host, server.port)) as slow:
            slow.sendall(encode("GET", "k") * 1000 + encode("PING"))
            time.sleep(0.3)
            left = 1000 * 50_010 + 7
            last = b""
            slow.settimeout(10)
            while left:
                last = slow.recv(min(left, MB))
                assert last
                left -= len(last)
            assert last.endswith(b"+PONG\r\n")


def test_hard_output_limit(start: Start) -> None:
    server = start("--client-output-buffer-limit", "normal 100kb 0 0")
    with server.client() as client:
        client("SET", "k", b"x" * 200_000)
        client.send("GET", "k")
        assert client.closed()
    with server.client() as client:
        client("SET", "k", b"x" * 50_000)
        assert client("GET", "k") == b"x" * 50_000
    assert "output buffer limits" in server.log


def test_soft_output_limit(start: Start) -> None:
    server = start("--client-output-buffer-limit", "normal 0 1mb 1")
    with server.client() as client, socket.create_connection((server.host, server.port)) as deaf:
        client("SET", "k", b"x" * 20 * MB)
        deaf.sendall(encode("GET", "k"))
        end = time.monotonic() + 10
        while "output buffer limits" not in server.log:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert client("GET", "k") == b"x" * 20 * MB


def test_query_buffer_limit(start: Start) -> None:
    server = start("--client-query-buffer-limit", "1mb")
    with server.client() as client:
        client.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n")
        try:
            for _ in range(30):
                client.send_bytes(b"x" * 100_000)
        except OSError:
            pass
        assert client.closed()
    assert "max query buffer length" in server.log
    with server.client() as client:
        assert client("SET", "k", b"x" * 900_000) == "OK"


def test_maxclients(start: Start) -> None:
    server = start("--maxclients", "2")
    with server.client() as one, server.client() as two:
        assert (one("PING"), two("PING")) == ("PONG", "PONG")
        with socket.create_connection((server.host, server.port)) as third:
            assert third.makefile("rb").read() == b"-ERR max number of clients reached\r\n"
        two.close()
        time.sleep(0.1)
        with server.client() as third_again:
            assert third_again("PING") == "PONG"


def test_idle_clients_are_closed(start: Start) -> None:
    server = start("--timeout", "1")
    with server.client() as idle:
        assert idle("PING") == "PONG"
        time.sleep(3.2)
        assert idle.closed()


def test_a_client_that_vanishes_in_the_middle_of_a_big_argument(start: Start) -> None:
    server = start()
    for sent in (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\n", b"x" * 1000, b"x" * 400_000):
        with socket.create_connection((server.host, server.port)) as sock:
            sock.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\n" + sent)
    with server.client() as client:
        assert client("EXISTS", "k") == 0


def test_limits_before_authentication(start: Start) -> None:
    server = start("--requirepass", "secret")
    many = encode(*["x"] * 11)
    for raw, reply in [
        (many, b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
        (b"*1\r\n$20000\r\n", b"-ERR Protocol error: unauthenticated bulk length\r\n"),
    ]:
        with socket.create_connection((server.host, server.port)) as sock:
            sock.sendall(raw)
            assert sock.makefile("rb").read() == reply
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(encode("AUTH", "secret") + encode("EXISTS", *["x"] * 20))
        assert sock.recv(9, socket.MSG_WAITALL) == b"+OK\r\n:0\r\n"


def test_a_big_argument_of_a_command_that_is_not_there(start: Start) -> None:
    with start().client() as client:
        assert "unknown command 'NOSUCH'" in str(client("NOSUCH", b"x" * 300_000))
        assert client("PING") == "PONG"


def test_what_a_slow_client_asks_for_is_done_in_order_and_also_when_it_leaves_at_once(start: Start) -> None:
    server = start("--enable-debug-command", "yes")
    with server.client() as other:
        for number in range(50):
            with server.client() as slow:
                assert slow("DEBUG", "SLEEP", "0.0001") == "OK"  # from here on it lets others go first
                slow.send_bytes(encode("RPUSH", "l", f"{number}a") + encode("RPUSH", "l", f"{number}b"))
                assert other("PING") == "PONG"
        wanted = [f"{number}{letter}".encode() for number in range(50) for letter in "ab"]
        assert other("LRANGE", "l", 0, -1) == wanted


def test_a_slow_client_that_floods_is_read_no_faster_than_it_is_served(start: Start) -> None:
    server = start("--enable-debug-command", "yes")
    with server.client() as other, server.client() as slow:
        assert slow("DEBUG", "SLEEP", "0.0001") == "OK"
        before = psutil.Process(server.pid).memory_info().rss
        for number in range(40):
            slow.send_bytes(encode("SET", f"k{number}", b"x" * MB))
        assert [slow.read() for _ in range(40)] == ["OK"] * 40
        assert other("DBSIZE") == 40
        assert psutil.Process(server.pid).memory_info().rss - before < 80 * MB
