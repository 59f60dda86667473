"""Nodes of clusters, pyredisai's and redis-server's, and waiting for them to agree."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.resp import ErrorReply
from tests.support.server import Server, free_port
from tests.wire.replication.support import wait_for

TIMEOUT_MS = 2000
REDIS_CLI = shutil.which("redis-cli")
needs_redis_cli = pytest.mark.skipif(REDIS_CLI is None, reason="redis-cli is not installed")


def options(**more: object) -> list[str | int]:
    """Of a node. The bus has a port below those that the kernel gives out."""
    given: dict[str, object] = {
        "cluster-enabled": "yes",
        "cluster-node-timeout": TIMEOUT_MS,
        "cluster-port": free_port(),
        "repl-diskless-sync-delay": 0,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return [word for name, value in given.items() for word in (f"--{name}", str(value))]


class Node:
    """A server, what it is called in its cluster, and a connection to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bus_port = int(server.args[server.args.index("--cluster-port") + 1])
        self.client = server.client()
        self.id = text(self("CLUSTER", "MYID"))

    def __call__(self, *args: Any) -> Any:
        """Run a command."""
        return self.client(*args)

    def restart(self) -> None:
        """Start it again in its folder."""
        self.client.close()
        self.server.start()
        self.client = self.server.client()

    def nodes(self) -> dict[str, list[str]]:
        """CLUSTER NODES: the words of each line, by id; nothing while it loads what its primary has sent."""
        reply = self("CLUSTER", "NODES")
        if isinstance(reply, ErrorReply) and reply.text.startswith("LOADING"):
            return {}
        return {line.split()[0]: line.split() for line in text(reply).splitlines()}

    def flags(self, other: Node) -> set[str]:
        """What it thinks of another."""
        line = self.nodes().get(other.id)
        return set(line[2].split(",")) - {"myself"} if line else set()

    def is_ok(self) -> bool:
        """Whether it serves."""
        reply = self("CLUSTER", "INFO")
        return not isinstance(reply, ErrorReply) and "cluster_state:ok" in text(reply)

    def is_master(self) -> bool:
        """Whether it is a primary with slots."""
        line = self.nodes().get(self.id, [])
        return len(line) > 8 and "master" in line[2]


def text(reply: Any) -> str:
    """A bulk reply as text."""
    assert not isinstance(reply, ErrorReply), reply
    return bytes(reply).decode()


def view(node: Node) -> dict[str, tuple[str, set[str], str, str, tuple[str, ...]]]:
    """What a node knows of all, less what differs by the one who looks: address, flags, primary, epoch, slots."""
    return {
        id: (words[1], set(words[2].split(",")) - {"myself"}, words[3], words[6], tuple(words[8:]))
        for id, words in node.nodes().items()
    }


def agree(nodes: Iterable[Node]) -> bool:
    """Whether all see the same, and all links are there."""
    nodes = list(nodes)
    views = [view(node) for node in nodes]
    linked = all(words[7] == "connected" for node in nodes for words in node.nodes().values())
    return linked and len(views[0]) >= len(nodes) and all(other == views[0] for other in views)


def wait_agreed(nodes: Iterable[Node]) -> None:
    """Until they do, and serve."""
    nodes = list(nodes)
    wait_for(lambda: agree(nodes), 40, "for the nodes to agree")
    wait_for(lambda: all(node.is_ok() for node in nodes), 40, "for the nodes to serve")


def redis_cli(*args: str | int) -> str:
    """Run redis-cli; what it says."""
    assert REDIS_CLI is not None
    done = subprocess.run([REDIS_CLI, *map(str, args)], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def address(node: Node) -> str:
    """As redis-cli wants it."""
    return f"127.0.0.1:{node.server.port}"


def create(nodes: Iterable[Node]) -> None:
    """Make a cluster of primaries, as SmartSim does."""
    nodes = list(nodes)
    redis_cli("--cluster", "create", *map(address, nodes), "--cluster-replicas", 0, "--cluster-yes")
    wait_agreed(nodes)


def join_as_replica(node: Node, primary: Node, others: Iterable[Node]) -> None:
    """Meet the cluster and follow one of it."""
    node.client.ok("CLUSTER", "MEET", "127.0.0.1", primary.server.port, primary.bus_port)
    nodes = [node, *others]
    wait_for(lambda: all(len(each.nodes()) == len(nodes) for each in nodes), 30, "for the nodes to meet")
    node.client.ok("CLUSTER", "REPLICATE", primary.id)


def ask(nodes: Iterable[Node], *args: Any) -> Any:
    """Run a command where it belongs: whoever does not send us elsewhere."""
    for node in nodes:
        reply = node(*args)
        if not (isinstance(reply, ErrorReply) and reply.text.startswith("MOVED")):
            return reply
    raise AssertionError("nobody serves it")
