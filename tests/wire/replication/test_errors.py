"""A replica that cannot do what its primary did: told and counted, the stream goes on; or the server ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.server import Server
from tests.wire.replication.support import counter, follow, info, wait_caught_up, wait_for

Start = Callable[..., Server]
# APPEND is a command that this replica does not know
UNKNOWN = ("--rename-command", "APPEND", "")


def test_a_failure_is_told_and_counted_and_the_stream_goes_on(start_server: Start, start_redis: Start) -> None:
    primary, replica = start_redis(), start_server(*UNKNOWN)
    last = start_redis()
    with primary.client() as theirs, replica.client() as ours, last.client() as behind:
        follow(ours, primary)
        follow(behind, replica)
        theirs.ok("APPEND", "a", "x")
        theirs("MULTI")
        theirs("SET", "b", 1)
        theirs("APPEND", "b", "y")
        theirs("EXEC")
        theirs.ok("SET", "c", 2)
        wait_caught_up(theirs, ours, behind)
        assert ours("MGET", "a", "b", "c") == [None, b"1", b"2"]
        assert behind("MGET", "a", "b", "c") == [b"x", b"1y", b"2"], "what follows gets the stream as it came"
        assert counter(ours, "unexpected_error_replies") == 2
        assert info(ours, "master_repl_offset") == info(theirs, "master_repl_offset")
    lines = [line for line in replica.log.splitlines() if "== CRITICAL ==" in line]
    assert len(lines) == 2
    assert "'APPEND'" in lines[0]
    assert "unknown command" in lines[0]


def test_a_command_that_fails_on_other_keys(start_server: Start, start_redis: Start) -> None:
    primary, replica = start_redis(), start_server("--replica-read-only", "no")
    with primary.client() as theirs, replica.client() as ours:
        follow(ours, primary)
        ours.ok("SET", "k", "not a list")
        theirs.ok("RPUSH", "k", 1)
        wait_caught_up(theirs, ours)
        assert counter(ours, "unexpected_error_replies") == 1
    assert "== CRITICAL ==" in replica.log
    assert "'RPUSH'" in replica.log


@pytest.mark.parametrize("behaviour", ["panic", "panic-on-replicas"])
def test_panic_ends_a_replica(start_server: Start, start_redis: Start, behaviour: str) -> None:
    primary = start_redis()
    replica = start_server(*UNKNOWN, "--propagation-error-behavior", behaviour)
    with primary.client() as theirs:
        with replica.client() as ours:
            follow(ours, primary)
            theirs.ok("SET", "b", 1)
            theirs.ok("APPEND", "a", "x")
        assert replica.wait() == 1
    assert "'APPEND' of the primary failed" in replica.log


def test_a_writable_replica_does_not_panic(start_server: Start, start_redis: Start) -> None:
    primary = start_redis()
    replica = start_server(*UNKNOWN, "--propagation-error-behavior", "panic", "--replica-read-only", "no")
    with primary.client() as theirs, replica.client() as ours:
        follow(ours, primary)
        theirs.ok("APPEND", "a", "x")
        wait_for(lambda: counter(ours, "unexpected_error_replies") == 1)
        wait_caught_up(theirs, ours)


def log_of(*commands: str) -> bytes:
    words = [command.split() for command in commands]
    return b"".join(
        b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part.encode()) for part in parts)
        for parts in words
    )


@pytest.mark.parametrize(("command", "shown"), [("NOSUCH k v", "NOSUCH"), ("CLIENT NOSUCH", "CLIENT|NOSUCH")])
def test_a_log_with_an_unknown_command_stops_the_start(start_server: Start, command: str, shown: str) -> None:
    server = start_server("--appendonly", "yes")
    server.stop(keep_folder=True)
    [file] = (server.dir / "appendonlydir").glob("*.incr.aof")
    file.write_bytes(log_of("SET a 1", command, "SET b 2"))
    server.start(ready=False)
    assert server.wait() == 1
    assert f"Unknown command '{shown}' reading the append only file {file.name}" in server.log


def test_a_log_with_a_command_that_fails(start_server: Start) -> None:
    """It is loaded all the same, as by Redis; with panic it stops the start."""
    server = start_server("--appendonly", "yes")
    server.stop(keep_folder=True)
    [file] = (server.dir / "appendonlydir").glob("*.incr.aof")
    file.write_bytes(log_of("SELECT 0", "SET a 1", "RPUSH a 1", "SET b 2"))
    server.start()
    with server.client() as client:
        assert client("MGET", "a", "b") == [b"1", b"2"]
        assert counter(client, "unexpected_error_replies") == 1
    assert "== CRITICAL ==" in server.log
    server.stop(keep_folder=True)
    server.args += ["--propagation-error-behavior", "panic"]
    server.start(ready=False)
    assert server.wait() == 1
    assert "'RPUSH' of the append-only log failed" in server.log
