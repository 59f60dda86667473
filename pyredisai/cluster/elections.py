"""A replica whose primary has failed asks the primaries for their votes; a primary gives one vote an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredisai.cluster import failures, manual
from pyredisai.cluster.host import Todo
from pyredisai.cluster.packets import Header, MessageFlag, Type
from pyredisai.cluster.slots import SlotSet
from pyredisai.cluster.state import Node, NodeFlag

if TYPE_CHECKING:
    from pyredisai.cluster.bus import Bus

_LEAST_TIMEOUT_MS: Final = 2000
_DELAY_MS: Final = 500  # the news of the failure is to be everywhere first; as much again at random
_RANK_MS: Final = 1000  # a replica that is behind others waits so much for each
_SAY_AGAIN_MS: Final = 10_000


# The voter


def vote(bus: Bus, sender: Node, header: Header) -> None:
    """A replica asks for this primary's vote. It is given when it cannot be forgotten any more."""
    state, me, now = bus.state, bus.state.myself, bus.host.now_ms()
    if not me.is_master or not me.slots:
        return
    why = _why_not_vote(bus, sender, header)
    if why:
        bus.host.log("warning", f"Failover auth denied to {sender.id}: {why}")
        return
    assert sender.master is not None
    sender.master.voted_ms = now
    state.last_vote_epoch = epoch = state.current_epoch

    def send() -> None:
        if sender.link in bus.links and state.last_vote_epoch == epoch and me.is_master:
            bus.send(sender.link, Type.AUTH_ACK)
            bus.host.log("notice", f"Failover auth granted to {sender.id} for epoch {epoch}")

    bus.save(send)


def _why_not_vote(bus: Bus, sender: Node, header: Header) -> str:
    state, master = bus.state, sender.master
    if header.current_epoch < state.current_epoch:
        return f"reqEpoch ({header.current_epoch}) < curEpoch({state.current_epoch})"
    if state.last_vote_epoch == state.current_epoch:
        return f"already voted for epoch {state.current_epoch}"
    if sender.is_master:
        return "it is a master node"
    if master is None:
        return "I don't know its master"
    if not master.has(NodeFlag.FAIL) and not header.message_flags & MessageFlag.FORCE_ACK:
        return "its master is up"
    waited = bus.host.now_ms() - master.voted_ms
    if waited < 2 * bus.timeout_ms:
        return f"can't vote about this master before {2 * bus.timeout_ms - waited} milliseconds"
    for slot in SlotSet(header.slots):
        owner = state.owners[slot]
        if owner is not None and owner.config_epoch > header.config_epoch:
            return f"slot {slot} epoch ({owner.config_epoch}) > reqEpoch ({header.config_epoch})"
    return ""


# The replica


def take_vote(bus: Bus, sender: Node, header: Header) -> None:
    """A primary has voted for this replica."""
    if sender.is_master and sender.slots and header.current_epoch >= bus.election.epoch:
        bus.election.votes += 1
        bus.later(Todo.ELECTION)


def go_on(bus: Bus) -> None:
    """Take the next step of an election, if there is reason for one."""
    me, election, now = bus.state.myself, bus.election, bus.host.now_ms()
    by_hand = bool(bus.manual.until_ms) and bus.manual.can_start
    if not _has_reason(bus, by_hand):
        election.why_not = ""
        return
    if not by_hand and _is_too_old(bus):
        _tell(
            bus, "Disconnected from master for longer than allowed. Please check the 'cluster-replica-validity-factor'."
        )
        return
    timeout = max(2 * bus.timeout_ms, _LEAST_TIMEOUT_MS)
    age = now - election.due_ms
    if age > 2 * timeout:
        _schedule(bus)
        return
    if not election.asked and not bus.manual.until_ms and (rank := _rank(bus)) > election.rank:
        election.due_ms += (rank - election.rank) * _RANK_MS
        election.rank = rank
        bus.host.log("notice", f"Replica rank updated to #{rank}, added delay to the start of the election.")
    if now < election.due_ms:
        _tell(bus, "Waiting the delay before I can start a new failover.")
    elif age > timeout:
        _tell(bus, "Failover attempt expired.")
    elif not election.asked:
        _ask(bus)
    elif election.votes >= failures.quorum(bus.state):
        bus.host.log("notice", "Failover election won: I'm the new master.")
        if me.config_epoch < election.epoch:
            me.config_epoch = election.epoch
        take_over(bus)
    else:
        _tell(bus, "Waiting for votes, but majority still not reached.")


def _has_reason(bus: Bus, by_hand: bool) -> bool:
    me = bus.state.myself
    if me.is_master or me.master is None or not me.master.slots:
        return False
    if by_hand:
        return True
    return me.master.has(NodeFlag.FAIL) and not bus.config["cluster-replica-no-failover"]


def _is_too_old(bus: Bus) -> bool:
    """Whether this replica has been without its primary for so long that its data had better not be used."""
    factor = bus.config["cluster-replica-validity-factor"]
    age = bus.host.data_age_ms()
    if age > bus.timeout_ms:
        age -= bus.timeout_ms
    allowed: int = bus.config["repl-ping-replica-period"] * 1000 + bus.timeout_ms * factor
    return bool(factor) and age > allowed


def _schedule(bus: Bus) -> None:
    """Set the time of the next election, and let the shard's other replicas know how far this one is."""
    election, now = bus.election, bus.host.now_ms()
    election.asked, election.votes = False, 0
    election.rank = 0 if bus.manual.until_ms else _rank(bus)
    delay = 0 if bus.manual.until_ms else _DELAY_MS + bus.random.randrange(_DELAY_MS) + election.rank * _RANK_MS
    election.due_ms = now + delay
    if not delay:
        bus.later(Todo.ELECTION)
    bus.host.log(
        "notice",
        f"Start of election delayed for {delay} milliseconds (rank #{election.rank}, offset {bus.host.offset()}).",
    )
    bus.broadcast_pong(shard_only=True)


def _rank(bus: Bus) -> int:
    """How many of the primary's other replicas are further than this one."""
    me = bus.state.myself
    offset = bus.host.offset()
    siblings = me.master.replicas if me.master is not None else []
    return sum(
        node is not me and not node.has(NodeFlag.NOFAILOVER) and node.replication_offset > offset for node in siblings
    )


def _ask(bus: Bus) -> None:
    state, election = bus.state, bus.election
    state.current_epoch += 1
    election.epoch, election.asked = state.current_epoch, True
    flags = MessageFlag.FORCE_ACK if bus.manual.until_ms else MessageFlag(0)
    bus.host.log("notice", f"Starting a failover election for epoch {election.epoch}.")
    bus.save(lambda: bus.broadcast(Type.AUTH_REQUEST, flags=flags))
    bus.later(Todo.STATE)


def take_over(bus: Bus) -> None:
    """Be the primary in place of the own one, with its slots, and tell everybody."""
    state = bus.state
    me, old = state.myself, state.myself.master
    if old is None:
        return
    bus.become_master(me)
    bus.host.promote()
    for slot in tuple(old.slots):
        state.assign(slot, me)
    failures.judge(bus)
    manual.reset(bus)
    bus.end_election()
    bus.save(bus.broadcast_pong)


def _tell(bus: Bus, why: str) -> None:
    """Log why there is no failover, not too often."""
    election, now = bus.election, bus.host.now_ms()
    if election.why_not != why or now - election.why_not_ms > _SAY_AGAIN_MS:
        election.why_not, election.why_not_ms = why, now
        bus.host.log("notice", f"Currently unable to failover: {why}")
