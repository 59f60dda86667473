"""A primary that has lost its last replica gets one from a primary that has several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pyredisai.cluster.state import Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus

_FAILING: Final = NodeFlag.PFAIL | NodeFlag.FAIL
_DELAY_MS: Final = 5000  # a failover may be under way


def consider(bus: Bus) -> None:
    """As a replica: move to an orphaned primary, if this is the replica that had better move."""
    state = bus.state
    me, now = state.myself, bus.host.now_ms()
    target: Node | None = None
    most = 0
    for node in state.nodes.values():
        if not node.is_master:
            continue
        well = len(_well(node))
        if not node.has(NodeFlag.FAIL):
            most = max(most, well)
        if not well and node.slots and node.has(NodeFlag.MIGRATE_TO) and not node.has(NodeFlag.FAIL):
            node.orphaned_ms = node.orphaned_ms or now
            target = target or node
        else:
            node.orphaned_ms = 0
    if target is None or me.master is None or not bus.config["cluster-allow-replica-migration"] or not state.ok:
        return
    siblings = len(_well(me.master))
    if most < 2 or siblings < most or siblings <= bus.config["cluster-migration-barrier"]:
        return
    if now - target.orphaned_ms <= _DELAY_MS or me is not _candidate(state.nodes.values(), most):
        return
    bus.host.log("notice", f"Migrating to orphaned master {target.id}")
    bus.follow(target)


def _well(node: Node) -> list[Node]:
    return [replica for replica in node.replicas if not replica.has(_FAILING)]


def _candidate(nodes: Iterable[Node], most: int) -> Node | None:
    """Of all replicas of the primaries with the most: the one with the smallest id, so that one moves only."""
    replicas = [replica for node in nodes if node.is_master and len(well := _well(node)) == most for replica in well]
    return min(replicas, key=lambda node: node.id, default=None)
