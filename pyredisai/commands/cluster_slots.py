"""The subcommands of CLUSTER that act on slots and epochs: who serves what, what moves where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from pyredisai.cluster.slots import SLOTS
from pyredisai.cluster.state import ClusterState, Node
from pyredisai.commands.args import parse_int
from pyredisai.commands.cluster import ADMIN, node_of, subcommand
from pyredisai.commands.context import Context
from pyredisai.commands.slot_keys import slot_keys
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, cluster_texts, texts
from pyredisai.resp.replies import OK, Reply, Status

family = Family("cluster")
family.add("cluster", None, arity=-2, since="3.0.0")
declare = partial(subcommand, family)

_MOVING: Final = (b"migrating", b"importing")


def _slot(text: bytes) -> int:
    slot = parse_int(text, cluster_texts.INVALID_SLOT)
    if not 0 <= slot < SLOTS:
        raise ReplyError(cluster_texts.INVALID_SLOT)
    return slot


def _changed(state: ClusterState) -> Reply:
    """The answer when something has changed: nodes.conf is to be written, the state to be judged anew."""
    state.changed = True
    state.refresh()
    return OK


def _change_slots(state: ClusterState, slots: Iterable[int], *, add: bool) -> Reply:
    """Serve slots that nobody serves, or let nobody serve slots; all of them, or none. Raises ReplyError."""
    chosen: dict[int, None] = {}
    for slot in slots:
        if add and state.owners[slot] is not None:
            raise ReplyError(cluster_texts.slot_busy(slot))
        if not add and state.owners[slot] is None:
            raise ReplyError(cluster_texts.slot_unassigned(slot))
        if slot in chosen:
            raise ReplyError(cluster_texts.slot_twice(slot))
        chosen[slot] = None
    for slot in chosen:
        if add:
            state.importing.pop(slot, None)
            state.assign(slot, state.myself)
        else:
            state.unassign(slot)
    return _changed(state)


def _ranges(args: Args, name: str) -> Iterator[int]:
    """The slots of pairs of first and last. Raises ReplyError."""
    if len(args) % 2:
        raise ReplyError(texts.wrong_arity(name))
    for at in range(2, len(args), 2):
        first, last = _slot(args[at]), _slot(args[at + 1])
        if first > last:
            raise ReplyError(cluster_texts.range_backwards(first, last))
        yield from range(first, last + 1)


@declare("addslots", -3, ADMIN, "3.0.0", "Serve slots that nobody serves.", "<slot> [<slot> ...]", "O(N)")
def addslots(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER ADDSLOTS slot…"""
    return _change_slots(state, [_slot(arg) for arg in args[2:]], add=True)


@declare("delslots", -3, ADMIN, "3.0.0", "Let nobody serve slots.", "<slot> [<slot> ...]", "O(N)")
def delslots(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER DELSLOTS slot…"""
    return _change_slots(state, [_slot(arg) for arg in args[2:]], add=False)


_PAIRS: Final = "<start slot> <end slot> [<start slot> <end slot> ...]"


@declare("addslotsrange", -4, ADMIN, "7.0.0", "Serve ranges of slots that nobody serves.", _PAIRS, "O(N)")
def addslotsrange(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER ADDSLOTSRANGE (first last)…"""
    return _change_slots(state, _ranges(args, "cluster|addslotsrange"), add=True)


@declare("delslotsrange", -4, ADMIN, "7.0.0", "Let nobody serve ranges of slots.", _PAIRS, "O(N)")
def delslotsrange(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER DELSLOTSRANGE (first last)…"""
    return _change_slots(state, _ranges(args, "cluster|delslotsrange"), add=False)


@declare("flushslots", 2, ADMIN, "3.0.0", "Serve no slots any more; there must be no keys.", complexity="O(N)")
def flushslots(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER FLUSHSLOTS."""
    if ctx.server.databases[0].data:
        raise ReplyError(cluster_texts.FLUSHSLOTS_NOT_EMPTY)
    for slot in tuple(state.myself.slots):
        state.unassign(slot)
    return _changed(state)


@declare(
    "setslot",
    -4,
    ADMIN,
    "3.0.0",
    "Say where a slot goes, comes from, or is.",
    "<slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
)
def setslot(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER SETSLOT slot MIGRATING id | IMPORTING id | STABLE | NODE id."""
    if not state.myself.is_master:
        raise ReplyError(cluster_texts.SETSLOT_MASTERS_ONLY)
    slot, action = _slot(args[2]), args[3].lower()
    if action in _MOVING and len(args) == 5:
        _move(state, slot, args[4], importing=action == b"importing")
    elif action == b"stable" and len(args) == 4:
        state.migrating.pop(slot, None)
        state.importing.pop(slot, None)
    elif action == b"node" and len(args) == 5:
        _give(ctx, state, slot, node_of(state, args[4]))
    else:
        raise ReplyError(cluster_texts.SETSLOT_SYNTAX)
    return _changed(state)


def _move(state: ClusterState, slot: int, name: bytes, *, importing: bool) -> None:
    """A slot begins to come or go. Raises ReplyError."""
    mine = state.owners[slot] is state.myself
    if mine is importing:
        refusal = cluster_texts.already_the_owner if importing else cluster_texts.not_the_owner
        raise ReplyError(refusal(slot))
    node = node_of(state, name, cluster_texts.unknown_partner)
    if not node.is_master:
        raise ReplyError(cluster_texts.TARGET_NOT_MASTER)
    (state.importing if importing else state.migrating)[slot] = node


def _give(ctx: Context, state: ClusterState, slot: int, node: Node) -> None:
    """A slot has moved: it is that node's. Raises ReplyError."""
    if not node.is_master:
        raise ReplyError(cluster_texts.TARGET_NOT_MASTER)
    myself = state.myself
    was_mine = state.owners[slot] is myself
    keys = slot_keys(ctx.server).count(slot) if was_mine or slot in state.migrating else 0
    if was_mine and node is not myself and keys:
        raise ReplyError(cluster_texts.still_holds_keys(slot))
    if not keys:
        state.migrating.pop(slot, None)
    state.assign(slot, node)
    if node is not myself:
        bus = ctx.server.bus
        if was_mine and not myself.slots and ctx.server.config["cluster-allow-replica-migration"] and bus is not None:
            ctx.server.log("notice", f"Configuration change detected. Reconfiguring myself as a replica of {node.id}")
            bus.follow(node)
    elif slot in state.importing:
        del state.importing[slot]
        if state.bump_epoch():
            ctx.server.log("notice", f"configEpoch updated after importing slot {slot}")
        state.announce()


@declare("bumpepoch", 2, ADMIN, "3.0.0", "Take an epoch above all others'.", tips=("nondeterministic_output",))
def bumpepoch(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER BUMPEPOCH: BUMPED or STILL, and the epoch."""
    word = "BUMPED" if state.bump_epoch() else "STILL"
    return Status(f"{word} {state.myself.config_epoch}")


@declare("set-config-epoch", 3, ADMIN, "3.0.0", "Give a node that knows nobody its epoch.", "<epoch>")
def set_config_epoch(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER SET-CONFIG-EPOCH epoch."""
    epoch = parse_int(args[2])
    if epoch < 0:
        raise ReplyError(cluster_texts.invalid_epoch(epoch))
    if len(state.nodes) > 1:
        raise ReplyError(cluster_texts.EPOCH_KNOWS_OTHERS)
    if state.myself.config_epoch:
        raise ReplyError(cluster_texts.EPOCH_NOT_ZERO)
    state.myself.config_epoch = epoch
    state.current_epoch = max(state.current_epoch, epoch)
    ctx.server.log("notice", f"configEpoch set to {epoch} via CLUSTER SET-CONFIG-EPOCH")
    return _changed(state)


@declare("saveconfig", 2, ADMIN, "3.0.0", "Write nodes.conf, and wait for the disk.")
def saveconfig(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER SAVECONFIG."""
    try:
        state.save()
    except OSError as error:
        raise ReplyError(cluster_texts.not_saved(error.strerror or str(error))) from None
    return OK
