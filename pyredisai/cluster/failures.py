"""Who fails, and whether the cluster serves: a suspicion of one's own (PFAIL), a majority's judgement (FAIL)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Fail, Type
from pyredisai.cluster.slots import SLOTS
from pyredisai.cluster.state import ClusterState, Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus

_REPORT_TIMEOUTS: Final = 2  # for how many node timeouts a report counts
_UNDO_TIMEOUTS: Final = 2  # after how many a failed primary whose slots nobody took is taken back
_WRITABLE_DELAY_MS: Final = 2000  # after a start: time to hear what has changed
_REJOIN_MS: Final = (500, 5000)  # after a minority: between these, the node timeout


def quorum(state: ClusterState) -> int:
    """How many primaries are a majority."""
    return state.size() // 2 + 1


def take_report(bus: Bus, node: Node, sender: Node, *, failing: bool) -> None:
    """A primary says that a node fails, or that it is well."""
    if failing:
        if sender not in node.fail_reports:
            bus.host.log("verbose", f"Node {sender.id} reported node {node.id} as not reachable.")
        node.fail_reports[sender] = bus.host.now_ms()
        mark(bus, node)
    elif node.fail_reports.pop(sender, None) is not None:
        bus.host.log("verbose", f"Node {sender.id} reported node {node.id} is back online.")


def count_reports(bus: Bus, node: Node) -> int:
    """Reports that still count."""
    oldest = bus.host.now_ms() - _REPORT_TIMEOUTS * bus.timeout_ms
    for sender in [sender for sender, when in node.fail_reports.items() if when < oldest]:
        del node.fail_reports[sender]
    return len(node.fail_reports)


def mark(bus: Bus, node: Node) -> None:
    """Let a suspect be one that has failed, if a majority of the primaries says so; tell everybody."""
    if not node.has(NodeFlag.PFAIL) or node.has(NodeFlag.FAIL):
        return
    failures = count_reports(bus, node) + bus.state.myself.is_master
    if failures < quorum(bus.state):
        return
    bus.host.log("notice", f"Marking node {node.id} as failing (quorum reached).")
    set_failed(bus, node)
    bus.broadcast(Type.FAIL, Fail(node.id))


def set_failed(bus: Bus, node: Node) -> None:
    """It has failed."""
    node.flags = (node.flags & ~NodeFlag.PFAIL) | NodeFlag.FAIL
    node.fail_ms = bus.host.now_ms()
    bus.state.changed = True
    bus.later(Todo.STATE)


def clear(bus: Bus, node: Node) -> None:
    """A failed node answers again: it is well if it serves nothing, or if nobody took its place for long."""
    if not node.has(NodeFlag.FAIL):
        return
    long_ago = bus.host.now_ms() - node.fail_ms > _UNDO_TIMEOUTS * bus.timeout_ms
    if node.is_master and node.slots and not long_ago:
        return
    bus.host.log("notice", f"Clear FAIL state for node {node.id}: it is reachable again.")
    node.flags &= ~NodeFlag.FAIL
    bus.state.changed = True
    bus.later(Todo.STATE)


def judge(bus: Bus) -> None:
    """Whether the cluster serves: all slots are served, unless that may be, and this node sees the majority."""
    state, now = bus.state, bus.host.now_ms()
    if not bus.first_judged_ms:
        bus.first_judged_ms = now
    if state.myself.is_master and not state.ok and now - bus.first_judged_ms < _WRITABLE_DELAY_MS:
        return  # the next round looks again
    why = _why_down(bus)
    if why == "minority":
        bus.minority_ms = now
    if state.ok == (not why):
        state.why_down = why
        return
    rejoin_ms = min(max(bus.timeout_ms, _REJOIN_MS[0]), _REJOIN_MS[1])
    if not why and state.myself.is_master and now - bus.minority_ms < rejoin_ms:
        return
    state.ok, state.why_down = not why, why
    bus.host.log("notice", f"Cluster state changed: {'fail' if why else 'ok'}")


def _why_down(bus: Bus) -> str:
    state = bus.state
    serving = [node for node in state.nodes.values() if node.is_master and node.slots]
    if sum(not node.has(NodeFlag.PFAIL | NodeFlag.FAIL) for node in serving) < len(serving) // 2 + 1:
        return "minority"
    if bus.config["cluster-require-full-coverage"]:
        if sum(len(node.slots) for node in state.nodes.values()) < SLOTS:
            return "unbound"
        if any(node.has(NodeFlag.FAIL) for node in state.nodes.values() if node.slots):
            return "fail"
    return ""
