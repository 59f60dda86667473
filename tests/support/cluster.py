"""Clusters of real processes: nodes that are started, joined and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.support.resp import RespClient
from tests.support.server import Server, free_port

SLOTS = 16384
OPTIONS = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--repl-diskless-sync-delay", "0")
PATIENCE_S = 60


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until it holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)


class Cluster:
    """`primaries` that share the slots evenly, then replicas of the first; all from `start(*options)`."""

    def __init__(
        self, start: Callable[..., Server], primaries: int = 2, replicas: int = 0, options: Sequence[str] = ()
    ) -> None:
        self.servers: list[Server] = []
        self.clients: list[RespClient] = []
        self.bus_ports: list[int] = []
        self.replicas = replicas
        try:
            self._begin(start, primaries, options)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _begin(self, start: Callable[..., Server], primaries: int, options: Sequence[str]) -> None:
        for _ in range(primaries + self.replicas):
            self.bus_ports.append(free_port())  # below those that the kernel gives out
            self.servers.append(start(*OPTIONS, "--cluster-port", self.bus_ports[-1], *options))
            self.clients.append(self.servers[-1].client(timeout=60))
        self.ids: list[str] = [client.ok("CLUSTER", "MYID").decode() for client in self.clients]
        bounds = [SLOTS * i // primaries for i in range(primaries + 1)]
        for i in range(primaries):
            self.clients[i].ok("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
        for i, client in enumerate(self.clients):
            client.ok("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        self._join()
        for client in self.clients[primaries:]:
            client.ok("CLUSTER", "REPLICATE", self.ids[0])
        eventually(lambda: all(self._is_up(client) for client in self.clients), "the cluster is up")
        if self.replicas:
            eventually(lambda: self._has_replicas(self.replicas), "the replicas are in step")
            self.clients[0].ok("SET", "b", 1)
            for client in self.clients:
                eventually(lambda: self._shows_replicas(client), "clients are told of the replicas")  # noqa: B023 - called at once

    def _join(self) -> None:
        for server, bus_port in zip(self.servers[1:], self.bus_ports[1:], strict=True):
            self.clients[0].ok("CLUSTER", "MEET", server.host, server.port, bus_port)
        # All must know each other before one may replicate another.
        eventually(lambda: all(self._knows_all(client) for client in self.clients), "all nodes know each other")

    def _knows_all(self, client: RespClient) -> bool:
        lines = client.ok("CLUSTER", "NODES").decode().splitlines()
        return {line.split()[0] for line in lines if "handshake" not in line} == set(self.ids)

    def _is_up(self, client: RespClient) -> bool:
        lines = client.ok("CLUSTER", "NODES").decode()
        info = client.ok("CLUSTER", "INFO").decode()
        joined = "disconnected" not in lines and lines.count("slave") == self.replicas
        return joined and "cluster_state:ok" in info

    def _has_replicas(self, count: int) -> bool:
        online = self.clients[0].ok("INFO", "replication").decode().count("state=online")
        links = [b"master_link_status:up" in client.ok("INFO", "replication") for client in self.clients[-count:]]
        return online == count and all(links)

    def _shows_replicas(self, client: RespClient) -> bool:
        """Of the first node; one whose stream has not begun is not shown."""
        shown = [entry[3:] for entry in client.ok("CLUSTER", "SLOTS") if entry[2][2].decode() == self.ids[0]]
        return all(len(nodes) == self.replicas for nodes in shown)

    def close(self) -> None:
        """End all."""
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.stop()
