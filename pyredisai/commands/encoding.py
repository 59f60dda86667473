"""OBJECT: how Redis would keep a value."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from pyredisai.commands.context import Context
from pyredisai.commands.help import help_reply
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.types import hash_encoding, set_encoding, sorted_set_encoding, string_encoding
from pyredisai.keyspace.usage import Frequencies
from pyredisai.resp.replies import Reply

family = Family("generic")


def encoding(ctx: Context, value: Any) -> str:
    """The name that OBJECT ENCODING answers.

    It follows from the value and the present thresholds: a container that has shrunk may be called small
    again, where Redis would not convert it back.
    """
    config = ctx.server.config
    kind = type(value)
    if kind is bytes or kind is memoryview:
        return string_encoding(value)
    if kind is dict:
        return hash_encoding(value, config["hash-max-listpack-entries"], config["hash-max-listpack-value"])
    if kind is set:
        return set_encoding(value, config["set-max-intset-entries"])
    if kind is deque:
        return "quicklist"
    if kind is SortedSet:
        limits = config["zset-max-listpack-entries"], config["zset-max-listpack-value"]
        return sorted_set_encoding(value.scores, *limits)
    return getattr(value, "encoding", "raw")


family.add("object", None, arity=-2, since="2.2.3", summary="Commands on how values are kept.")


def _declare(name: str, what: str, since: str) -> Callable[[Handler], Handler]:
    return family.command(
        f"object|{name}",
        arity=3,
        flags="readonly",
        keys=(2, 2, 1),
        key_flags="RO",
        categories="keyspace",
        since=since,
        tips=("nondeterministic_output",),
        summary=what,
        complexity="O(1)",
        syntax="key",
    )


@_declare("encoding", "How Redis would encode a value.", "2.2.3")
def object_encoding(ctx: Context, args: Args) -> Reply:
    """OBJECT ENCODING key: the name, or null."""
    value = ctx.db.peek(args[2])
    return None if value is None else encoding(ctx, value).encode()


@_declare("refcount", "The references to a value: always one.", "2.2.3")
def object_refcount(ctx: Context, args: Args) -> Reply:
    """OBJECT REFCOUNT key: 1, or null."""
    return None if ctx.db.peek(args[2]) is None else 1


@_declare("idletime", "Seconds since a key was used.", "2.2.3")
def object_idletime(ctx: Context, args: Args) -> Reply:
    """OBJECT IDLETIME key: seconds, or null. Accesses are noted from the first such question on."""
    if ctx.db.peek(args[2]) is None:
        return None
    if isinstance(ctx.db.usage, Frequencies):
        raise ReplyError(texts.NO_LRU)
    return ctx.db.track_access().idle_s(args[2])


@_declare("freq", "How often a key is used, on a logarithmic scale.", "4.0.0")
def object_freq(ctx: Context, args: Args) -> Reply:
    """OBJECT FREQ key: the counter, or null; refused unless an LFU policy is selected."""
    if ctx.db.peek(args[2]) is None:
        return None
    if not isinstance(ctx.db.usage, Frequencies):
        raise ReplyError(texts.NO_LFU)
    return ctx.db.usage.order(args[2])


HELP = {
    "ENCODING <key>": "The name of the form in which Redis would keep the value\nunder <key>.",
    "FREQ <key>": "How often <key> is used, on a logarithmic scale; needs an\nLFU maxmemory policy.",
    "IDLETIME <key>": "Seconds since <key> was used, counted from the first time\nthat somebody asked.",
    "REFCOUNT <key>": "How many references the value under <key> has;\nalways 1.",
}


@family.command(
    "object|help",
    arity=2,
    flags="loading stale",
    categories="keyspace",
    since="6.2.0",
    summary="The subcommands of OBJECT.",
    complexity="O(1)",
)
def object_help(ctx: Context, args: Args) -> Reply:
    """OBJECT HELP: lines of text."""
    return help_reply("object", HELP)
