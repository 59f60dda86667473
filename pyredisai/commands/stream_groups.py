"""XGROUP, and what a group's consumers have not acknowledged: XACK, XPENDING."""

from __future__ import annotations

from functools import partial
from typing import Any

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.blocking import wait_table
from pyredisai.commands.context import Context
from pyredisai.commands.help import help_reply
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.stream_args import declare, parse_id, parse_interval, show_id
from pyredisai.commands.stream_reads import add_consumer
from pyredisai.commands.typed import edit_stream, read_stream
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.keyspace.stream import MIN_ID, Group, Stream
from pyredisai.resp.replies import EMPTY_ARRAY, NULL_ARRAY, OK, Reply

family = Family("stream")
_declare = partial(declare, family)

family.add("xgroup", None, arity=-2, since="5.0.0", summary="Commands on consumer groups.")
_KEY = (2, 2, 1)


def _options(args: Args, *, create: bool) -> tuple[bool, int | None]:
    """MKSTREAM and ENTRIESREAD, after the id. Raises ReplyError."""
    make, read = False, -1
    rest = iter(args[5:])
    for word in rest:
        name = word.upper()
        if create and name == b"MKSTREAM":
            make = True
            continue
        value = next(rest, None)
        if name != b"ENTRIESREAD" or value is None:
            raise ReplyError(texts.subcommand_arguments(args[1], "xgroup"))
        read = parse_int(value)
        if read < -1:
            raise ReplyError(stream_texts.ENTRIESREAD)
    return make, None if read < 0 else read


def _stream(ctx: Context, key: bytes) -> Stream:
    stream = edit_stream(ctx, key)
    if stream is None:
        raise ReplyError(stream_texts.XGROUP_KEY)
    return stream


def _group(ctx: Context, args: Args) -> tuple[Stream, Group]:
    stream = _stream(ctx, args[2])
    group = stream.groups.get(args[3])
    if group is None:
        raise ReplyError(stream_texts.no_group_of_key(args[2], args[3]))
    return stream, group


def _changed(ctx: Context, key: bytes, event: str) -> None:
    """Groups change without touching their key: nobody who watches it is told."""
    ctx.server.events.dirty += 1
    ctx.notify("t", event, key)


@_declare(
    "xgroup|create",
    -5,
    "write denyoom",
    "RW insert",
    "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
    "Make a consumer group.",
    keys=_KEY,
)
def xgroup_create(ctx: Context, args: Args) -> Reply:
    """XGROUP CREATE key group id …: OK."""
    make, read = _options(args, create=True)
    key, name, word = args[2:5]
    stream = edit_stream(ctx, key) if make else _stream(ctx, key)
    if len(args) > 8:
        raise ReplyError(texts.subcommand_arguments(args[1], "xgroup"))
    last = MIN_ID if stream is None else stream.last_id
    id = last if word == b"$" else parse_id(word)
    if stream is None:
        stream = Stream()
        ctx.db.set(key, stream)
    if name in stream.groups:
        raise ReplyError(stream_texts.BUSYGROUP)
    stream.groups[name] = Group(id, read)
    _changed(ctx, key, "xgroup-create")
    return OK


@_declare(
    "xgroup|setid",
    -5,
    "write",
    "RW update",
    "key group <id | $> [ENTRIESREAD entries-read]",
    "Set how far a consumer group has read.",
    keys=_KEY,
)
def xgroup_setid(ctx: Context, args: Args) -> Reply:
    """XGROUP SETID key group id …: OK."""
    _, read = _options(args, create=False)
    stream, group = _group(ctx, args)
    if len(args) not in (5, 7):
        raise ReplyError(texts.subcommand_arguments(args[1], "xgroup"))
    group.last_id = stream.last_id if args[4] == b"$" else parse_id(args[4], strict=False)
    group.entries_read = read
    _changed(ctx, args[2], "xgroup-setid")
    return OK


@_declare("xgroup|destroy", 4, "write", "RW delete", "key group", "Remove a consumer group.", keys=_KEY)
def xgroup_destroy(ctx: Context, args: Args) -> Reply:
    """XGROUP DESTROY key group: 1 when it was there."""
    key = args[2]
    stream = _stream(ctx, key)
    if stream.groups.pop(args[3], None) is None:
        return 0
    wait_table(ctx.server).look_at(ctx.db.index, key)
    _changed(ctx, key, "xgroup-destroy")
    return 1


@_declare(
    "xgroup|createconsumer",
    5,
    "write denyoom",
    "RW insert",
    "key group consumer",
    "Make a consumer in a group.",
    since="6.2.0",
    keys=_KEY,
)
def xgroup_createconsumer(ctx: Context, args: Args) -> Reply:
    """XGROUP CREATECONSUMER key group consumer: 1 when it is new."""
    _, group = _group(ctx, args)
    if args[4] in group.consumers:
        return 0
    add_consumer(ctx, args[2], group, args[4])
    return 1


@_declare(
    "xgroup|delconsumer",
    5,
    "write",
    "RW delete",
    "key group consumer",
    "Remove a consumer and what is pending for it.",
    keys=_KEY,
)
def xgroup_delconsumer(ctx: Context, args: Args) -> Reply:
    """XGROUP DELCONSUMER key group consumer: how many entries were pending for it."""
    _, group = _group(ctx, args)
    consumer = group.consumers.get(args[4])
    if consumer is None:
        return 0
    count = group.remove_consumer(consumer)
    _changed(ctx, args[2], "xgroup-delconsumer")
    return count


HELP = {
    "CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD <n>]": "Make a group that has read up to <id>, or up to "
    "the last entry.\nMKSTREAM makes an empty stream where there is none.",
    "CREATECONSUMER <key> <groupname> <consumer>": "Make a consumer.",
    "DELCONSUMER <key> <groupname> <consumer>": "Remove a consumer.",
    "DESTROY <key> <groupname>": "Remove a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD <n>]": "Let a group have read up to <id>.",
}


@family.command(
    "xgroup|help",
    arity=2,
    flags="loading stale",
    categories="stream",
    since="5.0.0",
    summary="The subcommands of XGROUP.",
    complexity="O(1)",
)
def xgroup_help(ctx: Context, args: Args) -> Reply:
    """XGROUP HELP: lines of text."""
    return help_reply("xgroup", HELP)


@_declare(
    "xack",
    -4,
    "write fast",
    "RW update",
    "key group id [id ...]",
    "Acknowledge entries: they are pending no longer.",
    complexity="O(N) in the ids",
)
def xack(ctx: Context, args: Args) -> Reply:
    """XACK key group id…: how many were pending."""
    stream = read_stream(ctx, args[1])
    group = None if stream is None else stream.groups.get(args[2])
    if group is None:
        return 0
    done = sum(map(group.acknowledge, [parse_id(text) for text in args[3:]]))
    ctx.server.events.dirty += done
    return done


@_declare(
    "xpending",
    -3,
    "readonly",
    "RO access",
    "key group [[IDLE min-idle-time] start end count [consumer]]",
    "What is pending in a group.",
    complexity="O(N) in the entries looked at",
    tips=("nondeterministic_output",),
)
def xpending(ctx: Context, args: Args) -> Reply:
    """XPENDING key group …: number, first and last id, consumers; or the single entries of a range."""
    if len(args) != 3 and not 6 <= len(args) <= 9:
        raise ReplyError(texts.SYNTAX)
    words, idle = args[3:], 0
    if words and words[0].upper() == b"IDLE":
        idle = parse_int(words[1])
        words = words[2:]
        if len(words) < 3:
            raise ReplyError(texts.SYNTAX)
    if words:
        count = max(parse_int(words[2]), 0)
        first, last = parse_interval(words[0], words[1])
    stream = read_stream(ctx, args[1])
    group = None if stream is None else stream.groups.get(args[2])
    if group is None:
        raise ReplyError(stream_texts.no_group(args[1], args[2]))
    if not words:
        return _summary(group)
    source: Any = group.pending
    if len(words) > 3:
        consumer = group.consumers.get(words[3])
        if consumer is None:
            return EMPTY_ARRAY
        source = consumer.pending
    found: list[Reply] = []
    now = clock.now_ms()
    for id in source.irange(first, last):
        if len(found) == count:
            break
        pending = source[id]
        waited = now - pending.delivered_ms
        if not idle or waited >= idle:
            found.append((show_id(id), pending.consumer, max(waited, 0), pending.count))
    return found


def _summary(group: Group) -> Reply:
    if not group.pending:
        return [0, None, None, NULL_ARRAY]
    first, last = group.pending.keys()[0], group.pending.keys()[-1]
    busy = [(one.name, b"%d" % len(one.pending)) for one in group.in_order() if one.pending]
    return [len(group.pending), show_id(first), show_id(last), busy]
