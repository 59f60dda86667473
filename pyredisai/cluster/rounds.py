"""What a node does ten times a second: keeps links, pings, suspects who does not answer, lets replicas act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster import elections, failures, manual, migration
from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Type
from pyredisai.cluster.state import Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus

_NOBODY: Final = NodeFlag.MYSELF | NodeFlag.NOADDR
_STRANGER: Final = _NOBODY | NodeFlag.HANDSHAKE
_LEAST_HANDSHAKE_MS: Final = 1000
_A_SECOND: Final = 10  # rounds
_SAMPLE: Final = 5


def run(bus: Bus) -> None:
    """One round."""
    state = bus.state
    bus.rounds += 1
    for node in list(state.nodes.values()):
        _keep_link(bus, node)
    if bus.rounds % _A_SECOND == 0:
        _ping_somebody(bus)
    for node in list(state.nodes.values()):
        if not node.has(_STRANGER):
            _look_after(bus, node)
    _follow_primary(bus)
    manual.check_timeout(bus)
    if state.myself.has(NodeFlag.SLAVE):
        manual.go_on(bus)
        elections.go_on(bus)
        migration.consider(bus)
    if not state.ok or bus.todo & Todo.STATE:
        bus.todo &= ~Todo.STATE
        failures.judge(bus)


def _keep_link(bus: Bus, node: Node) -> None:
    """Close links that take too much, give up handshakes that take too long, open the link that is missing."""
    limit = bus.config["cluster-link-sendbuf-limit"]
    for link in (node.link, node.inbound) if limit else ():
        if link is not None and link.send_buffer_used > limit:
            which = "inbound" if link.inbound else "outbound"
            bus.host.log("warning", f"Freeing {which} cluster link to node {node.id} after exceeding memory limit")
            bus.state.overflows += 1
            bus.drop(link)
    if node.has(_NOBODY):
        return
    now = bus.host.now_ms()
    if node.has(NodeFlag.HANDSHAKE) and now - node.created_ms > max(bus.timeout_ms, _LEAST_HANDSHAKE_MS):
        bus.remove(node)
    elif node.link is None and node.bus_port:
        node.link = bus.host.connect(node)


def _ping_somebody(bus: Bus) -> None:
    """Once a second, the one of a few that has not been heard for longest."""
    nodes = list(bus.state.nodes.values())
    sample = bus.random.sample(nodes, min(_SAMPLE, len(nodes)))
    idle = [node for node in sample if node.link in bus.links and not node.ping_sent_ms and not node.has(_STRANGER)]
    if idle:
        bus.send_ping(min(idle, key=lambda node: node.pong_received_ms).link, Type.PING)


def _look_after(bus: Bus, node: Node) -> None:
    """Ping who has not been heard for half the timeout, open the link anew; who is silent longer is suspect."""
    now, timeout = bus.host.now_ms(), bus.timeout_ms
    unanswered_ms = now - node.ping_sent_ms if node.ping_sent_ms else 0
    silent_ms = now - node.data_received_ms
    linked = node.link in bus.links
    if linked and now - node.link.created_ms > timeout and min(unanswered_ms, silent_ms) > timeout / 2:
        bus.drop(node.link)
        linked = False
    if linked and not node.ping_sent_ms and now - node.pong_received_ms > timeout / 2:
        bus.send_ping(node.link, Type.PING)
        return
    if linked and bus.manual.until_ms and bus.manual.replica is node:
        bus.send_ping(node.link, Type.PING)
        return
    if min(unanswered_ms, silent_ms) > timeout and not node.has(NodeFlag.PFAIL | NodeFlag.FAIL):
        bus.host.log("debug", f"*** NODE {node.id} possibly failing")
        node.flags |= NodeFlag.PFAIL
        bus.state.changed = True
        bus.later(Todo.STATE)
        if bus.state.myself.is_master and bus.state.size() == 1:
            failures.mark(bus, node)  # there is nobody else who could say it


def _follow_primary(bus: Bus) -> None:
    """After a start, and when the primary's address becomes known."""
    master = bus.state.myself.master
    if master is not None and master.ip and bus.host.following() is None:
        bus.host.follow(master.ip, bus.replication_port(master))
