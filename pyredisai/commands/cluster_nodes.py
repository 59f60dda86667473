"""The subcommands of CLUSTER that act on nodes: MEET, FORGET, REPLICATE, FAILOVER, RESET."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import wraps
from typing import Final, TypeAlias

from pyredisai import clock
from pyredisai.cluster import elections, manual
from pyredisai.cluster.bus import Bus
from pyredisai.cluster.host import Todo
from pyredisai.cluster.state import BUS_PORT_OFFSET, ClusterState, NodeFlag, new_id
from pyredisai.commands.args import parse_int
from pyredisai.commands.cluster import ADMIN, node_of, subcommand
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.errors import cluster_node_texts as node_texts
from pyredisai.resp.replies import OK, Reply

BusHandler: TypeAlias = Callable[[Context, Bus, Args], Reply]
_FORGET_MS: Final = 60_000

family = Family("cluster")
family.add("cluster", None, arity=-2, since="3.0.0")


def _acting(
    name: str, arity: int, syntax: str, summary: str, *, flags: str = ADMIN, complexity: str = "O(1)"
) -> Callable[[BusHandler], BusHandler]:
    """Declare `cluster|name`; its handler is given the bus."""

    def declare(handler: BusHandler) -> BusHandler:
        @wraps(handler)
        def run(ctx: Context, state: ClusterState, args: Args) -> Reply:
            assert ctx.server.bus is not None
            return handler(ctx, ctx.server.bus, args)

        subcommand(family, name, arity, flags, "3.0.0", summary, syntax, complexity)(run)
        return handler

    return declare


@_acting("meet", -4, "<ip> <port> [<bus-port>]", "Make a node and its cluster known.")
def meet(ctx: Context, bus: Bus, args: Args) -> Reply:
    """CLUSTER MEET ip port [bus-port]: OK; the nodes get to know each other afterwards."""
    host, text = args[2].decode("latin-1"), args[3].decode("latin-1")
    if len(args) > 5:
        raise ReplyError(texts.subcommand_arguments(args[1], "cluster"))
    port = parse_int(args[3], node_texts.invalid_port(text))
    bus_port = port + BUS_PORT_OFFSET
    if len(args) == 5:
        bus_port = parse_int(args[4], node_texts.invalid_bus_port(args[4].decode("latin-1")))
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        address = ""
    if not address or not 0 < port <= 65535 or not 0 < bus_port <= 65535:
        raise ReplyError(node_texts.invalid_address(host, text))
    bus.start_handshake(address, port, bus_port)
    return OK


@_acting("forget", 3, "<node-id>", "Know a node no longer.")
def forget(ctx: Context, bus: Bus, args: Args) -> Reply:
    """CLUSTER FORGET id: also what others tell of it is not heeded, for a minute."""
    state = bus.state
    node = node_of(bus.state, args[2])
    if node is state.myself:
        raise ReplyError(node_texts.FORGET_MYSELF)
    if node is state.myself.master:
        raise ReplyError(node_texts.FORGET_PRIMARY)
    state.forgotten[node.id] = clock.now_ms() + _FORGET_MS
    bus.remove(node)
    bus.later(Todo.STATE)
    return OK


@_acting("replicate", 3, "<node-id>", "Be a replica of a primary.")
def replicate(ctx: Context, bus: Bus, args: Args) -> Reply:
    """CLUSTER REPLICATE id: for a primary without slots and keys, or a replica."""
    node, me = node_of(bus.state, args[2]), bus.state.myself
    if node is me:
        raise ReplyError(node_texts.REPLICATE_MYSELF)
    if not node.is_master:
        raise ReplyError(node_texts.REPLICATE_REPLICA)
    if me.is_master and (me.slots or ctx.server.databases[0].data):
        raise ReplyError(node_texts.REPLICATE_NOT_EMPTY)
    bus.follow(node)
    return OK


@_acting("failover", -2, "[FORCE|TAKEOVER]", "Let this replica take its primary's place.")
def failover(ctx: Context, bus: Bus, args: Args) -> Reply:
    """CLUSTER FAILOVER [FORCE | TAKEOVER]: without the primary's help; without the other primaries' votes."""
    if len(args) > 3:
        raise ReplyError(texts.subcommand_arguments(args[1], "cluster"))
    word = args[2].lower() if len(args) == 3 else b""
    if word not in (b"", b"force", b"takeover"):
        raise ReplyError(texts.SYNTAX)
    me = bus.state.myself
    if me.is_master:
        raise ReplyError(node_texts.FAILOVER_ON_PRIMARY)
    if me.master is None:
        raise ReplyError(node_texts.FAILOVER_NO_PRIMARY)
    if not word and (me.master.has(NodeFlag.FAIL) or me.master.link not in bus.links):
        raise ReplyError(node_texts.FAILOVER_PRIMARY_DOWN)
    if word == b"takeover":
        bus.host.log("notice", "Taking over the master (user request).")
        bus.state.bump_epoch()
        elections.take_over(bus)
    else:
        manual.start_as_replica(bus, force=word == b"force")
    return OK


@_acting(
    "reset",
    -2,
    "[HARD|SOFT]",
    "Forget the cluster; HARD: be a new node.",
    flags="admin noscript stale",
    complexity="O(N) in the number of nodes, and of keys of a replica",
)
def reset(ctx: Context, bus: Bus, args: Args) -> Reply:
    """CLUSTER RESET [HARD | SOFT]: be an empty primary that knows nobody; HARD: with a new id and no epoch."""
    if len(args) > 3:
        raise ReplyError(texts.subcommand_arguments(args[1], "cluster"))
    word = args[2].lower() if len(args) == 3 else b"soft"
    if word not in (b"soft", b"hard"):
        raise ReplyError(texts.SYNTAX)
    if bus.state.myself.is_master and ctx.server.databases[0].data:
        raise ReplyError(node_texts.RESET_NOT_EMPTY)
    _reset(bus, hard=word == b"hard")
    return OK


def _reset(bus: Bus, *, hard: bool) -> None:
    state = bus.state
    me = state.myself
    if not me.is_master:
        bus.become_master(me)
        bus.host.promote()
        bus.host.empty()
    state.migrating.clear()
    state.importing.clear()
    manual.reset(bus)
    for slot, owner in enumerate(state.owners):
        if owner is not None:
            state.unassign(slot)
    for node in list(state.nodes.values()):
        if node is not me:
            bus.remove(node)
    if hard:
        state.current_epoch = me.config_epoch = state.last_vote_epoch = 0
        del state.nodes[me.id]
        me.id = new_id()
        state.nodes[me.id] = me
        bus.host.log("notice", f"Node hard reset, now I'm {me.id}")
    state.changed = True
    bus.later(Todo.STATE)
