"""Commands on the entries of a stream; reading, groups and information are in `stream_reads` and its neighbours."""

from __future__ import annotations

from functools import partial

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.stream_args import (
    declare,
    entries,
    parse_id,
    parse_interval,
    parse_options,
    show_id,
)
from pyredisai.commands.typed import edit_stream, read_stream
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.keyspace.stream import MAX_ID, MIN_ID, Stream, StreamId, next_id
from pyredisai.resp.replies import EMPTY_ARRAY, NULL_ARRAY, OK, Reply

family = Family("stream")
_declare = partial(declare, family)

UNCERTAIN = ("nondeterministic_output",)
TRIMMING = "<MAXLEN | MINID> [= | ~] threshold [LIMIT count]"


@_declare(
    "xadd",
    -5,
    "write denyoom fast",
    "RW update",
    f"key [NOMKSTREAM] [{TRIMMING}] <* | id> field value [field value ...]",
    "Add an entry to a stream.",
    complexity="O(1), and O(N) in the entries trimmed",
    tips=UNCERTAIN,
)
def xadd(ctx: Context, args: Args) -> Reply:
    """XADD key … id field value…: the entry's id, or null where NOMKSTREAM finds no stream."""
    options = parse_options(ctx, args, adding=True)
    at, key = options.position, args[1]
    fields = tuple(args[at + 1 :])
    if len(fields) < 2 or len(fields) % 2:
        raise ReplyError(texts.wrong_arity("xadd"))
    wanted = options.id
    if wanted == MIN_ID:
        raise ReplyError(stream_texts.STREAM_ID_ZERO)
    stream = edit_stream(ctx, key)
    if stream is None:
        if not options.create:
            return None
        stream = Stream()
        id = _new_id(stream, wanted)
        ctx.db.set(key, stream)
    else:
        id = _new_id(stream, wanted)
        ctx.db.touch(key)
    config = ctx.server.config
    stream.append(id, fields, config["stream-node-max-bytes"], config["stream-node-max-entries"])
    ctx.notify("t", "xadd", key)
    shown = show_id(id)
    trim = options.trim
    if trim is not None and trim.run(stream):
        ctx.notify("t", "xtrim", key)
    if ctx.journaled:
        words = args[2:at]
        if trim is not None and trim.approximate:
            words = trim.reached(stream)
        ctx.propagate([args[0], key, *words, shown, *fields])
    return shown


def _new_id(stream: Stream, wanted: tuple[int, int | None] | None) -> StreamId:
    """The id for a new entry. Raises ReplyError when it is not above the last one."""
    last = stream.last_id
    if last == MAX_ID:
        raise ReplyError(stream_texts.STREAM_EXHAUSTED)
    following = next_id(last)
    assert following is not None
    if wanted is None:
        now = clock.now_ms()
        return (now, 0) if now > last[0] else following
    ms, seq = wanted
    if seq is None:
        id = (ms, 0) if ms != last[0] else following
        if ms == last[0] != following[0]:
            raise ReplyError(stream_texts.STREAM_ID_SMALL)
    else:
        id = (ms, seq)
    if id <= last:
        raise ReplyError(stream_texts.STREAM_ID_SMALL)
    return id


@_declare("xlen", 2, "readonly fast", "RO", "key", "The number of entries.")
def xlen(ctx: Context, args: Args) -> Reply:
    """XLEN key: the number of entries."""
    stream = read_stream(ctx, args[1])
    return 0 if stream is None else len(stream)


def _range(ctx: Context, args: Args, *, backwards: bool) -> Reply:
    """XRANGE key start end, XREVRANGE key end start [COUNT n]: the entries."""
    low, high = (args[3], args[2]) if backwards else (args[2], args[3])
    first, last = parse_interval(low, high)
    count: int | None = None
    rest = iter(args[4:])
    for word in rest:
        value = next(rest, None)
        if word.upper() != b"COUNT" or value is None:
            raise ReplyError(texts.SYNTAX)
        count = max(parse_int(value), 0)
    stream = read_stream(ctx, args[1])
    if stream is None:
        return EMPTY_ARRAY
    if count == 0:
        return NULL_ARRAY
    return entries(stream, stream.range(first, last, count=count or 0, backwards=backwards))


for _name, _words, _what in (
    ("xrange", "start end", "A range of entries."),
    ("xrevrange", "end start", "A range of entries, the last one first."),
):
    _declare(
        _name,
        -4,
        "readonly",
        "RO access",
        f"key {_words} [COUNT count]",
        _what,
        complexity="O(N) in the entries returned",
    )(partial(_range, backwards=_name == "xrevrange"))


@_declare("xdel", -3, "write fast", "RW delete", "key id [id ...]", "Delete entries.", complexity="O(N) in the ids")
def xdel(ctx: Context, args: Args) -> Reply:
    """XDEL key id…: how many were there."""
    key = args[1]
    stream = edit_stream(ctx, key)
    if stream is None:
        return 0
    deleted = sum(map(stream.delete, [parse_id(text) for text in args[2:]]))
    if deleted:
        ctx.db.touch(key)
        ctx.notify("t", "xdel", key)
    return deleted


@_declare(
    "xtrim",
    -4,
    "write",
    "RW delete",
    f"key {TRIMMING}",
    "Delete the oldest entries.",
    complexity="O(N) in the entries deleted",
    tips=UNCERTAIN,
)
def xtrim(ctx: Context, args: Args) -> Reply:
    """XTRIM key …: how many entries were deleted."""
    trim = parse_options(ctx, args, adding=False).trim
    assert trim is not None
    key = args[1]
    stream = edit_stream(ctx, key)
    if stream is None:
        return 0
    deleted = trim.run(stream)
    if deleted:
        ctx.notify("t", "xtrim", key)
        ctx.db.touch(key)
        if ctx.journaled and trim.approximate:
            ctx.propagate([args[0], key, *trim.reached(stream)])
    return deleted


@_declare(
    "xsetid",
    -3,
    "write denyoom fast",
    "RW update",
    "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
    "Set the last id of a stream, and what it has counted; for replication.",
)
def xsetid(ctx: Context, args: Args) -> Reply:
    """XSETID key id …: OK."""
    id = parse_id(args[2])
    added: int | None = None
    max_deleted = MIN_ID
    rest = iter(args[3:])
    for word in rest:
        name, value = word.upper(), next(rest, None)
        if name == b"ENTRIESADDED" and value is not None:
            added = parse_int(value)
            if added < 0:
                raise ReplyError(stream_texts.XSETID_ADDED)
        elif name == b"MAXDELETEDID" and value is not None:
            max_deleted = parse_id(value)
            if id < max_deleted:
                raise ReplyError(stream_texts.XSETID_BELOW_GIVEN)
        else:
            raise ReplyError(texts.SYNTAX)
    stream = edit_stream(ctx, args[1])
    if stream is None:
        raise ReplyError(texts.NO_SUCH_KEY)
    if len(stream):
        if id < stream.top_id:
            raise ReplyError(stream_texts.XSETID_BELOW_TOP)
        if added is not None and len(stream) > added:
            raise ReplyError(stream_texts.XSETID_LENGTH)
    if id < stream.max_deleted_id:
        raise ReplyError(stream_texts.XSETID_BELOW_DELETED)
    stream.last_id = id
    if added is not None:
        stream.added = added
    if max_deleted != MIN_ID:
        stream.max_deleted_id = max_deleted
    ctx.server.events.dirty += 1
    ctx.notify("t", "xsetid", args[1])
    return OK
