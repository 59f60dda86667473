"""CLUSTER FAILOVER: a replica takes its primary's place, which holds writes back meanwhile: none is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Type
from pyredisai.cluster.state import Node

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus

_TIMEOUT_MS: Final = 5000
_PAUSE_MS: Final = 2 * _TIMEOUT_MS


def start_as_replica(bus: Bus, *, force: bool) -> None:
    """Ask the primary to hold still, or with `force` begin without it."""
    reset(bus)
    bus.end_election()
    bus.manual.until_ms = bus.host.now_ms() + _TIMEOUT_MS
    master = bus.state.myself.master
    if force:
        bus.host.log("notice", "Forced failover user request accepted.")
        bus.manual.can_start = True
        bus.later(Todo.ELECTION)
    elif master is not None and master.link in bus.links:
        bus.host.log("notice", "Manual failover user request accepted.")
        bus.send(master.link, Type.MFSTART)


def start_as_primary(bus: Bus, sender: Node) -> None:
    """A replica asks for this primary's place: hold still, and tell it where the stream ends."""
    if sender.master is not bus.state.myself:
        return
    reset(bus)
    bus.manual.until_ms = bus.host.now_ms() + _TIMEOUT_MS
    bus.manual.replica = sender
    bus.host.pause(_PAUSE_MS)
    bus.host.log("notice", f"Manual failover requested by replica {sender.id}.")
    if sender.link in bus.links:
        bus.send_ping(sender.link, Type.PING)


def go_on(bus: Bus) -> None:
    """As the replica: begin the election once all that the primary has sent has been applied."""
    manual = bus.manual
    if manual.until_ms and not manual.can_start and manual.offset >= 0 and manual.offset == bus.host.offset():
        manual.can_start = True
        bus.host.log("notice", "All master replication stream processed, manual failover can start.")
        bus.later(Todo.ELECTION)


def check_timeout(bus: Bus) -> None:
    """Give up what takes too long."""
    if bus.manual.until_ms and bus.manual.until_ms < bus.host.now_ms():
        bus.host.log("warning", "Manual failover timed out.")
        reset(bus)


def reset(bus: Bus) -> None:
    """There is none, any more."""
    if bus.manual.replica is not None:
        bus.host.unpause()
    bus.manual.until_ms, bus.manual.replica = 0, None
    bus.manual.offset, bus.manual.can_start = -1, False
