"""XINFO: what a stream, its groups and their consumers are."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.help import help_reply
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.stream_args import declare, entries, show_id
from pyredisai.commands.typed import read_stream
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.keyspace.stream import MAX_ID, MIN_ID, Consumer, Group, Stream, StreamId
from pyredisai.resp.replies import Reply

family = Family("stream")
_declare = partial(declare, family)

family.add("xinfo", None, arity=-2, since="5.0.0", summary="Commands that describe streams.")
_KEY = (2, 2, 1)
DEFAULT_COUNT = 10


def _stream(ctx: Context, key: bytes) -> Stream:
    stream = read_stream(ctx, key)
    if stream is None:
        raise ReplyError(texts.NO_SUCH_KEY)
    return stream


def tree_nodes(ids: list[StreamId]) -> int:
    """How many nodes a radix tree has that holds these ids (in order) as keys of 16 bytes.

    Runs of bytes without a fork are one node, as are a fork and a key's end.
    """
    keys = [ms.to_bytes(8, "big") + seq.to_bytes(8, "big") for ms, seq in ids]
    return _tree_nodes(keys, 0) if keys else 1


def _tree_nodes(keys: list[bytes], depth: int) -> int:
    first, last = keys[0], keys[-1]
    if len(keys) == 1:
        return 1 + (depth < len(first))
    fork = next(i for i in range(depth, len(first)) if first[i] != last[i])
    count = 1 + (fork > depth)
    start = 0
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at][fork] != keys[start][fork]:
            count += _tree_nodes(keys[start:at], fork + 1)
            start = at
    return count


@_declare(
    "xinfo|stream",
    -3,
    "readonly",
    "RO access",
    "key [FULL [COUNT count]]",
    "Describe a stream.",
    complexity="O(N) in the nodes of the stream, and in what FULL shows",
    keys=_KEY,
)
def xinfo_stream(ctx: Context, args: Args) -> Reply:
    """XINFO STREAM key [FULL [COUNT n]]: a map."""
    stream = _stream(ctx, args[2])
    options = args[3:]
    count = DEFAULT_COUNT
    if options:
        if len(options) == 2 or len(options) > 3 or options[0].upper() != b"FULL":
            raise ReplyError(texts.subcommand_arguments(args[1], "xinfo"))
        if len(options) == 3:
            if options[1].upper() != b"COUNT":
                raise ReplyError(texts.subcommand_arguments(args[1], "xinfo"))
            count = parse_int(options[2])
            count = DEFAULT_COUNT if count < 0 else count
    shown: dict[Reply, Reply] = {
        "length": len(stream),
        "radix-tree-keys": len(stream.nodes),
        "radix-tree-nodes": tree_nodes([node.first for node in stream.nodes]),
        "last-generated-id": show_id(stream.last_id),
        "max-deleted-entry-id": show_id(stream.max_deleted_id),
        "entries-added": stream.added,
        "recorded-first-entry-id": show_id(stream.first_id),
    }
    if options:
        shown["entries"] = entries(stream, stream.range(MIN_ID, MAX_ID, count=count))
        groups = sorted(stream.groups.items())
        shown["groups"] = [_full_group(stream, name, group, count) for name, group in groups]
        return shown
    ends = [entries(stream, (id,))[0] for id in (stream.first_id, stream.top_id)] if len(stream) else [None, None]
    shown["groups"] = len(stream.groups)
    shown["first-entry"], shown["last-entry"] = ends
    return shown


def _full_group(stream: Stream, name: bytes, group: Group, count: int) -> dict[Reply, Reply]:
    return {
        "name": name,
        "last-delivered-id": show_id(group.last_id),
        "entries-read": group.entries_read,
        "lag": stream.lag(group),
        "pel-count": len(group.pending),
        "pending": [
            (show_id(id), pending.consumer, pending.delivered_ms, pending.count)
            for id, pending in _some(group.pending, count)
        ],
        "consumers": [_full_consumer(consumer, count) for consumer in group.in_order()],
    }


def _full_consumer(consumer: Consumer, count: int) -> dict[Reply, Reply]:
    return {
        "name": consumer.name,
        "seen-time": consumer.seen_ms,
        "pel-count": len(consumer.pending),
        "pending": [
            (show_id(id), pending.delivered_ms, pending.count) for id, pending in _some(consumer.pending, count)
        ],
    }


def _some(pending: Any, count: int) -> Any:
    return islice(pending.items(), count or None)


@_declare("xinfo|groups", 3, "readonly", "RO access", "key", "Describe the groups of a stream.", keys=_KEY)
def xinfo_groups(ctx: Context, args: Args) -> Reply:
    """XINFO GROUPS key: a map for each group."""
    stream = _stream(ctx, args[2])
    return [
        {
            "name": name,
            "consumers": len(group.consumers),
            "pending": len(group.pending),
            "last-delivered-id": show_id(group.last_id),
            "entries-read": group.entries_read,
            "lag": stream.lag(group),
        }
        for name, group in sorted(stream.groups.items())
    ]


@_declare(
    "xinfo|consumers",
    4,
    "readonly",
    "RO access",
    "key group",
    "Describe the consumers of a group.",
    keys=_KEY,
    tips=("nondeterministic_output",),
)
def xinfo_consumers(ctx: Context, args: Args) -> Reply:
    """XINFO CONSUMERS key group: a map for each consumer; `idle` in milliseconds."""
    group = _stream(ctx, args[2]).groups.get(args[3])
    if group is None:
        raise ReplyError(stream_texts.no_group_of_key(args[2], args[3]))
    now = clock.now_ms()
    return [
        {"name": one.name, "pending": len(one.pending), "idle": max(now - one.seen_ms, 0)} for one in group.in_order()
    ]


HELP = {
    "CONSUMERS <key> <groupname>": "Describe the consumers of a group.",
    "GROUPS <key>": "Describe the groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]]": "Describe a stream; FULL with entries, groups and consumers.",
}


@family.command(
    "xinfo|help",
    arity=2,
    flags="loading stale",
    categories="stream",
    since="5.0.0",
    summary="The subcommands of XINFO.",
    complexity="O(1)",
)
def xinfo_help(ctx: Context, args: Args) -> Reply:
    """XINFO HELP: lines of text."""
    return help_reply("xinfo", HELP)
