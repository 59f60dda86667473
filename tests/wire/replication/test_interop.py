"""Real redis-servers beside ours: as our replica, as our primary, at the end of a chain; the same keys everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.server import Server
from tests.wire.replication.support import (
    counter,
    dump,
    follow,
    info,
    run,
    wait_caught_up,
    wait_for,
    workload,
)

Start = Callable[..., Server]
QUICK = ("--repl-diskless-sync-delay", 0)


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_redis_follows_us(start_server: Start, start_redis: Start, diskless: str) -> None:
    """A random workload before, during and after the synchronization ends in the same keys on a real replica."""
    primary = start_server(*QUICK, "--repl-diskless-sync", diskless)
    replica = start_redis()
    commands = workload(1)
    with primary.client() as ours, replica.client() as theirs:
        run(ours, commands, 500)
        theirs.ok("REPLICAOF", "127.0.0.1", primary.port)
        for _ in range(20):
            run(ours, commands, 100)
            time.sleep(0.02)
        wait_caught_up(ours, theirs)
        run(ours, commands, 1500)
        ours("FLUSHDB")
        assert run(ours, commands, 500) > 200
        wait_caught_up(ours, theirs)
        assert ours.ok("WAIT", 1, 5000) == 1
        time.sleep(0.2)
        wait_caught_up(ours, theirs)
        assert dump(ours) == dump(theirs)
        assert counter(ours, "sync_full") == 1
        [line] = [value for value in [info(ours, "slave0")] if value]
        assert f"port={replica.port},state=online" in line


def test_we_follow_redis(start_server: Start, start_redis: Start) -> None:
    """The same the other way round."""
    primary = start_redis(*QUICK)
    replica = start_server()
    commands = workload(2)
    with primary.client() as theirs, replica.client() as ours:
        run(theirs, commands, 500)
        ours.ok("REPLICAOF", "127.0.0.1", primary.port)
        for _ in range(20):
            run(theirs, commands, 100)
            time.sleep(0.02)
        wait_caught_up(theirs, ours)
        run(theirs, commands, 2000)
        assert theirs.ok("WAIT", 1, 5000) == 1
        time.sleep(0.2)
        wait_caught_up(theirs, ours)
        assert dump(ours) == dump(theirs)


def test_we_follow_redis_by_file(start_server: Start, start_redis: Start) -> None:
    """A primary that sends the length first; our own load from memory and by swapping."""
    primary = start_redis("--repl-diskless-sync", "no")
    with primary.client() as theirs:
        run(theirs, workload(3), 800)
        for mode in ("disabled", "on-empty-db", "swapdb"):
            replica = start_server("--repl-diskless-load", mode)
            with replica.client() as ours:
                ours.ok("SET", "old", 1)
                ours.ok("REPLICAOF", "127.0.0.1", primary.port)
                wait_caught_up(theirs, ours)
                time.sleep(0.1)
                assert dump(ours) == dump(theirs)
            replica.stop()


def test_a_real_replica_behind_ours_behind_a_real_primary(start_server: Start, start_redis: Start) -> None:
    """What a replica of ours relays is what its primary sent."""
    first, middle, last = start_redis(*QUICK), start_server(*QUICK), start_redis()
    commands = workload(4)
    with first.client() as a, middle.client() as b, last.client() as c:
        follow(b, first)
        follow(c, middle)
        run(a, commands, 3000)
        time.sleep(0.2)
        wait_caught_up(a, b, c)
        assert info(a, "master_replid") == info(c, "master_replid")
        assert dump(a) == dump(b) == dump(c)


def test_redis_goes_on_where_it_was(start_server: Start, start_redis: Start) -> None:
    """After a cut of the connection a real replica gets the rest only."""
    primary, replica = start_server(*QUICK), start_redis()
    with primary.client() as ours, replica.client() as theirs:
        follow(theirs, primary)
        run(ours, workload(5), 300)
        ours.ok("CLIENT", "KILL", "TYPE", "replica")
        run(ours, workload(6), 300)
        wait_for(lambda: counter(ours, "sync_partial_ok") == 1)
        wait_caught_up(ours, theirs)
        time.sleep(0.1)
        wait_caught_up(ours, theirs)
        assert counter(ours, "sync_full") == 1
        assert dump(ours) == dump(theirs)


def test_a_real_replica_is_promoted_and_we_follow_it(start_server: Start, start_redis: Start) -> None:
    """Roles change without a full synchronization: the second id tells where the streams part."""
    ours, theirs = start_server(*QUICK), start_redis()
    with ours.client() as a, theirs.client() as b:
        follow(b, ours)
        run(a, workload(7), 300)
        wait_caught_up(a, b)
        b.ok("REPLICAOF", "NO", "ONE")
        a.ok("REPLICAOF", "127.0.0.1", theirs.port)
        wait_caught_up(b, a)
        assert counter(b, "sync_partial_ok") == 1
        run(b, workload(8), 300)
        time.sleep(0.1)
        wait_caught_up(b, a)
        assert dump(a) == dump(b)
        a.ok("REPLICAOF", "NO", "ONE")
        b.ok("REPLICAOF", "127.0.0.1", ours.port)
        wait_caught_up(a, b)
        assert counter(a, "sync_full") == 1
