"""What a node knows of its cluster: the nodes, and who serves which slot. Pure: no I/O, times are arguments.

Everything here is touched on the loop only. Times are Unix milliseconds.
"""

from __future__ import annotations

import os
from enum import IntFlag
from typing import Any

from pyredisai.cluster.slots import SLOTS, SlotSet

BUS_PORT_OFFSET = 10_000


class NodeFlag(IntFlag):
    """What is known of a node; the numbers are those of the bus."""

    MASTER = 1
    SLAVE = 2
    PFAIL = 4
    FAIL = 8
    MYSELF = 16
    HANDSHAKE = 32
    NOADDR = 64
    MEET = 128
    MIGRATE_TO = 256
    NOFAILOVER = 512


def new_id() -> str:
    """A node's name: 40 hexadecimal digits."""
    return os.urandom(20).hex()


class Node:
    """A node of the cluster. `master` is set where it is a replica, if its primary is known.

    `link` is its connection on the bus (None while there is none), `inbound` the one that it opened to this node.
    `fail_reports`: which primaries said that it fails, and when last.
    """

    __slots__ = (
        "bus_port",
        "config_epoch",
        "created_ms",
        "data_received_ms",
        "fail_ms",
        "fail_reports",
        "flags",
        "hostname",
        "id",
        "inbound",
        "ip",
        "link",
        "master",
        "offset_ms",
        "orphaned_ms",
        "ping_sent_ms",
        "pong_received_ms",
        "port",
        "replicas",
        "replication_offset",
        "slots",
        "tls_port",
        "voted_ms",
    )

    def __init__(self, node_id: str, flags: NodeFlag, now_ms: int = 0) -> None:
        self.id = node_id
        self.flags = flags
        self.created_ms = now_ms
        self.ip = ""
        self.port = self.tls_port = self.bus_port = 0
        self.hostname = ""
        self.config_epoch = 0
        self.slots = SlotSet()
        self.master: Node | None = None
        self.replicas: list[Node] = []
        self.link: Any = None
        self.inbound: Any = None
        self.fail_reports: dict[Node, int] = {}
        self.ping_sent_ms = self.pong_received_ms = self.data_received_ms = 0
        self.fail_ms = self.voted_ms = self.orphaned_ms = 0
        self.replication_offset = self.offset_ms = 0

    def has(self, flag: NodeFlag) -> bool:
        """Whether it has any of the flags."""
        return bool(self.flags & flag)

    @property
    def is_master(self) -> bool:
        """Whether it is a primary."""
        return self.has(NodeFlag.MASTER)


class ClusterState:
    """The cluster as this node (`myself`) sees it.

    `owners[slot]` serves it. Slots that are being moved: `migrating[slot]` gets it from this node, `importing[slot]`
    gives it to this node. `ok` says whether the cluster serves requests (`why_down` why not), as INFO and
    CLUSTER INFO tell it. `forgotten` are ids that CLUSTER FORGET has put on its list, with the time until which.
    """

    def __init__(self, myself: Node) -> None:
        self.myself = myself
        self.nodes: dict[str, Node] = {myself.id: myself}
        self.owners: list[Node | None] = [None] * SLOTS
        self.migrating: dict[int, Node] = {}
        self.importing: dict[int, Node] = {}
        self.current_epoch = 0
        self.last_vote_epoch = 0
        self.ok = False
        self.why_down = "unbound"  # "unbound", "minority", "fail"
        self.forgotten: dict[str, int] = {}
        self.changed = False  # nodes.conf is to be written

    def assign(self, slot: int, node: Node) -> None:
        """Let a node serve a slot; whoever served it does so no longer."""
        self.unassign(slot)
        self.owners[slot] = node
        node.slots.add(slot)
        self.changed = True

    def unassign(self, slot: int) -> None:
        """Let nobody serve a slot."""
        owner = self.owners[slot]
        if owner is not None:
            owner.slots.discard(slot)
            self.owners[slot] = None
            self.changed = True

    def size(self) -> int:
        """How many primaries serve at least one slot."""
        return sum(1 for node in self.nodes.values() if node.is_master and node.slots)

    def replicate(self, node: Node, master: Node | None) -> None:
        """Make a node the replica of `master`, or with None a primary."""
        if node.master is not None and node in node.master.replicas:
            node.master.replicas.remove(node)
        node.master = master
        if master is None:
            node.flags = (node.flags & ~NodeFlag.SLAVE) | NodeFlag.MASTER
        else:
            node.flags = (node.flags & ~(NodeFlag.MASTER | NodeFlag.MIGRATE_TO)) | NodeFlag.SLAVE
            master.replicas.append(node)
        self.changed = True
