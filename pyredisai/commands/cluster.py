"""CLUSTER's declarations that all its subcommands share, and those that look: nodes, slots, keys of a slot.

Without cluster mode every one of the family answers that it is disabled.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeAlias

from pyredisai.cluster.nodes_conf import describe
from pyredisai.cluster.slots import slot_of
from pyredisai.cluster.state import ClusterState, Node
from pyredisai.commands import cluster_view as view
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.help import help_reply
from pyredisai.commands.redirection import READS_REPLICA, is_plain
from pyredisai.commands.slot_keys import slot_keys
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.errors import ReplyError, cluster_node_texts, cluster_texts, texts
from pyredisai.resp.replies import OK, Reply, Verbatim

NodeHandler: TypeAlias = Callable[[Context, ClusterState, Args], Reply]
ADMIN = "admin stale no_async_loading"

family = Family("cluster")
family.add("cluster", None, arity=-2, since="3.0.0", summary="Nodes and slots of the cluster.")


def node_of(state: ClusterState, name: bytes, error: Callable[[str], str] = cluster_node_texts.unknown_node) -> Node:
    """The node that an argument names. Raises ReplyError."""
    text = name.decode("latin-1")
    node = state.nodes.get(text)
    if node is None:
        raise ReplyError(error(text))
    return node


def in_cluster(handler: NodeHandler) -> Handler:
    """A handler that is given the state of the cluster; without cluster mode it is not called."""

    @wraps(handler)
    def run(ctx: Context, args: Args) -> Reply:
        state = ctx.server.cluster
        if state is None:
            raise ReplyError(texts.CLUSTER_DISABLED)
        return handler(ctx, state, args)

    return run


def subcommand(
    of: Family,
    name: str,
    arity: int,
    flags: str,
    since: str,
    summary: str,
    syntax: str = "",
    complexity: str = "O(1)",
    tips: tuple[str, ...] = (),
) -> Callable[[NodeHandler], NodeHandler]:
    """Declare `cluster|name`; `of` has the container `cluster`."""

    def declare(handler: NodeHandler) -> NodeHandler:
        of.add(
            f"cluster|{name}",
            in_cluster(handler),
            arity=arity,
            flags=flags,
            since=since,
            summary=summary,
            syntax=syntax,
            complexity=complexity,
            tips=tips,
        )
        return handler

    return declare


_VARYING = ("nondeterministic_output",)


@subcommand(family, "info", 2, "stale", "3.0.0", "The state of the cluster.", tips=_VARYING)
def cluster_info(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER INFO."""
    return Verbatim(view.info(state).encode())


@subcommand(family, "nodes", 2, "stale", "3.0.0", "The nodes, as this one sees them, a line each.", tips=_VARYING)
def cluster_nodes(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER NODES."""
    return Verbatim(view.nodes(state, plain=is_plain(ctx.server, ctx.client)).encode("utf-8", "surrogateescape"))


@subcommand(family, "slots", 2, "stale", "3.0.0", "Who serves which slots, replicas too.", tips=_VARYING)
def cluster_slots(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER SLOTS: first and last slot of each range, then its nodes, the primary first."""
    return view.slots(ctx.server, state, plain=is_plain(ctx.server, ctx.client))


@subcommand(family, "shards", 2, "stale", "7.0.0", "Primaries with their replicas and slots.", tips=_VARYING)
def cluster_shards(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER SHARDS."""
    return view.shards(ctx.server, state)


@subcommand(family, "links", 2, "stale", "7.0.0", "The connections of the cluster's bus.", tips=_VARYING)
def cluster_links(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER LINKS."""
    return view.links(state)


@subcommand(family, "myid", 2, "stale", "3.0.0", "The id of this node.")
def cluster_myid(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER MYID."""
    return state.myself.id


@subcommand(family, "keyslot", 3, "stale", "3.0.0", "The slot that a key belongs to.", "<key>")
def cluster_keyslot(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER KEYSLOT key."""
    return slot_of(args[2])


def _replicas(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER REPLICAS id: a line of CLUSTER NODES each."""
    node = node_of(state, args[2])
    if not node.is_master:
        raise ReplyError(cluster_texts.NOT_A_MASTER)
    plain = is_plain(ctx.server, ctx.client)
    return [describe(state, replica, plain=plain).encode("utf-8", "surrogateescape") for replica in node.replicas]


for _name, _since in (("replicas", "5.0.0"), ("slaves", "3.0.0")):
    subcommand(family, _name, 3, "admin stale", _since, "The replicas of a primary.", "<node-id>", tips=_VARYING)(
        _replicas
    )


@subcommand(
    family,
    "count-failure-reports",
    3,
    "admin stale",
    "3.0.0",
    "How many primaries say that a node fails.",
    "<node-id>",
    tips=_VARYING,
)
def cluster_count_failure_reports(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER COUNT-FAILURE-REPORTS id: those of the time that counts, twice the node timeout."""
    node = node_of(state, args[2])
    return view.failure_reports(node, 2 * ctx.server.config["cluster-node-timeout"])


@subcommand(family, "countkeysinslot", 3, "stale", "3.0.0", "How many keys of a slot are here.", "<slot>")
def cluster_countkeysinslot(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER COUNTKEYSINSLOT slot."""
    slot = parse_int(args[2])
    if not 0 <= slot < len(state.owners):
        raise ReplyError(cluster_texts.INVALID_SLOT_TO_COUNT)
    return slot_keys(ctx.server).count(slot)


@subcommand(
    family,
    "getkeysinslot",
    4,
    "stale",
    "3.0.0",
    "Names of keys of a slot.",
    "<slot> <count>",
    complexity="O(N), the number of keys that are asked for",
    tips=_VARYING,
)
def cluster_getkeysinslot(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER GETKEYSINSLOT slot count: the newest first."""
    slot, count = parse_int(args[2]), parse_int(args[3])
    if not 0 <= slot < len(state.owners) or count < 0:
        raise ReplyError(cluster_texts.INVALID_SLOT_OR_COUNT)
    return slot_keys(ctx.server).newest(slot, count)


@subcommand(family, "help", 2, "loading stale", "5.0.0", "List the subcommands.")
def cluster_help(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """CLUSTER HELP."""
    subcommands = ctx.server.table.commands["cluster"].subcommands
    lines = {f"{name.upper()} {c.syntax}".rstrip(): c.summary for name, c in subcommands.items() if name != "help"}
    return help_reply("cluster", lines)


def _own(name: str, flags: str, summary: str, handler: NodeHandler) -> None:
    family.add(
        name,
        in_cluster(handler),
        arity=1,
        flags=flags,
        categories="connection",
        since="3.0.0",
        summary=summary,
        complexity="O(1)",
    )


def _readonly(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """READONLY."""
    ctx.client.flags.add(READS_REPLICA)
    return OK


def _readwrite(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """READWRITE."""
    ctx.client.flags.discard(READS_REPLICA)
    return OK


def _asking(ctx: Context, state: ClusterState, args: Args) -> Reply:
    """ASKING: the next request, or transaction, may use a slot that is being imported."""
    ctx.client.asking = 1 if ctx.client.in_exec else 2
    return OK


_own("readonly", "loading stale fast", "Let a replica answer what only reads.", _readonly)
_own("readwrite", "loading stale fast", "End that.", _readwrite)
_own("asking", "fast", "Follow an ASK redirection with the next request.", _asking)
