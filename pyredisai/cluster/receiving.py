"""What a node makes of a packet: who sent it, what he says of himself, and then what its type asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster import elections, failures, gossip, manual, ownership
from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Fail, Header, MessageFlag, Packet, Ping, Publish, Type, Update
from pyredisai.cluster.state import MESSAGE_NAMES, Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus
    from pyredisai.cluster.host import Link

_ROLE: Final = NodeFlag.MASTER | NodeFlag.SLAVE


def receive(bus: Bus, link: Link, packet: Packet) -> None:
    """Take one packet."""
    header, body = packet.header, packet.body
    if header.type < len(MESSAGE_NAMES):
        bus.state.received[header.type] += 1
    sender = bus.state.nodes.get(header.sender)
    if sender is bus.state.myself:
        sender = None  # somebody who has copied our nodes.conf, or we ourselves: nothing to learn
    if sender is not None:
        if link.inbound and link.node is not sender:
            _adopt(bus, link, sender)
        _take_header(bus, sender, header)
    if isinstance(body, Ping):
        _take_ping(bus, link, sender, header, body)
    elif sender is None:
        return
    elif isinstance(body, Fail):
        _take_fail(bus, sender, body)
    elif isinstance(body, Publish):
        bus.host.publish(body.channel, body.message, sharded=header.type == Type.PUBLISH_SHARD)
    elif isinstance(body, Update):
        _take_update(bus, body)
    elif header.type == Type.AUTH_REQUEST:
        elections.vote(bus, sender, header)
    elif header.type == Type.AUTH_ACK:
        elections.take_vote(bus, sender, header)
    elif header.type == Type.MFSTART:
        manual.start_as_primary(bus, sender)


def _adopt(bus: Bus, link: Link, sender: Node) -> None:
    """Now it is known who opened this link. He may have opened another before, which is of no use any more."""
    if sender.inbound is not None:
        bus.drop(sender.inbound)
    link.node = sender
    sender.inbound = link


def _take_header(bus: Bus, sender: Node, header: Header) -> None:
    """What a known node tells in every packet: epochs, and how far its stream is."""
    state, now = bus.state, bus.host.now_ms()
    sender.data_received_ms = now
    if header.current_epoch > state.current_epoch:
        state.current_epoch = header.current_epoch
    if header.config_epoch > sender.config_epoch:
        sender.config_epoch = header.config_epoch
        state.changed = True
    sender.replication_offset, sender.offset_ms = header.offset, now
    paused = bool(header.message_flags & MessageFlag.PAUSED)
    if bus.manual.until_ms and state.myself.master is sender and paused and bus.manual.offset < 0:
        bus.manual.offset = header.offset
        bus.later(Todo.MANUAL)
        bus.host.log("notice", f"Received replication offset for paused master manual failover: {header.offset}")


def _take_ping(bus: Bus, link: Link, sender: Node | None, header: Header, ping: Ping) -> None:
    """PING, PONG, MEET."""
    kind = header.type
    if kind != Type.PONG:
        _learn_own_address(bus, link, header)
        if sender is None and kind == Type.MEET and header.sender != bus.state.myself.id:
            bus.add_handshake(header.ip or link.peer_ip, header.port, header.bus_port, plain_port=header.plain_port)
            gossip.take(bus, ping, None)
        bus.send_ping(link, Type.PONG)
    if not link.inbound and link.node is not None and not _is_whom_we_called(bus, link, link.node, sender, header):
        return
    if not link.inbound and sender is None:
        sender = bus.state.nodes.get(header.sender)  # the handshake is done just now
        if sender is bus.state.myself:
            sender = None
    if sender is None:
        return
    sender.flags = (sender.flags & ~NodeFlag.NOFAILOVER) | (header.flags & NodeFlag.NOFAILOVER)
    if kind == Type.PING:
        update_address(bus, sender, link, header)
    if kind == Type.PONG and link.node is sender and not link.inbound:
        _take_pong(bus, sender)
    _take_role(bus, sender, header)
    ownership.take_claims(bus, sender, header)
    ownership.resolve_collision(bus, sender)
    gossip.take(bus, ping, sender)
    if sender.hostname != ping.hostname:
        sender.hostname = ping.hostname
        bus.state.changed = True


def _learn_own_address(bus: Bus, link: Link, header: Header) -> None:
    """Who meets this node knows an address of it: the one that he connected to."""
    me = bus.state.myself
    if bus.config["cluster-announce-ip"] or (header.type != Type.MEET and me.ip):
        return
    if link.local_ip and link.local_ip != me.ip:
        me.ip = link.local_ip
        bus.state.changed = True
        bus.host.log("notice", f"IP address for this node updated to {me.ip}")


def _is_whom_we_called(bus: Bus, link: Link, node: Node, sender: Node | None, header: Header) -> bool:
    """End a handshake, or see that the node at an address is another now. False: the link has been closed."""
    if node.has(NodeFlag.HANDSHAKE):
        if sender is not None or header.sender == bus.state.myself.id:
            if sender is not None:
                update_address(bus, sender, link, header)
            bus.remove(node)
            return False
        del bus.state.nodes[node.id]
        node.id = header.sender
        bus.state.nodes[node.id] = node
        node.flags = (node.flags & ~(NodeFlag.HANDSHAKE | _ROLE)) | (header.flags & _ROLE)
        bus.state.changed = True
        bus.host.log("debug", f"Handshake with node {node.id} completed.")
        _take_header(bus, node, header)
        return True
    if node.id != header.sender:
        bus.host.log("debug", f"PONG of {header.sender} where {node.id} was expected")
        node.flags |= NodeFlag.NOADDR
        node.ip, node.port, node.plain_port, node.bus_port = "", 0, 0, 0
        bus.drop(link)
        bus.state.changed = True
        return False
    return True


def update_address(bus: Bus, node: Node, link: Link, header: Header) -> None:
    """A node that calls from elsewhere has moved."""
    address = header.ip or link.peer_ip, header.port, header.plain_port, header.bus_port
    if link is node.link or not address[0] or (node.ip, node.port, node.plain_port, node.bus_port) == address:
        return
    node.ip, node.port, node.plain_port, node.bus_port = address
    bus.drop(node.link)
    node.flags &= ~NodeFlag.NOADDR
    bus.host.log("warning", f"Address updated for node {node.id}, now {node.ip}:{node.port}")
    if bus.state.myself.master is node:
        bus.host.follow(node.ip, bus.replication_port(node))
    bus.state.changed = True
    bus.later(Todo.STATE)


def _take_pong(bus: Bus, node: Node) -> None:
    node.pong_received_ms = bus.host.now_ms()
    node.ping_sent_ms = 0
    if node.has(NodeFlag.PFAIL):
        node.flags &= ~NodeFlag.PFAIL
        bus.state.changed = True
        bus.later(Todo.STATE)
    else:
        failures.clear(bus, node)


def _take_role(bus: Bus, sender: Node, header: Header) -> None:
    """Primary or replica, and whose."""
    state = bus.state
    if not header.master:
        bus.become_master(sender)
        return
    if sender.is_master:
        for slot in tuple(sender.slots):
            state.unassign(slot)
        sender.flags = (sender.flags & ~(NodeFlag.MASTER | NodeFlag.MIGRATE_TO)) | NodeFlag.SLAVE
        state.changed = True
        bus.later(Todo.STATE)
    master = state.nodes.get(header.master)
    if master is not None and sender.master is not master and master is not sender:
        state.replicate(sender, master)


def _take_fail(bus: Bus, sender: Node, fail: Fail) -> None:
    node = bus.state.nodes.get(fail.id)
    if node is None:
        bus.host.log("notice", f"Ignoring FAIL message from unknown node {sender.id} about {fail.id}")
    elif not node.has(NodeFlag.FAIL | NodeFlag.MYSELF):
        bus.host.log("notice", f"FAIL message received from {sender.id} about {node.id}")
        failures.set_failed(bus, node)


def _take_update(bus: Bus, update: Update) -> None:
    """Somebody tells that another node serves these slots now."""
    node = bus.state.nodes.get(update.id)
    if node is None or node.config_epoch >= update.config_epoch:
        return
    bus.become_master(node)
    node.config_epoch = update.config_epoch
    bus.state.changed = True
    ownership.take_slots(bus, node, update.config_epoch, update.slots)
