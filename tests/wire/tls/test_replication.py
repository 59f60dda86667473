"""tls-replication and tls-cluster: replicas, also redis-server's on either side, and MIGRATE, over TLS."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.support.certificates import Certificates
from tests.support.resp import Closed, RespClient
from tests.support.server import Server, free_port
from tests.wire.replication.support import dump, info, run, wait_caught_up, wait_for, wait_up, workload

Start = Callable[..., Server]
KEYS, SIZE = 30, 500_000
PAIRS = [("ours", "ours"), ("redis", "ours"), ("ours", "redis")]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_replica(request: pytest.FixtureRequest, certificates: Certificates, first: str, second: str) -> None:
    """Fifteen megabytes, a random workload, a link that is cut, and the port that the primary is told."""
    start = {name: request.getfixturevalue(f"start_{'server' if name == 'ours' else name}") for name in (first, second)}
    ports = free_port(), free_port()
    common = certificates.options(tls_replication="yes", repl_diskless_sync_delay=0)
    primary = start[first](*common, "--tls-port", ports[0])
    replica = start[second](*common, "--tls-port", ports[1])
    commands = workload(7)
    with primary.client() as up, replica.client() as down:
        for number in range(KEYS):
            up.ok("SET", f"big{number}", os.urandom(SIZE))
        run(up, commands, 300)
        down.ok("REPLICAOF", "127.0.0.1", ports[0])
        run(up, commands, 500)
        wait_caught_up(up, down)
        assert f"port={ports[1]},state=online" in info(up, "slave0")
        up("CLIENT", "KILL", "TYPE", "replica")
        run(up, commands, 300)
        wait_caught_up(up, down)
        assert dump(up) == dump(down)
        assert b"sync_full:1\r" in up("INFO", "stats")
        assert b"sync_partial_ok:1\r" in up("INFO", "stats")
        down("CLIENT", "KILL", "TYPE", "master")
        run(up, commands, 100)
        wait_caught_up(up, down)
        assert down("CONFIG", "SET", "tls-replication", "no") == "OK"
        down("REPLICAOF", "127.0.0.1", primary.port)
        wait_up(down)


def test_primary_that_is_not_trusted(start_server: Start, certificates: Certificates) -> None:
    """The replica says why, and tries again: with the right authority it follows."""
    port = free_port()
    primary = start_server(*certificates.options(tls_port=port, repl_diskless_sync_delay=0))
    strange = certificates.options(tls_replication="yes", tls_ca_cert_file=certificates / "stranger-ca.crt")
    replica = start_server(*strange, "--replicaof", "127.0.0.1", port)
    with replica.client() as down:
        wait_for(lambda: "Error condition on socket for SYNC" in replica.log)
        assert "certificate verify failed" in replica.log.lower().replace("_", " ")
        assert down("CONFIG", "SET", "tls-ca-cert-file", certificates / "ca.crt") == "OK"
        wait_up(down)
        assert primary.alive()


def test_migrate(start_server: Start, start_redis: Start, certificates: Certificates) -> None:
    """With tls-cluster keys travel by TLS, to redis-server too; a port without TLS is no target, in Redis' words."""
    options = certificates.options(tls_cluster="yes")
    source, port = start_server(*options), free_port()
    target = start_redis(*certificates.options(tls_port=port))
    value = os.urandom(2_000_000)
    with source.client() as ours, target.client() as theirs:
        ours("SET", "k", value)
        assert ours("MIGRATE", "127.0.0.1", port, "k", 0, 5000) == "OK"
        assert theirs("GET", "k") == value
        assert ours("EXISTS", "k") == 0
        ours("SET", "k", value)
        for wrong in (target.port, free_port()):
            reply = ours("MIGRATE", "127.0.0.1", wrong, "k", 0, 5000, "REPLACE")
            assert reply == "IOERR error or timeout connecting to the client"
        assert ours("EXISTS", "k") == 1


def test_only_certified_replicas(start_server: Start, certificates: Certificates) -> None:
    """Where a primary asks for certificates, one without the right one hears nothing of its keys."""
    port = free_port()
    start_server(*certificates.options(tls_port=port))
    with pytest.raises((OSError, Closed)), RespClient(port, tls=certificates.context(None)) as client:
        client("PSYNC", "?", -1)
