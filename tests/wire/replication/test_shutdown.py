"""SHUTDOWN and SIGTERM wait for replicas that lack something; replies and waits are those of redis-server 7.0."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.resp import Closed, RespClient
from tests.support.server import Server
from tests.wire.replication.support import follow, info, wait_caught_up, wait_for

Start = Callable[..., Server]
FAILED = "ERR Errors trying to SHUTDOWN. Check logs."


@pytest.fixture
def primary(start_server: Start) -> Server:
    return start_server("--shutdown-timeout", 60, "--repl-diskless-sync-delay", 0)


@pytest.fixture
def silent(primary: Server) -> Iterator[RespClient]:
    """A replica that has the snapshot and acknowledges nothing; a key has been written since."""
    with RespClient(primary.port) as replica, primary.client() as client:
        replica.send("PSYNC", "?", "-1")
        wait_for(lambda: "state=online" in info(client, "slave0"))
        client.ok("SET", "a", 1)
        yield replica


def waits(client: RespClient) -> bool:
    """Whether the server waits for its replicas."""
    return b"shutdown_in_milliseconds:" in client("INFO", "server")


@pytest.mark.parametrize("how", ["SHUTDOWN", "SIGTERM"])
def test_writes_are_held_until_the_replica_has_everything(primary: Server, silent: RespClient, how: str) -> None:
    with primary.client() as asker, primary.client() as writer, primary.client() as reader:
        if how == "SIGTERM":
            assert primary.process is not None
            primary.process.send_signal(signal.SIGTERM)
        else:
            asker.send("SHUTDOWN", "NOSAVE")
        wait_for(lambda: waits(reader))
        writer.send("SET", "b", 2)
        reader.ok("CLIENT", "UNPAUSE")  # ends the pauses of clients only
        assert writer.quiet()
        assert reader("GET", "a") == b"1"
        offset = int(info(reader, "master_repl_offset"))
        silent.send("REPLCONF", "ACK", offset)
        assert primary.wait() == 0
        for client in (asker, writer):
            with pytest.raises(Closed):
                client.read()
    assert "1 of 1 replicas are in sync when shutting down." in primary.log


def test_abort(primary: Server, silent: RespClient) -> None:
    with primary.client() as asker, primary.client() as second, primary.client() as writer, primary.client() as other:
        assert other("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."
        asker.send("SHUTDOWN")
        wait_for(lambda: waits(other))
        second.send("SHUTDOWN", "NOSAVE")
        writer.send("INCR", "a")
        assert second.quiet()
        assert writer.quiet()
        assert other("SHUTDOWN", "ABORT") == "OK"
        assert asker.read() == second.read() == FAILED
        assert writer.read() == 2
        assert not waits(other)
        assert other("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."


@pytest.mark.parametrize(
    "steps", ["INT INT", "TERM INT", "INT TERM INT", "INT ABORT INT INT", "TERM ABORT INT INT", "CMD INT INT"]
)
@pytest.mark.parametrize("kind", ["ours", "redis"])
def test_sigint_ends_at_once_when_a_signal_has_come_before(
    start_server: Start, start_redis: Start, steps: str, kind: str
) -> None:
    """ABORT takes that back; what a client asked for does not count."""
    start = start_server if kind == "ours" else start_redis
    primary = start("--shutdown-timeout", 60, "--repl-diskless-sync-delay", 0)
    assert primary.process is not None
    with RespClient(primary.port) as replica, primary.client() as asker, primary.client() as other:
        replica.send("PSYNC", "?", "-1")
        wait_for(lambda: "state=online" in info(other, "slave0"))
        other.ok("SET", "a", 1)
        *before, _ = steps.split()
        for step in before:
            if step == "ABORT":
                assert other("SHUTDOWN", "ABORT") == "OK"
            elif step == "CMD":
                asker.send("SHUTDOWN")
                wait_for(lambda: waits(other))
            else:
                logged = primary.log.count("scheduling shutdown")
                primary.process.send_signal(getattr(signal, f"SIG{step}"))
                wait_for(lambda logged=logged: primary.log.count("scheduling shutdown") > logged and waits(other))
        primary.process.send_signal(signal.SIGINT)
        assert primary.wait() == 1
    assert primary.log.count("You insist... exiting now.") == 1


def test_a_replica_that_leaves_is_waited_for_no_longer(primary: Server, silent: RespClient) -> None:
    with primary.client() as asker, primary.client() as other:
        asker.send("SHUTDOWN", "NOSAVE")
        wait_for(lambda: waits(other))
        silent.close()
        assert primary.wait() == 0


@pytest.mark.parametrize("words", [("NOW",), ("NOSAVE", "NOW"), ()])
def test_who_does_not_want_to_wait(primary: Server, silent: RespClient, words: tuple[str, ...]) -> None:
    """NOW, also after a SHUTDOWN that waits; a timeout of 0."""
    with primary.client() as asker, primary.client() as other:
        if len(words) == 2:
            other.send("SHUTDOWN")
            wait_for(lambda: waits(asker))
        elif not words:
            asker.ok("CONFIG", "SET", "shutdown-timeout", 0)
        asker.send("SHUTDOWN", *words)
        assert primary.wait() == 0
    assert "0 of 1 replicas are in sync when shutting down." in primary.log


def test_the_wait_ends_and_a_save_that_fails_then_is_told(start_server: Start) -> None:
    primary = start_server("--shutdown-timeout", 1, "--dbfilename", "taken.rdb")
    (primary.dir / "taken.rdb").mkdir()
    with primary.client() as asker, primary.client() as writer, RespClient(primary.port) as replica:
        replica.send("PSYNC", "?", "-1")
        wait_for(lambda: "state=online" in info(asker, "slave0"))
        asker.ok("SET", "a", 1)
        asker.send("SHUTDOWN", "SAVE")
        writer.send("INCR", "a")
        assert asker.read() == FAILED
        assert writer.read() == 2
        asker.send("SHUTDOWN", "SAVE", "FORCE")
        assert primary.wait() == 0


def test_nothing_is_lost_when_a_slow_replica_is_waited_for(start_server: Start, primary: Server) -> None:
    """The replica is stopped while much is written; it gets all of it, and no key expires behind the target."""
    replica = start_server()
    with primary.client() as ours, replica.client() as theirs, primary.client() as asker:
        follow(theirs, primary)
        assert replica.process is not None
        replica.process.send_signal(signal.SIGSTOP)
        try:
            ours.pipeline(*[("SET", f"k{i}", b"x" * 10_000) for i in range(3000)])
            ours.ok("SET", "short", 1, "PX", 300)
            asker.send("SHUTDOWN", "NOSAVE")
            wait_for(lambda: waits(ours))
            offset = info(ours, "master_repl_offset")
            time.sleep(0.5)
            assert ours("GET", "short") is None
            assert info(ours, "master_repl_offset") == offset
        finally:
            replica.process.send_signal(signal.SIGCONT)
        assert primary.wait(60) == 0
        assert theirs("DBSIZE") == 3001
        assert int(info(theirs, "slave_repl_offset")) >= int(offset) - 37


def test_a_replica_that_has_everything_is_not_waited_for(start_server: Start, primary: Server) -> None:
    replica = start_server()
    with primary.client() as ours, replica.client() as theirs:
        follow(theirs, primary)
        ours.ok("SET", "a", 1)
        wait_caught_up(ours, theirs)
        wait_for(lambda: f"offset={info(ours, 'master_repl_offset')}," in info(ours, "slave0"))
        ours.send("SHUTDOWN", "NOSAVE")
        assert primary.wait() == 0
    assert "Waiting for replicas" not in primary.log
