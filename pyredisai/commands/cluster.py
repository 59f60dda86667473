"""CLUSTER and its relatives. Cluster mode does not exist yet: every one answers as a Redis without it."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import Reply

family = Family("cluster")

_ADMIN = "admin stale no_async_loading"
# name, arity, flags, since; facts of COMMAND INFO in Redis 7.0
_SUBCOMMANDS = (
    ("addslots", -3, _ADMIN, "3.0.0"),
    ("addslotsrange", -4, _ADMIN, "7.0.0"),
    ("bumpepoch", 2, _ADMIN, "3.0.0"),
    ("count-failure-reports", 3, "admin stale", "3.0.0"),
    ("countkeysinslot", 3, "stale", "3.0.0"),
    ("delslots", -3, _ADMIN, "3.0.0"),
    ("delslotsrange", -4, _ADMIN, "7.0.0"),
    ("failover", -2, _ADMIN, "3.0.0"),
    ("flushslots", 2, _ADMIN, "3.0.0"),
    ("forget", 3, _ADMIN, "3.0.0"),
    ("getkeysinslot", 4, "stale", "3.0.0"),
    ("help", 2, "loading stale", "5.0.0"),
    ("info", 2, "stale", "3.0.0"),
    ("keyslot", 3, "stale", "3.0.0"),
    ("links", 2, "stale", "7.0.0"),
    ("meet", -4, _ADMIN, "3.0.0"),
    ("myid", 2, "stale", "3.0.0"),
    ("nodes", 2, "stale", "3.0.0"),
    ("replicas", 3, "admin stale", "5.0.0"),
    ("replicate", 3, _ADMIN, "3.0.0"),
    ("reset", -2, "admin noscript stale", "3.0.0"),
    ("saveconfig", 2, _ADMIN, "3.0.0"),
    ("set-config-epoch", 3, _ADMIN, "3.0.0"),
    ("setslot", -4, _ADMIN, "3.0.0"),
    ("shards", 2, "stale", "7.0.0"),
    ("slaves", 3, "admin stale", "3.0.0"),
    ("slots", 2, "stale", "3.0.0"),
)
_VARYING = [
    "bumpepoch",
    "count-failure-reports",
    "getkeysinslot",
    "info",
    "links",
    "nodes",
    "replicas",
    "shards",
    "slaves",
    "slots",
]


def _disabled(ctx: Context, args: Args) -> Reply:
    """Every command of this family."""
    raise ReplyError(texts.CLUSTER_DISABLED)


family.add("cluster", None, arity=-2, since="3.0.0", summary="Commands about the cluster.")
for _name, _arity, _flags, _since in _SUBCOMMANDS:
    _tips = ("nondeterministic_output",) if _name in _VARYING else ()
    family.add(
        f"cluster|{_name}",
        _disabled,
        arity=_arity,
        flags=_flags,
        since=_since,
        summary="Needs cluster mode.",
        tips=_tips,
    )
family.add("readonly", _disabled, arity=1, flags="loading stale fast", categories="connection", since="3.0.0")
family.add("readwrite", _disabled, arity=1, flags="loading stale fast", categories="connection", since="3.0.0")
family.add("asking", _disabled, arity=1, flags="fast", categories="connection", since="3.0.0")
