"""A node by itself: its files, its ports, its errors beside those of redis-server, and strangers on its bus."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pyredisai.cluster.packets import Decoder, Header, Packet, Ping, Type, encode
from pyredisai.cluster.state import NodeFlag
from tests.support.resp import ErrorReply
from tests.support.server import Server, StartError, free_port
from tests.wire.cluster.conftest import Make
from tests.wire.cluster.support import create, needs_redis_cli, options, text, wait_agreed
from tests.wire.replication.support import wait_for

Start = Callable[..., Server]
pytestmark = pytest.mark.xdist_group("cluster")
UNKNOWN = "0" * 40


def test_a_new_node_has_an_id_which_stays(make_node: Make) -> None:
    node = make_node()
    first = (node.server.dir / "nodes.conf").read_text().split()
    assert first[0] == node.id
    assert first[2] == "myself,master"
    node.client.ok("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_for(node.is_ok, 20, "for the state")
    node.client.ok("SET", "a", "1")
    node.server.stop(keep_folder=True)
    node.restart()
    assert text(node("CLUSTER", "MYID")) == node.id
    assert node.nodes()[node.id][8:] == ["0-16383"]


def fails(start: Start, *args: str | int, folder: Path | None = None) -> str:
    """Start a server that ends at once with exit code 1; what it says."""
    with pytest.raises(StartError) as caught:
        start(*args, folder=folder)
    assert caught.value.code == 1
    return caught.value.output


def test_nodes_conf_is_one_nodes_only(start_server: Start, tmp_path: Path) -> None:
    start_server(*options(), folder=tmp_path)
    assert "is already used by a different Redis Cluster node" in fails(start_server, *options(), folder=tmp_path)


def test_nodes_conf_is_locked_for_redis_server_too(make_node: Make, start_redis: Start, tmp_path: Path) -> None:
    node = make_node(folder=tmp_path)
    node.client.ok("CLUSTER", "ADDSLOTS", 1)  # written anew: another file under the name
    wait_for(lambda: " 1\n" in (tmp_path / "nodes.conf").read_text(), 10, "for nodes.conf")
    assert "is already used by a different Redis Cluster node" in fails(start_redis, *options(), folder=tmp_path)


def test_redis_server_and_pyredisai_read_each_others_nodes_conf(
    make_node: Make, make_redis_node: Make, tmp_path: Path
) -> None:
    for number, (first, second) in enumerate(((make_node, make_redis_node), (make_redis_node, make_node))):
        folder = tmp_path / str(number)
        folder.mkdir()
        node = first(folder=folder)
        node.client.ok("CLUSTER", "ADDSLOTS", 1, 5, 6, 16383)
        before = node.nodes()[node.id]
        node.server.stop()
        again = second(port=node.server.port, cluster_port=node.bus_port, folder=folder)
        assert again.nodes()[node.id] == before
        again.server.stop()


def test_damaged_nodes_conf_is_fatal(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "nodes.conf").write_text("garbage\n")
    assert "Unrecoverable error: corrupted cluster config file nodes.conf" in fails(
        start_server, *options(), folder=tmp_path
    )


def test_bus_port_that_is_taken_or_too_high(start_server: Start) -> None:
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert f"Failed listening on port {port} (cluster), aborting." in fails(
            start_server, *options(cluster_port=port)
        )
    assert "Redis port number too high." in fails(start_server, *options(cluster_port=0), "--port", high_port())


def high_port() -> int:
    """A free port that has no bus port, above those that the kernel gives out."""
    for port in range(61_000 + os.getpid() % 4000, 65_536):
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("0.0.0.0", port))
            return port
    raise AssertionError("no port is free")


ERRORS: list[tuple[str | int, ...]] = [
    ("MEET", "a", 1),
    ("MEET", "127.0.0.1", "x"),
    ("MEET", "127.0.0.1", 99999),
    ("MEET", "127.0.0.1", 60000),
    ("MEET", "127.0.0.1", 700, 70000),
    ("MEET", "127.0.0.1", 700, "x"),
    ("MEET", "127.0.0.1", 700, 1, 2),
    ("MEET", "127.0.0.1"),
    ("FORGET", UNKNOWN),
    ("FORGET", "short"),
    ("REPLICATE", UNKNOWN),
    ("FAILOVER",),
    ("FAILOVER", "FORCE"),
    ("FAILOVER", "x"),
    ("FAILOVER", "FORCE", "x"),
    ("RESET", "x"),
    ("RESET", "HARD", "x"),
]


def test_errors_are_those_of_redis_server(make_node: Make, make_redis_node: Make) -> None:
    ours, theirs = make_node(), make_redis_node()
    for args in ERRORS:
        reply = theirs("CLUSTER", *args)
        assert isinstance(reply, ErrorReply)
        assert ours("CLUSTER", *args) == reply, args
    for word in ("FORGET", "REPLICATE"):
        assert ours("CLUSTER", word, ours.id) == theirs("CLUSTER", word, theirs.id)
    for node in (ours, theirs):
        node.client.ok("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        wait_for(node.is_ok, 20, "for the state")
        node.client.ok("SET", "a", 1)
    assert ours("CLUSTER", "RESET") == theirs("CLUSTER", "RESET")
    for node in (ours, theirs):
        node.client.ok("FLUSHALL")
        node.client.ok("CLUSTER", "RESET", "HARD")
        assert text(node("CLUSTER", "MYID")) != node.id
        assert len(next(iter(node.nodes().values()))) == 8


def stranger(port: int, data: bytes) -> socket.socket:
    """Say something on the bus."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=10)
    sock.sendall(data)
    return sock


def test_strangers_on_the_bus(make_node: Make) -> None:
    node = make_node()
    ping = Packet(Header(Type.PING, "e" * 40, NodeFlag.MASTER, 1, 2), Ping([]))
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"RCmb" + bytes(100), encode(ping)[:-1] + b"x" * 5000):
        with stranger(node.bus_port, data) as sock:
            while sock.recv(4096):  # until it is closed
                pass
    with stranger(node.bus_port, encode(ping)) as sock:
        decoder = Decoder()
        packets: list[Packet] = []
        while not packets:
            packets += decoder.feed(sock.recv(65536))
        assert packets[0].header.type == Type.PONG
        assert packets[0].header.sender == node.id
    assert list(node.nodes()) == [node.id]
    assert node("PING") == "PONG"


@needs_redis_cli
def test_cluster_comes_back_from_its_files(make_node: Make) -> None:
    nodes = [make_node(appendonly="yes") for _ in range(3)]
    create(nodes)
    before = [node.nodes()[node.id][8:] for node in nodes]
    for node in nodes:
        node.client.close()
        node.server.kill()
    for node in nodes:
        node.restart()
    wait_agreed(nodes)
    assert [node.nodes()[node.id][8:] for node in nodes] == before


def test_keys_of_slots_that_others_serve(make_node: Make) -> None:
    """At the start: a slot that nobody serves is taken, one of another node's is to be imported."""
    first = make_node(appendonly="yes")
    first.client.ok("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_for(first.is_ok, 20, "for the state")
    first.client.ok("SET", "foo", 1)  # 12182
    first.client.ok("SET", "bar", 1)  # 5061
    first.server.stop(keep_folder=True)
    other = "f" * 40
    path = first.server.dir / "nodes.conf"
    lines = path.read_text().replace(" 0-16383", "").splitlines()
    lines.insert(1, f"{other} 127.0.0.1:{free_port()}@{free_port()} master - 0 0 9 connected 12182")
    path.write_text("\n".join(lines) + "\n")
    first.restart()
    assert first.nodes()[first.id][8:] == ["5061", f"[12182-<-{other}]"]
    assert first.nodes()[other][8:] == ["12182"]
