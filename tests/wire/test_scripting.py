"""Slow scripts: others are told BUSY, SCRIPT KILL ends what has not written, a transaction is suspended as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server

pytest.importorskip("lupa", reason="lupa is not installed")

FOREVER = "while true do end"
BUSY = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
LIBRARY = "#!lua name=slow\nredis.register_function('forever', function() while true do end end)"


@pytest.fixture
def clients(start_server: Callable[..., Server]) -> Iterator[tuple[RespClient, RespClient]]:
    """One client for the script, one for what others meet; scripts are slow after 50 ms."""
    server = start_server("--busy-reply-threshold", 50)
    with server.client() as slow, server.client() as other:
        yield slow, other


def wait_busy(other: RespClient) -> None:
    end = time.monotonic() + 10
    while other("PING") == "PONG":
        assert time.monotonic() < end, "never busy"


def ends_after_kill(slow: RespClient, other: RespClient, kind: str = "SCRIPT") -> str:
    wait_busy(other)
    assert other(kind, "KILL") == "OK"
    reply = slow.read()
    assert other("PING") == "PONG"
    assert isinstance(reply, ErrorReply)
    return reply.text


@pytest.mark.parametrize(
    "script",
    [
        FOREVER,
        "while true do pcall(function() while true do end end) end",
        "coroutine.wrap(function() while true do end end)()",
        "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    ],
)
def test_kill(clients: tuple[RespClient, RespClient], script: str) -> None:
    slow, other = clients
    slow.send("EVAL", script, 0)
    text = ends_after_kill(slow, other)
    assert text.startswith("ERR Script killed by user with SCRIPT KILL... script: ")
    assert slow("EVAL", "return 1", 0) == 1


def test_others_are_told(clients: tuple[RespClient, RespClient]) -> None:
    slow, other = clients
    slow.send("EVAL", FOREVER, 0)
    wait_busy(other)
    assert other("GET", "k") == BUSY
    assert other("EVAL", "return 1", 0) == BUSY
    assert other("FUNCTION", "KILL") == BUSY
    assert other("FUNCTION", "STATS") == BUSY
    assert other("SHUTDOWN") == BUSY
    assert other("MULTI") == "OK"
    assert other("GET", "k") == BUSY
    assert other("EXEC") == f"EXECABORT Transaction discarded because of: {BUSY}"
    ends_after_kill(slow, other)


def test_script_that_wrote_is_left_alone(clients: tuple[RespClient, RespClient]) -> None:
    slow, other = clients
    slow.send("EVAL", "redis.call('set', 'k', '1') for i = 1, 1e8 do end return redis.call('incr', 'k')", 0)
    wait_busy(other)
    assert other("SCRIPT", "KILL").text.startswith("UNKILLABLE ")
    assert slow.read() == 2
    assert other("GET", "k") == b"2"


def test_transaction_is_suspended_as_a_whole(clients: tuple[RespClient, RespClient]) -> None:
    slow, other = clients
    for command in (("MULTI",), ("SET", "k", 1), ("EVAL", "for i = 1, 1e8 do end return redis.call('incr', 'k')", 0)):
        slow(*command)
    slow("INCR", "k")
    slow.send("EXEC")
    wait_busy(other)
    assert other("GET", "k") == BUSY
    assert slow.read() == ["OK", 2, 3]
    assert other("GET", "k") == b"3"


def test_client_that_leaves(clients: tuple[RespClient, RespClient], start_server: Callable[..., Server]) -> None:
    slow, other = clients
    slow.send("EVAL", FOREVER, 0)
    wait_busy(other)
    slow.close()
    assert other("SCRIPT", "KILL") == "OK"
    end = time.monotonic() + 10
    while other("PING") != "PONG":
        assert time.monotonic() < end


def test_shutdown_nosave(start_server: Callable[..., Server]) -> None:
    server = start_server("--busy-reply-threshold", 50)
    with server.client() as slow, server.client() as other:
        slow.send("EVAL", FOREVER, 0)
        wait_busy(other)
        other.send("SHUTDOWN", "NOSAVE")
        assert server.wait() == 0


def test_no_limit(clients: tuple[RespClient, RespClient]) -> None:
    """With busy-reply-threshold 0 nobody is answered until the script ends."""
    slow, other = clients
    other.ok("CONFIG", "SET", "busy-reply-threshold", 0)
    slow.send("EVAL", "for i = 1, 3e7 do end return 'done'", 0)
    assert slow.read() == b"done"
    assert other("PING") == "PONG"


def test_function_kill(clients: tuple[RespClient, RespClient]) -> None:
    slow, other = clients
    slow.ok("FUNCTION", "LOAD", LIBRARY)
    slow.send("FCALL", "forever", 0, "argument")
    end = time.monotonic() + 10
    while other("PING") == "PONG":
        assert time.monotonic() < end
    assert other("GET", "k") == BUSY_FUNCTION
    assert other("SCRIPT", "KILL") == BUSY_FUNCTION
    stats = other("FUNCTION", "STATS")
    assert stats[1][:4] == [b"name", b"forever", b"command", [b"FCALL", b"forever", b"0", b"argument"]]
    text = ends_after_kill(slow, other, "FUNCTION")
    assert text.startswith("ERR Script killed by user with SCRIPT KILL... script: forever, on @user_function:2.")


def test_functions_dump_and_restore(clients: tuple[RespClient, RespClient]) -> None:
    slow, _ = clients
    slow.ok("FUNCTION", "LOAD", LIBRARY)
    payload = slow("FUNCTION", "DUMP")
    assert slow("FUNCTION", "RESTORE", payload).text == "ERR Library 'slow' already exists"
    assert slow("FUNCTION", "RESTORE", payload, "REPLACE") == "OK"
    slow.ok("FUNCTION", "LOAD", "#!lua name=other\nredis.register_function('f', function() return 1 end)")
    assert slow("FUNCTION", "RESTORE", payload, "FLUSH") == "OK"
    assert slow("FCALL", "f", 0).text == "ERR Function not found"
    assert slow("FUNCTION", "LIST")[0][1] == b"slow"


def test_functions_are_saved(start_server: Callable[..., Server]) -> None:
    server = start_server()
    with server.client() as client:
        client.ok("FUNCTION", "LOAD", "#!lua name=kept\nredis.register_function('f', function(k) return k[1] end)")
        client.ok("SAVE")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("FCALL", "f", 1, "key") == b"key"
        assert client("FUNCTION", "STATS")[3][1] == [b"libraries_count", 1, b"functions_count", 1]
