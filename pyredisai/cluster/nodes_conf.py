"""nodes.conf: what a node knows of its cluster as text, as Redis 7.0 writes it, and CLUSTER NODES.

One line a node: id ip:port@bus-port[,hostname] flags primary ping-sent pong-received epoch link-state slot…
"""

from __future__ import annotations

import re
from typing import Final

from pyredisai.cluster.slots import SLOTS, ranges
from pyredisai.cluster.state import BUS_PORT_OFFSET, ClusterState, Node, NodeFlag

_WORDS: Final = {
    NodeFlag.MYSELF: "myself",
    NodeFlag.MASTER: "master",
    NodeFlag.SLAVE: "slave",
    NodeFlag.PFAIL: "fail?",
    NodeFlag.FAIL: "fail",
    NodeFlag.HANDSHAKE: "handshake",
    NodeFlag.NOADDR: "noaddr",
    NodeFlag.NOFAILOVER: "nofailover",
}
_FLAGS: Final = {word: flag for flag, word in _WORDS.items()}
_ADDRESS: Final = re.compile(r"([^,]*):(\d{1,5})(?:@(\d{1,5}))?(?:,([A-Za-z0-9.-]*))?")
_MOVING: Final = re.compile(r"\[(\d{1,5})-([<>])-([0-9a-z]{40})\]")
_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_ID: Final = re.compile(r"[0-9a-z]{40}")


class BadNodesConf(ValueError):
    """The text is no nodes.conf; the reason says where."""


# Writing


def describe(state: ClusterState, node: Node, *, plain: bool = False) -> str:
    """One node's line; `plain` as of `Node.port_for`."""
    flags = ",".join(word for flag, word in _WORDS.items() if node.flags & flag) or "noflags"
    epoch = node.master.config_epoch if node.master is not None else node.config_epoch
    linked = node is state.myself or node.link is not None
    words = [
        node.id,
        f"{node.ip}:{node.port_for(plain=plain)}@{node.bus_port}{f',{node.hostname}' if node.hostname else ''}",
        flags,
        node.master.id if node.master is not None else "-",
        *(str(node.ping_sent_ms), str(node.pong_received_ms), str(epoch)),
        "connected" if linked else "disconnected",
        *(str(first) if first == last else f"{first}-{last}" for first, last in ranges(node.slots)),
    ]
    if node is state.myself:
        moving = [(slot, "->-", other) for slot, other in state.migrating.items()]
        moving += [(slot, "-<-", other) for slot, other in state.importing.items()]
        words += [f"[{slot}{arrow}{other.id}]" for slot, arrow, other in sorted(moving, key=lambda item: item[0])]
    return " ".join(words)


def render(state: ClusterState) -> str:
    """The whole file; who is only being met is not in it."""
    lines = [describe(state, node) for node in state.nodes.values() if not node.has(NodeFlag.HANDSHAKE)]
    lines.append(f"vars currentEpoch {state.current_epoch} lastVoteEpoch {state.last_vote_epoch}")
    return "".join(f"{line}\n" for line in lines)


# Reading


def parse(text: str, now_ms: int) -> ClusterState:
    """What a file says. Raises BadNodesConf."""
    reader = _Reader(now_ms)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        try:
            reader.take(words)
        except (ValueError, OverflowError) as error:
            raise BadNodesConf(f"line {number}: {error}") from None
    if reader.myself is None:
        raise BadNodesConf("no line is about this node itself")
    return reader.finish()


class _Reader:
    """Nodes may be named before their own line comes: who serves what is put together at the end."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._nodes: dict[str, Node] = {}
        self._masters: list[tuple[Node, str]] = []
        self._slots: list[tuple[Node, int, int]] = []
        self._moving: list[tuple[int, str, str]] = []
        self._vars: dict[str, int] = {}
        self.myself: Node | None = None

    def _node(self, id: str) -> Node:
        if not _ID.fullmatch(id):
            raise ValueError(f"{id!r} is no node's id")
        node = self._nodes.get(id)
        if node is None:
            node = self._nodes[id] = Node(id, NodeFlag(0), self._now_ms)
        return node

    def take(self, words: list[str]) -> None:
        """One line. Raises ValueError."""
        if words[0] == "vars":
            self._vars |= {name: int(value) for name, value in zip(words[1::2], words[2::2], strict=True)}
            return
        if len(words) < 8:
            raise ValueError("too few words")
        node = self._node(words[0])
        address = _ADDRESS.fullmatch(words[1])
        if address is None:
            raise ValueError(f"{words[1]!r} is no address")
        node.ip, node.port = address[1], int(address[2])
        node.bus_port = int(address[3]) if address[3] is not None else node.port + BUS_PORT_OFFSET
        node.hostname = address[4] or ""
        self._take_flags(node, words[2])
        if words[3] != "-":
            self._masters.append((node, words[3]))
        node.ping_sent_ms = self._now_ms if int(words[4]) else 0
        node.pong_received_ms = self._now_ms if int(words[5]) else 0
        node.config_epoch = int(words[6])
        for word in words[8:]:
            self._take_slots(node, word)

    def _take_flags(self, node: Node, text: str) -> None:
        for word in text.split(","):
            if word == "noflags":
                continue
            if word not in _FLAGS:
                raise ValueError(f"unknown flag {word!r}")
            node.flags |= _FLAGS[word]
        if node.has(NodeFlag.FAIL):
            node.fail_ms = self._now_ms
        if node.has(NodeFlag.MYSELF):
            if self.myself not in (None, node):
                raise ValueError("two lines are about this node itself")
            self.myself = node

    def _take_slots(self, node: Node, word: str) -> None:
        if moving := _MOVING.fullmatch(word):
            self._moving.append((_slot(moving[1]), moving[2], moving[3]))
        elif found := _RANGE.fullmatch(word):
            self._slots.append((node, _slot(found[1]), _slot(found[2] or found[1])))
        else:
            raise ValueError(f"{word!r} is no slot")

    def finish(self) -> ClusterState:
        """All together. Raises BadNodesConf."""
        assert self.myself is not None
        state = ClusterState(self.myself)
        try:
            masters = [(node, self._node(master)) for node, master in self._masters]
            moving = [(slot, arrow, self._node(id)) for slot, arrow, id in self._moving]
        except ValueError as error:
            raise BadNodesConf(str(error)) from None
        state.nodes = self._nodes
        for node, master in masters:
            state.replicate(node, master)
        for node, first, last in self._slots:
            for slot in range(first, last + 1):
                state.assign(slot, node)
        for slot, arrow, other in moving:
            (state.migrating if arrow == ">" else state.importing)[slot] = other
        state.last_vote_epoch = self._vars.get("lastVoteEpoch", 0)
        state.current_epoch = self._vars.get("currentEpoch", 0)
        state.current_epoch = state.max_epoch()
        state.changed = False
        return state


def _slot(text: str) -> int:
    slot = int(text)
    if slot >= SLOTS:
        raise ValueError(f"there is no slot {slot}")
    return slot
