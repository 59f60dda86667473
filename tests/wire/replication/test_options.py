"""Options of replication: what a replica does that cannot write to its disk, and from where it connects."""

from __future__ import annotations

import resource
from collections.abc import Callable

import pytest

from tests.support.server import Server
from tests.wire.replication.support import counter, follow, info, wait_caught_up, wait_for

Start = Callable[..., Server]
QUICK = ("--repl-diskless-sync-delay", 0)


def limit_files(server: Server, size: int) -> None:
    """No file of the server may grow beyond so many bytes: as a full disk, as far as it can see."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.parametrize("ignore", ["no", "yes"])
def test_a_replica_whose_disk_is_full(start_server: Start, ignore: str) -> None:
    """It applies nothing that it cannot keep, serves reads, and goes on by itself; or it ignores that."""
    primary = start_server(*QUICK)
    replica = start_server("--appendonly", "yes", "--replica-ignore-disk-write-errors", ignore)
    with primary.client() as ours, replica.client() as theirs:
        follow(theirs, primary)
        wait_for(lambda: b"aof_rewrite_in_progress:0" in theirs("INFO", "persistence"))
        ours.ok("SET", "a", b"x" * 100_000)  # so that the limit leaves room for the server's own messages
        wait_caught_up(ours, theirs)
        limit_files(replica, 100_200)
        ours.ok("SET", "b", b"x" * 1000)  # the write fails only after it has been applied
        wait_for(lambda: b"aof_last_write_status:err" in theirs("INFO", "persistence"))
        ours.pipeline(("MULTI",), ("SET", "c", 1), ("AI.TENSORSET", "t", "INT8", 1), ("EXEC",))
        if ignore == "yes":
            wait_caught_up(ours, theirs)
            assert theirs("EXISTS", "a", "b", "c", "t") == 4
            assert "Replica is applying a command even though it is unable to write to disk." in replica.log
        else:
            wait_for(lambda: "Replica was unable to write command to disk." in replica.log)
            assert theirs("EXISTS", "a", "b") == 2
            assert theirs("EXISTS", "c", "t") == 0
        limit_files(replica, resource.RLIM_INFINITY)
        wait_caught_up(ours, theirs)
        wait_for(lambda: b"aof_last_write_status:ok" in theirs("INFO", "persistence"))
        ours.ok("SET", "d", 1)
        wait_caught_up(ours, theirs)
        assert counter(ours, "sync_full") == 1
    replica.kill()
    replica.args += ["--replicaof", "no", "one"]
    replica.start()
    with replica.client() as theirs:
        assert theirs("EXISTS", "a", "b", "c", "t", "d") == 5


def test_the_address_of_the_link(start_server: Start) -> None:
    primary = start_server(*QUICK, "--bind", "127.0.0.1", "--protected-mode", "no")
    replica = start_server("--bind-source-addr", "127.0.0.9")
    with primary.client() as ours, replica.client() as theirs:
        follow(theirs, primary)
        assert "ip=127.0.0.9," in info(ours, "slave0")
        assert b"laddr=127.0.0.9:" in theirs("CLIENT", "LIST", "TYPE", "master")
        theirs.ok("CONFIG", "SET", "bind-source-addr", "192.0.2.1")  # not ours
        ours.ok("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: "Error condition on socket for SYNC" in replica.log)
        theirs.ok("CONFIG", "SET", "bind-source-addr", "")
        wait_caught_up(ours, theirs)
        assert "ip=127.0.0.1," in info(ours, "slave0")
