"""What a node knows of its cluster: the nodes, and who serves which slot. Pure: no I/O, times are arguments.

Everything here is touched on the loop only. Times are Unix milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import IntFlag
from typing import Any, Final

from pyredisai.cluster.slots import SLOTS, SlotSet

BUS_PORT_OFFSET: Final = 10_000
# The types of messages on the bus, by number, as CLUSTER INFO names them.
MESSAGE_NAMES: Final = (
    *("ping", "pong", "meet", "fail", "publish", "auth-req", "auth-ack", "update", "mfstart", "module"),
    "publishshard",
)


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


NO_FLAGS: Final = NodeFlag(0)


def new_id() -> str:
    """A node's name: 40 hexadecimal digits."""
    return os.urandom(20).hex()


class Node:
    """A node of the cluster. `master` is set where it is a replica, if its primary is known.

    `link` is its connection on the bus (None while there is none), `inbound` the one that it opened to this node;
    both are `cluster.host.Link`.
    `port` is the one for clients, of TLS if the cluster uses it (tls-cluster); then `plain_port` is the other one.
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
        "plain_port",
        "pong_received_ms",
        "port",
        "replicas",
        "replication_offset",
        "slots",
        "voted_ms",
    )

    def __init__(self, node_id: str, flags: NodeFlag, now_ms: int = 0) -> None:
        self.id = node_id
        self.flags = flags
        self.created_ms = now_ms
        self.ip = ""
        self.port = self.plain_port = self.bus_port = 0
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

    def port_for(self, *, plain: bool) -> int:
        """The port for who comes without TLS to a cluster that uses it (`plain`), or for anybody else."""
        return self.plain_port if plain and self.plain_port else self.port


class ClusterState:
    """The cluster as this node (`myself`) sees it.

    `owners[slot]` serves it. Slots that are being moved: `migrating[slot]` gets it from this node, `importing[slot]`
    gives it to this node. `ok` says whether the cluster serves requests (`why_down` why not), as INFO and
    CLUSTER INFO tell it. `forgotten` are ids that CLUSTER FORGET has put on its list, with the time until which.

    `sent` and `received` count messages by their type (MESSAGE_NAMES); `overflows` counts links that were closed
    because too much waited in them. The functions are the bus's: `save()` writes nodes.conf and waits for the disk
    (raises OSError), `announce()` tells all nodes what this one serves, `refresh()` judges `ok` anew.
    `on_unassigned(slot)` is called when a slot's owner has lost it.
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
        self._changed = False
        self.on_change: Callable[[], None] = lambda: None
        self.sent = [0] * len(MESSAGE_NAMES)
        self.received = [0] * len(MESSAGE_NAMES)
        self.overflows = 0
        self.save: Callable[[], None] = lambda: None
        self.announce: Callable[[], None] = lambda: None
        self.refresh: Callable[[], None] = lambda: None
        self.on_unassigned: Callable[[int], None] = lambda slot: None

    @property
    def changed(self) -> bool:
        """Whether nodes.conf is to be written; setting it lets the bus know (`on_change`)."""
        return self._changed

    @changed.setter
    def changed(self, changed: bool) -> None:
        self._changed = changed
        if changed:
            self.on_change()

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
            self.on_unassigned(slot)

    def size(self) -> int:
        """How many primaries serve at least one slot."""
        return sum(1 for node in self.nodes.values() if node.is_master and node.slots)

    def replicate(self, node: Node, master: Node | None) -> None:
        """Make a node the replica of `master`, or with None a primary."""
        self._detach(node)
        if master is None:
            if node.has(NodeFlag.SLAVE) and node is not self.myself:
                node.flags |= NodeFlag.MIGRATE_TO
            node.flags = (node.flags & ~NodeFlag.SLAVE) | NodeFlag.MASTER
        else:
            node.flags = (node.flags & ~(NodeFlag.MASTER | NodeFlag.MIGRATE_TO)) | NodeFlag.SLAVE
            node.master = master
            master.replicas.append(node)
            master.flags |= NodeFlag.MIGRATE_TO
        self.changed = True

    @staticmethod
    def _detach(node: Node) -> None:
        master = node.master
        node.master = None
        if master is not None and node in master.replicas:
            master.replicas.remove(node)
            if not master.replicas:
                master.flags &= ~NodeFlag.MIGRATE_TO

    def remove(self, node: Node) -> None:
        """Know a node no longer: its slots are nobody's, its replicas have no primary. Its links are the caller's."""
        self._detach(node)
        for slot in tuple(node.slots):
            self.unassign(slot)
        for moving in (self.migrating, self.importing):
            for slot in [slot for slot, other in moving.items() if other is node]:
                del moving[slot]
        for replica in node.replicas:
            replica.master = None
        for other in self.nodes.values():
            other.fail_reports.pop(node, None)
        self.nodes.pop(node.id, None)
        self.changed = True

    def max_epoch(self) -> int:
        """The greatest epoch that is known."""
        return max(self.current_epoch, *(node.config_epoch for node in self.nodes.values()))

    def bump_epoch(self) -> bool:
        """Give this node an epoch above all that it knows, without asking; False if it has the greatest already."""
        top = self.max_epoch()
        if self.myself.config_epoch and self.myself.config_epoch == top:
            return False
        self.current_epoch = self.myself.config_epoch = top + 1
        self.changed = True
        return True
