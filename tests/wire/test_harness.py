"""The fixtures work: a server starts, answers, shows its log, and ends when told to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.resp import ErrorReply, RespClient, encode
from tests.support.server import Server, StartError


def test_shared_server_answers(client: RespClient) -> None:
    assert client("PING") == "PONG"
    assert client("SET", "k", b"\x00\r\n") == "OK"
    assert client("GET", "k") == b"\x00\r\n"
    assert client.raw("GET", "k") == b"$3\r\n\x00\r\n\r\n"
    assert isinstance(client("NOSUCHCOMMAND"), ErrorReply)


def test_shared_server_is_emptied(client: RespClient) -> None:
    assert client("GET", "k") is None


def test_pipeline(client: RespClient) -> None:
    assert client.pipeline(("SET", "a", 1), ("GET", "a"), ("PING",)) == ["OK", b"1", "PONG"]


def test_own_server_ends_by_itself_or_by_stop(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        assert client("PING") == "PONG"
    server.stop()
    assert not server.alive()


def test_real_redis(redis_client: RespClient) -> None:
    assert redis_client("PING") == "PONG"


def test_start_error_holds_the_output() -> None:
    with pytest.raises(StartError, match="no such thing"):
        Server(command=("bash", "-c", "echo no such thing; exit 3"))


def test_encode() -> None:
    assert encode("SET", b"k", 1) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n"
