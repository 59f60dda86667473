"""Ours with ours: AI keys, chains, roles, refusals, expiry, cut links, restarts."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.resp import Closed, ErrorReply, RespClient
from tests.support.server import MODULE_PATH, Server, free_port
from tests.wire.replication.support import (
    counter,
    dump,
    follow,
    info,
    run,
    wait_caught_up,
    wait_for,
    wait_up,
    workload,
)

Start = Callable[..., Server]
QUICK = ("--repl-diskless-sync-delay", 0)


def test_a_chain_of_three_has_the_same_keys(start_server: Start) -> None:
    """Each has the first one's stream under the first one's id; the middle one waits for nobody."""
    one, two = start_server(*QUICK), start_server(*QUICK)
    three = start_server("--replicaof", "127.0.0.1", two.port)
    with one.client() as a, two.client() as b, three.client() as c:
        run(a, workload(11), 500)
        follow(b, one)
        wait_up(c)
        run(a, workload(12), 2000)
        time.sleep(0.2)
        wait_caught_up(a, b, c)
        assert dump(a) == dump(b) == dump(c)
        assert info(a, "master_replid") == info(b, "master_replid") == info(c, "master_replid")
        assert a("ROLE")[0] == b"master"
        assert a("ROLE")[2][0][1] == b"%d" % two.port
        assert c("ROLE")[:4] == [b"slave", b"127.0.0.1", two.port, b"connected"]


def test_ai_keys_follow(start_server: Start, models: Path) -> None:
    """Tensors, models and scripts in the snapshot and in the stream; runs come as their results; the RO DAG runs."""
    primary = start_server("--loadmodule", MODULE_PATH, *QUICK)
    replica = start_server("--loadmodule", MODULE_PATH)
    blob = next(iter(sorted(models.glob("mul_*.onnx")))).read_bytes()
    with primary.client() as a, replica.client() as b:
        store: tuple[Any, ...] = ("ONNX", "CPU", "BLOB", blob)
        a.ok("AI.MODELSTORE", "before", *store)
        a.ok("AI.TENSORSET", "t", "FLOAT", 3, 2, "VALUES", 1, 2, 3, 4, 5, 6)
        follow(b, primary)
        a.ok("AI.MODELSTORE", "after", *store)
        a.ok("SET", "behind", "the model")
        a.ok("AI.SCRIPTSTORE", "script", "CPU", "ENTRY_POINTS", 1, "f", "SOURCE", _SCRIPT)
        a.ok("AI.SCRIPTEXECUTE", "script", "f", "INPUTS", 1, "t", "OUTPUTS", 1, "out")
        assert a.ok("WAIT", 1, 10_000) == 1
        wait_caught_up(a, b)
        assert b("GET", "behind") == b"the model"
        assert b("AI.TENSORGET", "out", "BLOB") == a("AI.TENSORGET", "out", "BLOB")
        assert dump(a) == dump(b)
        assert "READONLY" in b("AI.TENSORSET", "x", "FLOAT", 1, "VALUES", 1).text
        steps = ("|>", "AI.MODELEXECUTE", "before", "INPUTS", 1, "t", "OUTPUTS", 1, "o", "|>", "AI.TENSORGET", "o")
        ran = b("AI.DAGEXECUTE_RO", "LOAD", 1, "t", *steps, "VALUES")
        assert not isinstance(ran, ErrorReply), ran
        assert not isinstance(ran[1], ErrorReply), ran


_SCRIPT = "def f(tensors: List[Tensor], keys: List[str], args: List[str]):\n    return tensors[0] + tensors[0]\n"


def test_what_a_replica_refuses(start_server: Start) -> None:
    """Writes, also in MULTI and in scripts; everything stale where that is not wanted."""
    primary, replica = start_server(*QUICK), start_server("--replica-serve-stale-data", "no")
    refused = "READONLY You can't write against a read only replica."
    with primary.client() as a, replica.client() as b:
        a.ok("SET", "k", 1)
        follow(b, primary)
        assert b("GET", "k") == b"1"
        assert b("SET", "k", 2) == refused
        assert b("EVAL", "return redis.call('get', 'k')", 0) == b"1"
        assert "READONLY" in b("EVAL", "return redis.call('set', 'k', 2)", 0)
        assert b("MULTI") == "OK"
        assert b("SET", "k", 2) == refused
        assert "EXECABORT" in b("EXEC")
        assert "cannot be used with replica" in b("WAIT", 0, 0)
        b.ok("CONFIG", "SET", "replica-read-only", "no")
        b.ok("SET", "mine", 1)
        assert a("EXISTS", "mine") == 0
        primary.kill()
        wait_for(lambda: info(b, "master_link_status") == "down")
        assert "MASTERDOWN" in b("GET", "k")
        assert b("PING") == "PONG" or "MASTERDOWN" in b("PING")
        b.ok("CONFIG", "SET", "replica-serve-stale-data", "yes")
        assert b("GET", "k") == b"1"


def test_expiry_is_the_primarys_word(start_server: Start) -> None:
    """A replica shows no key whose time has come, and keeps it until the primary deletes it."""
    primary, replica = start_server(*QUICK, "--enable-debug-command", "yes"), start_server()
    with primary.client() as a, replica.client() as b:
        follow(b, primary)
        a.ok("DEBUG", "SET-ACTIVE-EXPIRE", 0)
        a.ok("SET", "k", "v", "PX", 200)
        a.ok("SET", "n", 5, "PX", 200)
        wait_caught_up(a, b)
        time.sleep(0.3)
        assert [b("GET", "k"), b("EXISTS", "k"), b("TTL", "k"), b("TYPE", "k")] == [None, 0, -2, "none"]
        assert b("DBSIZE") == 2
        assert a("GET", "k") is None
        assert a("INCR", "n") == 1
        wait_caught_up(a, b)
        assert b("DBSIZE") == 1
        assert (b("GET", "n"), b("TTL", "n")) == (b"1", -1)


def test_promotion_keeps_data_and_the_second_id(start_server: Start) -> None:
    """A third server that followed the old primary goes on with the new one."""
    one, two, three = start_server(*QUICK), start_server(*QUICK), start_server(*QUICK)
    with one.client() as a, two.client() as b, three.client() as c:
        follow(b, one)
        follow(c, one)
        run(a, workload(13), 500)
        wait_caught_up(a, b, c)
        old = info(a, "master_replid")
        one.kill()
        b.ok("REPLICAOF", "NO", "ONE")
        assert info(b, "role") == "master"
        assert info(b, "master_replid2") == old
        c.ok("REPLICAOF", "127.0.0.1", two.port)
        wait_up(c)
        assert counter(b, "sync_partial_ok") == 1
        assert counter(b, "sync_full") == 0
        run(b, workload(14), 500)
        time.sleep(0.1)
        wait_caught_up(b, c)
        assert dump(b) == dump(c)


def test_wait_and_min_replicas(start_server: Start) -> None:
    """WAIT counts who has it; a primary without enough replicas refuses writes."""
    primary, replica = start_server(*QUICK), start_server()
    with primary.client() as a, replica.client() as b:
        assert a("WAIT", 0, 100) == 0
        a.ok("CONFIG", "SET", "min-replicas-to-write", 1)
        assert a("SET", "k", 1) == "NOREPLICAS Not enough good replicas to write."
        assert "NOREPLICAS" in a("EVAL", "return redis.call('set', 'k', 2)", 0)
        follow(b, primary)
        wait_for(lambda: info(a, "min_slaves_good_slaves") == "1")
        a.ok("SET", "k", 1)
        assert a("WAIT", 1, 5000) == 1
        start = time.monotonic()
        a.ok("SET", "k", 2)
        assert a("WAIT", 2, 300) == 1
        assert time.monotonic() - start >= 0.29


def test_a_password_is_asked_for_and_given(start_server: Start) -> None:
    """masterauth; with a wrong one the link stays down."""
    primary = start_server(*QUICK, "--requirepass", "secret", password="secret")
    replica = start_server("--replicaof", "127.0.0.1", primary.port, "--masterauth", "wrong")
    with replica.client() as b:
        time.sleep(1.5)
        assert info(b, "master_link_status") == "down"
        b.ok("CONFIG", "SET", "masterauth", "secret")
        wait_up(b)


def test_published_messages_and_blocked_clients(start_server: Start) -> None:
    """PUBLISH reaches the subscribers of a replica; who waits for a key is sent away when the role changes."""
    primary, replica = start_server(*QUICK), start_server()
    with primary.client() as a, replica.client() as b, replica.client() as listener, replica.client() as waiter:
        waiter.send("BLPOP", "list", 0)
        time.sleep(0.1)
        follow(b, primary)
        assert "UNBLOCKED" in waiter.read()
        listener.ok("SUBSCRIBE", "news")
        a.ok("PUBLISH", "news", "hello")
        assert listener.read() == [b"message", b"news", b"hello"]


def _shut(*ends: socket.socket) -> None:
    for end in ends:
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()


class Proxy:
    """A TCP relay that can be cut after a number of bytes from the primary."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.limit: int | None = None
        self.passed = 0
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self._pairs: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._pairs += [client, server]
            self.passed = 0
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(1 << 14):
                if counted:
                    self.passed += len(data)
                    if self.limit is not None and self.passed > self.limit:
                        break
                target.sendall(data)
        except OSError:
            pass
        _shut(source, target)

    def cut(self) -> None:
        """Close all connections."""
        pairs, self._pairs = self._pairs, []
        _shut(*pairs)

    def close(self) -> None:
        """Stop."""
        _shut(self._socket)
        self._thread.join()
        self.cut()


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_transfer_cut_in_the_middle_begins_again(start_server: Start, diskless: str) -> None:
    """The replica serves what it had, and gets everything at the next try."""
    primary, replica = start_server(*QUICK, "--repl-diskless-sync", diskless), start_server()
    proxy = Proxy(primary.port)
    with primary.client() as a, replica.client() as b:
        for start in range(0, 2000, 100):
            a.pipeline(*(("SET", f"key{i}", os.urandom(300)) for i in range(start, start + 100)))
        b.ok("SET", "old", 1)
        proxy.limit = 200_000
        b.ok("REPLICAOF", "127.0.0.1", proxy.port)
        wait_for(lambda: counter(a, "sync_full") >= 2)
        assert b("GET", "old") == b"1"
        assert info(b, "master_link_status") == "down"
        proxy.limit = None
        wait_caught_up(a, b)
        assert b("DBSIZE") == 2000
        assert b("GET", "key7") == a("GET", "key7")
    proxy.close()


def test_links_cut_under_load_lose_nothing(start_server: Start) -> None:
    """Cuts at random moments, within transactions too: partial synchronizations, the same keys."""
    primary, replica = start_server(*QUICK), start_server()
    proxy = Proxy(primary.port)
    commands = workload(15)
    with primary.client() as a, replica.client() as b:
        b.ok("REPLICAOF", "127.0.0.1", proxy.port)
        wait_up(b)
        for round in range(4):
            proxy.limit = proxy.passed + 3000
            run(a, commands, 400)
            proxy.limit = None
            proxy.cut()
            run(a, commands, 100)
            wait_for(lambda round=round: counter(a, "sync_partial_ok") > round)  # type: ignore[misc]
            wait_up(b)
        time.sleep(0.1)
        wait_caught_up(a, b)
        assert counter(a, "sync_full") == 1
        assert counter(a, "sync_partial_ok") >= 4
        assert dump(a) == dump(b)
    proxy.close()


def test_a_primary_restarted_with_its_file_goes_on(start_server: Start) -> None:
    """SHUTDOWN SAVE keeps id and offset in the file: the replica needs no full synchronization."""
    primary, replica = start_server(*QUICK), start_server()
    with replica.client() as b:
        with primary.client() as a:
            follow(b, primary)
            run(a, workload(16), 500)
            wait_caught_up(a, b)
            a.send("SHUTDOWN", "SAVE")
        primary.wait()
        primary.start()
        with primary.client() as a:
            wait_up(b)
            assert counter(a, "sync_full") == 0
            assert counter(a, "sync_partial_ok") == 1
            run(a, workload(17), 200)
            time.sleep(0.1)
            wait_caught_up(a, b)
            assert dump(a) == dump(b)


def test_a_replica_restarted_with_its_file_goes_on(start_server: Start) -> None:
    """The same for a replica."""
    primary = start_server(*QUICK)
    replica = start_server("--replicaof", "127.0.0.1", primary.port)
    with primary.client() as a:
        with replica.client() as b:
            wait_up(b)
            run(a, workload(18), 500)
            wait_caught_up(a, b)
            b.send("SHUTDOWN", "SAVE")
        replica.wait()
        run(a, workload(19), 200)
        replica.start()
        with replica.client() as b:
            time.sleep(0.1)
            wait_caught_up(a, b)
            assert counter(a, "sync_full") == 1
            assert dump(a) == dump(b)


def test_killed_under_load(start_server: Start) -> None:
    """kill -9 of the replica, then of the primary, under load: both come back to the same keys."""
    primary = start_server(*QUICK, "--appendonly", "yes", "--appendfsync", "always")
    replica = start_server("--replicaof", "127.0.0.1", primary.port, "--appendonly", "yes")
    acknowledged = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal acknowledged
        with primary.client() as client:
            while not stop.is_set():
                try:
                    client.ok("SET", f"w{acknowledged}", acknowledged)
                except (Closed, OSError):
                    return
                acknowledged += 1

    thread = threading.Thread(target=write)
    with replica.client() as b:
        wait_up(b)
    thread.start()
    time.sleep(0.3)
    replica.kill()
    time.sleep(0.2)
    replica.start()
    with replica.client() as b:
        wait_up(b)
    time.sleep(0.2)
    primary.kill()
    stop.set()
    thread.join()
    primary.start()
    with primary.client() as a, replica.client() as b:
        wait_caught_up(a, b)
        assert a("EXISTS", *(f"w{i}" for i in range(acknowledged))) == acknowledged
        assert dump(a) == dump(b)


def test_a_replica_that_does_not_read_costs_no_more_than_its_limit(start_server: Start) -> None:
    """It is disconnected when what waits for it is more than client-output-buffer-limit replica."""
    primary = start_server(*QUICK, "--client-output-buffer-limit", "replica 2mb 0 0", "--repl-backlog-size", "1mb")
    with primary.client() as a, RespClient(primary.port) as deaf:
        deaf.ok("REPLCONF", "listening-port", 1234, "capa", "eof", "capa", "psync2")
        deaf.send("PSYNC", "?", -1)
        wait_for(lambda: info(a, "connected_slaves") == "1")
        assert "flags=S" in bytes(a("CLIENT", "LIST", "TYPE", "replica")).decode()
        for i in range(200):
            a.ok("SET", f"k{i % 3}", b"x" * 100_000)
        wait_for(lambda: info(a, "connected_slaves") == "0")


def test_failover_changes_places(start_server: Start) -> None:
    """No write is lost: those that are held meanwhile are refused. Nobody needs a full synchronization."""
    primary, replica = start_server(*QUICK), start_server(*QUICK)
    with primary.client() as a, replica.client() as b, primary.client() as writer:
        assert a("FAILOVER") == "ERR FAILOVER requires connected replicas."
        assert a("FAILOVER", "ABORT") == "ERR No failover in progress."
        follow(b, primary)
        assert "not a replica" in a("FAILOVER", "TO", "127.0.0.1", 1)
        assert "is a replica" in b("FAILOVER")
        run(a, workload(20), 300)
        a.ok("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 20_000)
        writer.send("SET", "late", 1)
        wait_for(lambda: info(b, "role") == "master")
        wait_up(a)
        assert info(a, "master_failover_state") == "no-failover"
        late = writer.read()
        assert late == "OK" or "READONLY" in late
        assert counter(b, "sync_full") == 0
        time.sleep(0.1)
        wait_caught_up(b, a)
        assert dump(a) == dump(b)
        assert (b("GET", "late") == b"1") == (late == "OK")


def test_a_failover_in_vain_is_given_up(start_server: Start) -> None:
    """A replica that does not catch up in time: writes go on here."""
    primary = start_server(*QUICK)
    with primary.client() as a, RespClient(primary.port) as deaf:
        deaf.ok("REPLCONF", "listening-port", 1234, "capa", "eof", "capa", "psync2")
        deaf.send("PSYNC", "?", -1)
        wait_for(lambda: "state=send_bulk" in info(a, "slave0"))

        def is_online() -> bool:
            deaf.send("REPLCONF", "ACK", 0)
            return "state=online" in info(a, "slave0")

        wait_for(is_online)
        a.ok("SET", "k", 1)
        a.ok("FAILOVER", "TIMEOUT", 300)
        assert info(a, "master_failover_state") == "waiting-for-sync"
        wait_for(lambda: info(a, "master_failover_state") == "no-failover")
        a.ok("SET", "k", 2)
        assert info(a, "role") == "master"


def test_the_configuration_names_the_primary(start_server: Start, tmp_path: Path) -> None:
    """CONFIG REWRITE writes replicaof, and takes it away again."""
    primary = start_server(*QUICK)
    file = tmp_path / "redis.conf"
    file.write_text("# mine\n")
    replica = start_server(str(file))
    with replica.client() as b:
        follow(b, primary)
        b.ok("CONFIG", "REWRITE")
        assert f"replicaof 127.0.0.1 {primary.port}" in file.read_text()
        assert b("CONFIG", "GET", "replicaof") == [b"replicaof", b"127.0.0.1 %d" % primary.port]
        b.ok("REPLICAOF", "NO", "ONE")
        b.ok("CONFIG", "REWRITE")
        assert "replicaof" not in file.read_text()
