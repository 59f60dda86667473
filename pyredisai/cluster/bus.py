"""This node on the cluster bus: what it has been told, what it says, what it is about to do.

No I/O: packets come in through `receive`, go out through links, time passes in `round`; all else is asked of the
`Host`. What several packets of one turn of the loop ask for is done once, in `settle`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pyredisai.cluster import elections, failures, gossip, manual, nodes_conf, receiving, rounds
from pyredisai.cluster.host import NOTHING, Config, Host, Link, Todo
from pyredisai.cluster.packets import PLAIN, Body, Empty, Header, MessageFlag, Packet, Ping, Publish, Type, encode
from pyredisai.cluster.state import BUS_PORT_OFFSET, NO_FLAGS, ClusterState, Node, NodeFlag

_SILENT: Final = NodeFlag.MYSELF | NodeFlag.HANDSHAKE


@dataclass(slots=True)
class Election:
    """This replica's attempt to take its primary's place."""

    due_ms: int = 0
    asked: bool = False
    votes: int = 0
    rank: int = 0
    epoch: int = 0
    why_not: str = ""
    why_not_ms: int = 0


@dataclass(slots=True)
class ManualFailover:
    """CLUSTER FAILOVER, at either side. `until_ms` is 0 while there is none.

    `replica` asks this primary for its place; `offset` is where the primary's stream stands still, -1 if not known.
    """

    until_ms: int = 0
    replica: Node | None = None
    offset: int = -1
    can_start: bool = False


@dataclass(slots=True, eq=False)
class Bus:
    """Built once, by the composition root."""

    state: ClusterState
    config: Config
    host: Host
    random: random.Random = field(default_factory=random.Random)
    links: set[Link] = field(default_factory=set)
    election: Election = field(default_factory=Election)
    manual: ManualFailover = field(default_factory=ManualFailover)
    todo: Todo = NOTHING
    rounds: int = 0
    first_judged_ms: int = 0
    minority_ms: int = 0
    waking: bool = False
    port: int = 0  # that the bus listens on: where it has begun to

    def __post_init__(self) -> None:
        self.port = bus_port(self.config)
        state = self.state
        state.on_change = self._wake
        state.announce = self.broadcast_pong
        state.refresh = lambda: failures.judge(self)

    @property
    def timeout_ms(self) -> int:
        """cluster-node-timeout."""
        return int(self.config["cluster-node-timeout"])

    @property
    def buffered(self) -> int:
        """Bytes that wait in the links."""
        return sum(link.send_buffer_used for link in self.links)

    # What is done once a turn

    def later(self, todo: Todo) -> None:
        """Have it done at the end of the turn."""
        self.todo |= todo
        self._wake()

    def _wake(self) -> None:
        if not self.waking:
            self.waking = True
            self.host.wake(self.settle)

    def settle(self) -> None:
        """Do what is to be done."""
        self.waking = False
        todo, self.todo = self.todo, NOTHING
        if todo & Todo.MANUAL:
            manual.go_on(self)
        if todo & Todo.ELECTION:
            elections.go_on(self)
        if todo & Todo.STATE:
            failures.judge(self)
        if self.state.changed:
            self.save()

    def save(self, then: Callable[[], None] = lambda: None) -> None:
        """Write nodes.conf; `then` is called when it is on the disk."""
        self.state.changed = False
        self.host.write(nodes_conf.render(self.state), then)

    # Links

    def round(self) -> None:
        """Ten times a second."""
        rounds.run(self)

    def accepted(self, link: Link) -> None:
        """Somebody has opened a link to this node."""
        self.links.add(link)

    def opened(self, link: Link) -> None:
        """A link that this node has asked for is there: greet."""
        node = link.node
        if node is None or node.link is not link:
            link.close()
            return
        self.links.add(link)
        # One that never answered stays under suspicion since then: a new link does not clear it.
        before = node.ping_sent_ms
        self.send_ping(link, Type.MEET if node.has(NodeFlag.MEET) else Type.PING)
        if before:
            node.ping_sent_ms = before
        node.flags &= ~NodeFlag.MEET

    def lost(self, link: Link) -> None:
        """A link is closed, or could not be opened."""
        self.links.discard(link)
        node = link.node
        if node is None:
            return
        if node.link is link:
            node.link = None
            if not node.ping_sent_ms:  # else a node that cannot be reached would never be one that fails
                node.ping_sent_ms = self.host.now_ms()
        if node.inbound is link:
            node.inbound = None

    def drop(self, link: Link | None) -> None:
        """Close a link."""
        if link is None:
            return
        node, link.node = link.node, None
        self.links.discard(link)
        if node is not None:
            if node.link is link:
                node.link = None
            if node.inbound is link:
                node.inbound = None
        link.close()

    def receive(self, link: Link, packet: Packet) -> None:
        """A packet has come."""
        receiving.receive(self, link, packet)

    # Nodes

    def remove(self, node: Node) -> None:
        """Know a node no longer."""
        self.state.remove(node)
        self.drop(node.link)
        self.drop(node.inbound)

    def start_handshake(self, ip: str, port: int, bus_port: int, flags: NodeFlag = NodeFlag.MEET) -> bool:
        """Begin to know a node, whose id it will tell; False if that has begun already."""
        for other in self.state.nodes.values():
            if other.has(NodeFlag.HANDSHAKE) and (other.ip.lower(), other.bus_port) == (ip.lower(), bus_port):
                return False
        self.add_handshake(ip, port, bus_port, flags)
        return True

    def add_handshake(
        self, ip: str, port: int, bus_port: int, flags: NodeFlag = NO_FLAGS, *, plain_port: int = 0
    ) -> None:
        """A node under a name that stands in for its own."""
        node = Node(f"{self.random.getrandbits(160):040x}", flags | NodeFlag.HANDSHAKE, self.host.now_ms())
        node.ip, node.port, node.plain_port, node.bus_port = ip, port, plain_port, bus_port
        self.state.nodes[node.id] = node

    def follow(self, master: Node) -> None:
        """Be a replica of this node."""
        state = self.state
        state.migrating.clear()
        state.importing.clear()
        state.replicate(state.myself, master)
        self.host.follow(master.ip, self.replication_port(master))
        manual.reset(self)
        self.later(Todo.STATE)

    def replication_port(self, node: Node) -> int:
        """Where its replicas find it. Without tls-replication they do not speak TLS."""
        return node.port_for(plain=self.config["tls-cluster"] and not self.config["tls-replication"])

    def end_election(self) -> None:
        """It is over: its votes must not count for another."""
        self.election = Election(epoch=self.election.epoch)

    def become_master(self, node: Node) -> None:
        """A node is a primary from now on."""
        if not node.is_master:
            self.state.replicate(node, None)
            self.later(Todo.STATE)

    # What is said

    def header(self, kind: Type) -> Header:
        """What this node tells of itself in each packet."""
        state, me = self.state, self.state.myself
        serving = me.master if me.has(NodeFlag.SLAVE) and me.master is not None else me
        flags = MessageFlag.PAUSED if me.is_master and self.manual.until_ms else PLAIN
        ports = announced_ports(self.config, self.port)
        return Header(
            type=kind,
            sender=me.id,
            flags=me.flags,
            port=ports.port,
            bus_port=ports.bus,
            plain_port=ports.plain,
            ip=self.config["cluster-announce-ip"],
            current_epoch=state.current_epoch,
            config_epoch=serving.config_epoch,
            offset=self.host.offset(),
            slots=bytes(serving.slots.bitmap),
            master=me.master.id if me.master is not None else "",
            is_down=not state.ok,
            message_flags=flags,
        )

    def send(self, link: Link, kind: Type, body: Body | None = None, flags: MessageFlag = PLAIN) -> None:
        """Send one packet."""
        header = self.header(kind)
        header.message_flags |= flags
        link.send(encode(Packet(header, body if body is not None else Empty())))
        self.state.sent[kind] += 1

    def send_ping(self, link: Link, kind: Type) -> None:
        """PING, PONG or MEET."""
        if kind == Type.PING and not link.inbound and link.node is not None:
            link.node.ping_sent_ms = self.host.now_ms()
        self.send(link, kind, Ping(gossip.choose(self, link), self.config["cluster-announce-hostname"]))

    def broadcast(self, kind: Type, body: Body | None = None, flags: MessageFlag = PLAIN) -> None:
        """Send a packet to all nodes that there is a link to."""
        self._spread(self.state.nodes.values(), kind, body, flags)

    def _spread(self, nodes: Iterable[Node], kind: Type, body: Body | None, flags: MessageFlag) -> None:
        links = [node.link for node in nodes if node.link in self.links and not node.has(_SILENT)]
        if not links:
            return
        header = self.header(kind)
        header.message_flags |= flags
        data = encode(Packet(header, body if body is not None else Empty()))
        for link in links:
            link.send(data)
            self.state.sent[kind] += 1

    def broadcast_pong(self, *, shard_only: bool = False) -> None:
        """Tell all nodes, or the replicas of the own shard, what has changed here."""
        head = self.shard_head()
        for node in list(self.state.nodes.values()):
            if node.link not in self.links or node.has(_SILENT):
                continue
            if not shard_only or (node.master is not None and node.master is head):
                self.send_ping(node.link, Type.PONG)

    def shard_head(self) -> Node:
        """The primary of this node's shard."""
        me = self.state.myself
        return me.master if me.master is not None else me

    def publish(self, channel: bytes, message: bytes, *, sharded: bool) -> None:
        """Pass a message on: to all nodes, or to those of the own shard."""
        if sharded:
            head = self.shard_head()
            self._spread([head, *head.replicas], Type.PUBLISH_SHARD, Publish(channel, message), PLAIN)
        else:
            self.broadcast(Type.PUBLISH, Publish(channel, message))


class Ports(NamedTuple):
    """A node's ports as others are to see them: for clients, for the bus, and beside a TLS port the plain one."""

    port: int
    bus: int
    plain: int


def announced_ports(config: Config, bus_port: int) -> Ports:
    """What this node tells others; its bus listens on `bus_port`."""
    tls, announced = config["tls-cluster"], config["cluster-announce-port"]
    bus = config["cluster-announce-bus-port"] or bus_port
    if tls and config["cluster-announce-tls-port"]:
        return Ports(config["cluster-announce-tls-port"], bus, announced)
    return Ports(announced or _base_port(config), bus, config["port"] if tls else 0)


def bus_port(config: Config) -> int:
    """The port that the bus is to listen on."""
    return int(config["cluster-port"] or _base_port(config) + BUS_PORT_OFFSET)


def _base_port(config: Config) -> int:
    """The port that the cluster knows a node by."""
    return int(config["tls-port"] if config["tls-cluster"] else config["port"])
