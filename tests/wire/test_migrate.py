"""MIGRATE: between two of ours, to and from a real redis-server, and what happens to keys that change on the way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server

Start = Callable[..., Server]


def test_keys_move_to_redis_and_back(client: RespClient, server: Server, redis_server: Server) -> None:
    client.ok("SET", "s", "text", "PX", 100_000)
    client.ok("RPUSH", "l", 1, 2, 3)
    client.ok("GEOADD", "g", 13.361389, 38.115556, "Palermo")
    client.ok("PFADD", "h", "a", "b")
    before = {key: client("DUMP", key) for key in ("s", "l", "g", "h")}
    request = ("127.0.0.1", redis_server.port, "", 1, 5000, "KEYS")
    assert client("MIGRATE", *request, "s", "nokey", "l", "g", "h") == "OK"
    assert client("DBSIZE") == 0
    with redis_server.client() as theirs:
        theirs.ok("SELECT", 1)
        assert sorted(theirs("KEYS", "*")) == [b"g", b"h", b"l", b"s"]
        assert 0 < theirs("PTTL", "s") <= 100_000
        assert theirs("PFCOUNT", "h") == 2
        for key in before:
            assert theirs("MIGRATE", "127.0.0.1", server.port, key, 0, 5000) == "OK"
        assert theirs("DBSIZE") == 0
    assert client("PFCOUNT", "h") == 2
    assert {key: client("DUMP", key) for key in before if key != "h"} == {
        key: value for key, value in before.items() if key != "h"
    }


ERRORS = """
MIGRATE 127.0.0.1 PORT nokey 0 1000|MIGRATE 127.0.0.1 PORT a 0 1000 KEYS b|MIGRATE 127.0.0.1 PORT a x 1000
MIGRATE 127.0.0.1 PORT a 0 x|MIGRATE 127.0.0.1 PORT a 0 1000 AUTH|MIGRATE 127.0.0.1 PORT a 0 1000 AUTH2 u
MIGRATE 127.0.0.1 PORT a 0 1000 AUTH wrong|MIGRATE 127.0.0.1 PORT a 0 1000 COPY AUTH2 u wrong
MIGRATE 127.0.0.1 PORT a 99 1000|MIGRATE 127.0.0.1 PORT a 0 1000 foo|MIGRATE 127.0.0.1 PORT a 0 1000|EXISTS a
MIGRATE 127.0.0.1 1 a 0 1000|MIGRATE 127.0.0.1 port a 0 1000|MIGRATE nohost.invalid 1 a 0 1000|EXISTS a b
MIGRATE 127.0.0.1 PORT a 0 1000 COPY REPLACE|EXISTS a|MIGRATE 127.0.0.1 PORT a 0 1000 REPLACE|EXISTS a
MULTI|SET b 2|MIGRATE 127.0.0.1 PORT b 0 1000 REPLACE|EXISTS b|EXEC
COMMAND GETKEYS migrate h 1 k 0 0|COMMAND GETKEYS migrate h 1 x 0 0 keys a b
"""


def test_replies_equal_those_of_redis(client: RespClient, redis_client: RespClient, start_redis: Start) -> None:
    target = start_redis()
    with target.client() as there:
        answers = []
        for source in (client, redis_client):
            source.ok("SET", "a", 1)
            there.ok("FLUSHALL")
            there.ok("SET", "a", "taken")
            requests = ERRORS.strip().replace("\n", "|").replace("PORT", str(target.port)).split("|")
            answers.append([(request, source.raw(*request.split())) for request in requests])
    assert answers[0] == answers[1]


@contextmanager
def target_that_waits(change: Callable[[], object], answers: int) -> Iterator[tuple[int, list[bytes]]]:
    """A server that calls `change` before it answers the first time; what it was sent each time."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(answers):
                connection, _address = listener.accept()
                with connection:
                    data = b""
                    while b"RESTORE" not in data or not data.endswith(b"\r\n"):
                        data += connection.recv(1 << 16)
                    received.append(data)
                    if len(received) == 1:
                        change()
                    connection.sendall(b"+OK\r\n+OK\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], received
        thread.join(30)
        assert not thread.is_alive()


def test_others_are_served_and_what_they_change_is_sent_again(client: RespClient, server: Server) -> None:
    client.ok("SET", "k", "before")
    with (
        server.client() as other,
        target_that_waits(lambda: other.ok("SET", "k", "behind"), 2) as (port, received),
    ):
        assert client("MIGRATE", "127.0.0.1", port, "k", 0, 20_000) == "OK"
    assert b"before" in received[0]
    assert b"REPLACE" not in received[0]
    assert b"behind" in received[1]
    assert b"REPLACE" in received[1]
    assert client("EXISTS", "k") == 0


def test_a_key_that_was_deleted_on_the_way_is_not_sent_again(client: RespClient, server: Server) -> None:
    client.ok("SET", "k", "v")
    with server.client() as other, target_that_waits(lambda: other.ok("DEL", "k"), 1) as (port, received):
        assert client("MIGRATE", "127.0.0.1", port, "k", 0, 20_000) == "OK"
    assert len(received) == 1


def test_nothing_is_deleted_by_what_has_become_a_replica(start_server: Start) -> None:
    server = start_server()
    with server.client() as client, server.client() as other:
        client.ok("SET", "k", "v")
        with target_that_waits(lambda: other.ok("REPLICAOF", "127.0.0.1", 1), 1) as (port, _):
            assert client("MIGRATE", "127.0.0.1", port, "k", 0, 20_000).text.startswith("READONLY")
        assert client("EXISTS", "k") == 1


def test_a_silent_target_costs_its_client_the_time_and_nobody_else(client: RespClient, server: Server) -> None:
    client.ok("SET", "k", "v")
    with socket.create_server(("127.0.0.1", 0)) as listener, server.client() as other:
        client.send("MIGRATE", "127.0.0.1", listener.getsockname()[1], "k", 0, 400)
        assert other("GET", "k") == b"v"
        assert client.read() == ErrorReply("IOERR error or timeout reading to target instance")
    assert client("EXISTS", "k") == 1


@pytest.mark.parametrize("login", [("AUTH", "secret"), ("AUTH2", "default", "secret")])
def test_a_password_is_given_and_not_shown(client: RespClient, start_server: Start, login: tuple[str, ...]) -> None:
    target = start_server("--requirepass", "secret", password="secret")
    client.ok("SET", "k", "v")
    client.ok("SLOWLOG", "RESET")
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", 0)
    assert client("MIGRATE", "127.0.0.1", target.port, "k", 0, 5000) != "OK"
    assert client("MIGRATE", "127.0.0.1", target.port, "k", 0, 5000, *login) == "OK"
    logged = [entry[3] for entry in client("SLOWLOG", "GET", 10)]
    client.ok("CONFIG", "SET", "slowlog-log-slower-than", 10_000)
    [shown] = [entry for entry in logged if entry[0] == b"MIGRATE" and len(entry) > 6]
    assert b"secret" not in shown
    assert b"(redacted)" in shown


def test_replicas_get_deletions(start_server: Start, redis_server: Server) -> None:
    primary, replica = start_server(), start_server()
    with primary.client() as source, replica.client() as follower:
        follower.ok("REPLICAOF", "127.0.0.1", primary.port)
        source.ok("MSET", "k", 1, "l", 2, "m", 3)
        request = ("127.0.0.1", redis_server.port, "", 2, 5000, "REPLACE", "KEYS")
        assert source("MIGRATE", *request, "k", "l") == "OK"
        source.ok("WAIT", 1, 10_000)
        assert follower("KEYS", "*") == [b"m"]
