"""A cluster without a network: buses that hear each other through fake links, in a time that tests move on.

Packets go through the codec. What is sent arrives at the next turn; a node that is down hears and says nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from pyredisai.cluster import nodes_conf
from pyredisai.cluster.bus import Bus
from pyredisai.cluster.packets import Decoder
from pyredisai.cluster.slots import SLOTS
from pyredisai.cluster.state import BUS_PORT_OFFSET, ClusterState, Node, NodeFlag

ROUND_MS = 100
TIMEOUT_MS = 1000
DEFAULTS = {
    "cluster-node-timeout": TIMEOUT_MS,
    "cluster-announce-ip": "",
    "cluster-announce-port": 0,
    "cluster-announce-bus-port": 0,
    "cluster-announce-hostname": "",
    "cluster-announce-tls-port": 0,
    "cluster-port": 0,
    "tls-cluster": False,
    "tls-replication": False,
    "cluster-require-full-coverage": True,
    "cluster-allow-replica-migration": True,
    "cluster-migration-barrier": 1,
    "cluster-replica-validity-factor": 10,
    "cluster-replica-no-failover": False,
    "cluster-link-sendbuf-limit": 0,
    "repl-ping-replica-period": 10,
}


class FakeLink:
    """One end of a connection."""

    def __init__(self, owner: Machine, node: Node | None) -> None:
        self.owner, self.node, self.inbound = owner, node, node is None
        self.created_ms = owner.network.now_ms
        self.local_ip = self.peer_ip = "127.0.0.1"
        self.send_buffer_used = 0
        self.other: FakeLink | None = None
        self.decoder = Decoder()
        self.closed = False

    def send(self, data: bytes) -> None:
        """Arrives with the next turn."""
        if self.other is not None and not self.closed:
            self.owner.network.queue.append((self.other, data))

    def close(self) -> None:
        """The other end hears of it at once."""
        self.closed = True
        other, self.other = self.other, None
        if other is not None and not other.closed:
            other.closed, other.other = True, None
            other.owner.bus.lost(other)


class Machine:
    """A node: its bus, and the server around it (`cluster.host.Host`)."""

    def __init__(self, network: Network, port: int, state: ClusterState | None = None, **config: Any) -> None:
        self.network, self.port = network, port
        self.config = {**DEFAULTS, "port": port, **config}
        self.up = True
        if state is None:
            me = Node(f"{port:040x}", NodeFlag.MYSELF | NodeFlag.MASTER, network.now_ms)
            me.port, me.bus_port = port, port + BUS_PORT_OFFSET
            state = ClusterState(me)
        self.log_lines: list[str] = []
        self.nodes_conf = ""
        self.primary: tuple[str, int] | None = None
        self.replication_offset = 0
        self.age_ms = 0
        self.keys: dict[int, int] = {}
        self.deleted: list[int] = []
        self.paused = False
        self.published: list[tuple[bytes, bytes, bool]] = []
        self.settling: list[Callable[[], None]] = []
        self.bus = Bus(state, self.config, self, random=random.Random(port))

    @property
    def state(self) -> ClusterState:
        return self.bus.state

    @property
    def me(self) -> Node:
        return self.state.myself

    def sees(self, other: Machine) -> Node:
        """What it knows of another."""
        return self.state.nodes[other.me.id]

    # Host

    def now_ms(self) -> int:
        return self.network.now_ms

    def log(self, level: str, text: str) -> None:
        self.log_lines.append(text)

    def wake(self, settle: Callable[[], None]) -> None:
        self.settling.append(settle)

    def connect(self, node: Node) -> FakeLink:
        link = FakeLink(self, node)
        self.network.connecting.append((link, node.bus_port))
        return link

    def write(self, text: str, then: Callable[[], None]) -> None:
        self.nodes_conf = text
        then()

    def follow(self, ip: str, port: int) -> None:
        self.primary = ip, port

    def promote(self) -> None:
        self.primary = None

    def following(self) -> tuple[str, int] | None:
        return self.primary

    def offset(self) -> int:
        return self.replication_offset

    def data_age_ms(self) -> int:
        return self.age_ms

    def count_keys(self, slot: int) -> int:
        return self.keys.get(slot, 0)

    def delete_keys(self, slots: Iterable[int]) -> None:
        self.deleted += slots

    def empty(self) -> None:
        self.keys.clear()

    def pause(self, milliseconds: int) -> None:
        self.paused = True

    def unpause(self) -> None:
        self.paused = False

    def publish(self, channel: bytes, message: bytes, *, sharded: bool) -> None:
        self.published.append((channel, message, sharded))


class Network:
    """All nodes. `cut` holds pairs of ports that do not reach each other."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000
        self.machines: dict[int, Machine] = {}
        self.queue: list[tuple[FakeLink, bytes]] = []
        self.connecting: list[tuple[FakeLink, int]] = []
        self.cut: set[frozenset[int]] = set()

    def add(self, port: int, **config: Any) -> Machine:
        """A new node."""
        machine = self.machines[port] = Machine(self, port, **config)
        return machine

    def restart(self, machine: Machine) -> Machine:
        """The same node again, from its nodes.conf."""
        state = nodes_conf.parse(machine.nodes_conf, self.now_ms)
        again = self.machines[machine.port] = Machine(self, machine.port, state)
        return again

    def crash(self, machine: Machine) -> None:
        """It is gone; the others' connections break."""
        machine.up = False
        for other in self.machines.values():
            for link in list(other.bus.links):
                if link.other is not None and link.other.owner is machine:
                    link.other.close()

    def turn(self) -> None:
        """Deliver what is under way, and let all settle, until nothing is left."""
        while self.queue or self.connecting or any(machine.settling for machine in self.machines.values()):
            connecting, self.connecting = self.connecting, []
            for link, port in connecting:
                self._connect(link, port - BUS_PORT_OFFSET)
            queue, self.queue = self.queue, []
            for link, data in queue:
                self._deliver(link, data)
            for machine in self.machines.values():
                settling, machine.settling = machine.settling, []
                for settle in settling:
                    settle()

    def _connect(self, link: FakeLink, port: int) -> None:
        target = self.machines.get(port)
        if link.closed:
            return
        if target is None or not target.up or frozenset((port, link.owner.port)) in self.cut:
            link.closed = True
            link.owner.bus.lost(link)
            return
        other = FakeLink(target, None)
        link.other, other.other = other, link
        target.bus.accepted(other)
        link.owner.bus.opened(link)

    def _deliver(self, link: FakeLink, data: bytes) -> None:
        if link.closed or link.other is None or not link.owner.up:
            return
        if frozenset((link.owner.port, link.other.owner.port)) in self.cut:
            return
        for packet in link.decoder.feed(data):
            if not link.closed:
                link.owner.bus.receive(link, packet)

    def run(self, milliseconds: int) -> None:
        """Let time pass."""
        for _ in range(milliseconds // ROUND_MS):
            self.now_ms += ROUND_MS
            for machine in self.machines.values():
                if machine.up:
                    machine.bus.round()
            self.turn()

    def run_until(self, condition: Callable[[], object], milliseconds: int = 30_000) -> None:
        """Let time pass until it holds."""
        end = self.now_ms + milliseconds
        while not condition():
            assert self.now_ms < end, "in vain"
            self.run(ROUND_MS)


def cluster(masters: int, replicas: int = 0, **config: Any) -> tuple[Network, list[Machine]]:
    """Nodes that know each other: primaries that share the slots, then their replicas, one each in turn."""
    network = Network()
    machines = [network.add(7001 + number, **config) for number in range(masters + replicas)]
    for number, machine in enumerate(machines[:masters]):
        for slot in range(number * SLOTS // masters, (number + 1) * SLOTS // masters):
            machine.state.assign(slot, machine.me)
        machine.me.config_epoch = machine.state.current_epoch = number + 1
    for machine in machines[1:]:
        machine.bus.start_handshake("127.0.0.1", machines[0].port, machines[0].port + BUS_PORT_OFFSET)
    network.run_until(lambda: all(len(known(machine)) == len(machines) for machine in machines))
    for number, machine in enumerate(machines[masters:]):
        machine.bus.follow(machine.sees(machines[number % masters]))
    network.run_until(lambda: all(machine.state.ok for machine in machines))
    network.run_until(lambda: all(len(roles(machine, NodeFlag.SLAVE)) == replicas for machine in machines))
    return network, machines


def known(machine: Machine) -> list[Node]:
    """The nodes that a machine has met."""
    return [node for node in machine.state.nodes.values() if not node.has(NodeFlag.HANDSHAKE)]


def roles(machine: Machine, flag: NodeFlag) -> list[Node]:
    """Those with a flag, as it sees them."""
    return [node for node in machine.state.nodes.values() if node.has(flag)]
