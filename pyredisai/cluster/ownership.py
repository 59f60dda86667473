"""Who serves which slot, where nodes say different things: the greater epoch wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Header, Type, Update
from pyredisai.cluster.slots import SlotSet
from pyredisai.cluster.state import Node

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus


def take_claims(bus: Bus, sender: Node, header: Header) -> None:
    """A node tells which slots it serves (a replica: which its primary does). Believe it, or tell it better."""
    head = sender if sender.is_master else sender.master
    if head is None or head.slots.bitmap == header.slots:
        return
    if sender.is_master:
        take_slots(bus, sender, header.config_epoch, header.slots)
    for slot in _among(header.slots, sender.slots.bitmap):
        owner = bus.state.owners[slot]
        if owner is None or owner is sender or owner.config_epoch <= header.config_epoch:
            continue
        bus.host.log(
            "verbose", f"Node {sender.id} has old slots configuration, sending an UPDATE message about {owner.id}"
        )
        if sender.link in bus.links:
            bus.send(sender.link, Type.UPDATE, Update(owner.id, owner.config_epoch, bytes(owner.slots.bitmap)))
        return


def _among(wanted: bytes | bytearray, had: bytes | bytearray) -> Iterator[int]:
    """Slots of one bitmap that the other does not hold."""
    fresh = int.from_bytes(wanted, "little") & ~int.from_bytes(had, "little")
    yield from SlotSet(fresh.to_bytes(len(wanted), "little"))


def take_slots(bus: Bus, node: Node, epoch: int, bitmap: bytes) -> None:
    """A primary serves these slots since that epoch, as far as nobody with a greater one does.

    Who loses the last slot so (or whose primary does) becomes a replica of whom it went to. A primary that keeps
    others drops the keys of those that it loses.
    """
    state = bus.state
    me = state.myself
    if node is me:
        return
    head = me if me.is_master else me.master
    lost = taken_from_us = 0
    dirty: list[int] = []
    for slot in _among(bitmap, node.slots.bitmap):
        owner = state.owners[slot]
        if slot in state.importing or (owner is not None and owner.config_epoch >= epoch):
            continue
        if owner is me and bus.host.count_keys(slot):
            dirty.append(slot)
        taken_from_us += owner is head
        lost += 1
        state.assign(slot, node)
    if lost:
        bus.later(Todo.STATE)
    wholly = bus.config["cluster-allow-replica-migration"] or len(SlotSet(bitmap)) == taken_from_us
    if taken_from_us and head is not None and not head.slots and wholly:
        bus.host.log("notice", f"Configuration change detected. Reconfiguring myself as a replica of {node.id}")
        bus.follow(node)
    elif dirty:
        bus.host.delete_keys(dirty)
    follow_head(bus)


def follow_head(bus: Bus) -> None:
    """A replica of a replica would stay behind at the next failover: follow who serves the shard."""
    me = bus.state.myself
    head = me.master.master if me.master is not None else None
    if head is not None and head is not me:
        bus.host.log("notice", f"I'm a sub-replica! Reconfiguring myself to follow {head.id}")
        bus.follow(head)


def resolve_collision(bus: Bus, sender: Node) -> None:
    """Two primaries must not have one epoch: the one with the smaller id takes a new one."""
    state = bus.state
    me = state.myself
    if not (me.is_master and sender.is_master and sender.config_epoch == me.config_epoch) or sender.id <= me.id:
        return
    state.current_epoch += 1
    me.config_epoch = state.current_epoch
    state.changed = True
    bus.host.log(
        "verbose", f"WARNING: configEpoch collision with node {sender.id}. configEpoch set to {me.config_epoch}"
    )
