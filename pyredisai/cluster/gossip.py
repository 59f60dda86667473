"""What nodes tell each other of third ones: whom to mention, and what to make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster import failures
from pyredisai.cluster.packets import Gossip, Ping
from pyredisai.cluster.state import Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus
    from pyredisai.cluster.host import Link

_FAILING: Final = NodeFlag.PFAIL | NodeFlag.FAIL
_LEAST: Final = 3
_FUTURE_MS: Final = 500  # clocks differ


def choose(bus: Bus, link: Link) -> list[Gossip]:
    """Whom to mention in a ping: a tenth of the nodes, at least three, and all that seem to fail."""
    nodes = list(bus.state.nodes.values())
    wanted = min(max(len(nodes) // 10, _LEAST), max(0, len(nodes) - 2))
    known = [node for node in nodes if _is_worth_it(node) and node is not link.node]
    chosen = bus.random.sample(known, min(wanted, len(known)))
    suspects = [node for node in nodes if node.has(NodeFlag.PFAIL)]
    chosen += [node for node in suspects if not node.has(NodeFlag.HANDSHAKE | NodeFlag.NOADDR)]
    return [_about(node) for node in chosen]


def _is_worth_it(node: Node) -> bool:
    if node.has(NodeFlag.MYSELF | NodeFlag.PFAIL | NodeFlag.HANDSHAKE | NodeFlag.NOADDR):
        return False  # those under suspicion are told of anyway
    return node.link is not None or bool(node.slots)


def _about(node: Node) -> Gossip:
    seconds = node.ping_sent_ms // 1000, node.pong_received_ms // 1000
    return Gossip(node.id, node.ip, node.port, node.bus_port, node.flags, *seconds, node.plain_port)


def take(bus: Bus, ping: Ping, sender: Node | None) -> None:
    """Take what a node tells of others. `sender` is None for one that wants to be met."""
    for about in ping.gossip:
        node = bus.state.nodes.get(about.id)
        if node is None:
            if sender is not None:
                _meet(bus, about)
            continue
        if sender is not None and sender.is_master and node is not bus.state.myself:
            failures.take_report(bus, node, sender, failing=bool(about.flags & _FAILING))
        if about.flags & _FAILING:
            continue
        if not node.has(_FAILING) and not node.ping_sent_ms and not failures.count_reports(bus, node):
            pong_ms = about.pong_received_s * 1000
            if node.pong_received_ms < pong_ms <= bus.host.now_ms() + _FUTURE_MS:
                node.pong_received_ms = pong_ms
        elif node.has(_FAILING) and not about.flags & NodeFlag.NOADDR and about.ip:
            _try_address(bus, node, about)


def _meet(bus: Bus, about: Gossip) -> None:
    """A node that a known one knows is trusted, unless it is to be forgotten."""
    now = bus.host.now_ms()
    forgotten = bus.state.forgotten
    for id in [id for id, until in forgotten.items() if until <= now]:
        del forgotten[id]
    if about.flags & NodeFlag.NOADDR or not about.ip or about.id in forgotten:
        return
    node = Node(about.id, about.flags & ~(NodeFlag.MYSELF | NodeFlag.HANDSHAKE | NodeFlag.MEET), now)
    node.ip, node.port, node.bus_port = about.ip, about.port, about.bus_port
    node.plain_port = about.plain_port
    bus.state.nodes[node.id] = node


def _try_address(bus: Bus, node: Node, about: Gossip) -> None:
    """A node that seems to fail may have moved."""
    if (node.ip.lower(), node.port, node.bus_port) != (about.ip.lower(), about.port, about.bus_port):
        bus.drop(node.link)
        node.ip, node.port, node.bus_port = about.ip, about.port, about.bus_port
        node.plain_port = about.plain_port
        node.flags &= ~NodeFlag.NOADDR
