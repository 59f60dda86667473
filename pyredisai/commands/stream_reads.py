"""XREAD and XREADGROUP, also as they wait for entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.blocking import Waiter, wait_table
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.stream_args import declare, entries, parse_id, show_id
from pyredisai.commands.stream_effects import claimed, consumer_created, position
from pyredisai.commands.typed import read_stream
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.journal import Effect
from pyredisai.keyspace.stream import MAX_ID, MIN_ID, Consumer, Group, Stream, StreamId, next_id
from pyredisai.resp.aggregates import Pairs
from pyredisai.resp.replies import NULL_ARRAY, Error, Reply

family = Family("stream")
_declare = partial(declare, family)

# How many entries a reader that has waited gets unless it said a number.
COUNT_AFTER_WAIT = 1000


@dataclass(slots=True)
class Request:
    """What an XREAD or XREADGROUP asks for. `ids` are those after which to read; MAX_ID: new to the group.

    `count` 0 is no limit, `wait` None does not wait and 0 waits for ever (milliseconds).
    """

    keys: list[bytes] = field(default_factory=list)
    words: list[bytes] = field(default_factory=list)
    ids: list[StreamId] = field(default_factory=list)
    count: int = 0
    wait: int | None = None
    group: bytes | None = None
    consumer: bytes = b""
    acknowledged: bool = False


def _parse(args: Args, *, grouped: bool) -> Request:
    """Read the words. Raises ReplyError."""
    request = Request()
    rest = iter(args[1:])
    left = len(args) - 1
    for word in rest:
        name = word.upper()
        left -= 1
        if name == b"STREAMS" and left:
            if left % 2:
                raise ReplyError(stream_texts.XREAD_UNBALANCED)
            names = list(rest)
            request.keys, request.words = names[: left // 2], names[left // 2 :]
        elif name == b"BLOCK" and left:
            left -= 1
            request.wait = _timeout(next(rest))
        elif name == b"COUNT" and left:
            left -= 1
            request.count = max(parse_int(next(rest)), 0)
        elif name == b"GROUP" and left >= 2:
            if not grouped:
                raise ReplyError(stream_texts.XREAD_GROUP)
            left -= 2
            request.group, request.consumer = next(rest), next(rest)
        elif name == b"NOACK":
            if not grouped:
                raise ReplyError(stream_texts.XREAD_NOACK)
            request.acknowledged = True
        else:
            raise ReplyError(texts.SYNTAX)
    if not request.keys:
        raise ReplyError(texts.SYNTAX)
    if grouped and request.group is None:
        raise ReplyError(stream_texts.XREADGROUP_WITHOUT_GROUP)
    return request


def _timeout(text: bytes) -> int:
    milliseconds = parse_int(text, texts.TIMEOUT_NOT_INTEGER)
    if milliseconds < 0:
        raise ReplyError(texts.TIMEOUT_NEGATIVE)
    return milliseconds


def _read_id(stream: Stream | None, word: bytes, *, grouped: bool) -> StreamId:
    if word == b"$":
        if grouped:
            raise ReplyError(stream_texts.XREADGROUP_LAST)
        return MIN_ID if stream is None else stream.last_id
    if word == b">":
        if not grouped:
            raise ReplyError(stream_texts.XREAD_NEW)
        return MAX_ID
    return parse_id(word)


def _read(ctx: Context, args: Args, *, grouped: bool) -> Reply:
    """XREAD, XREADGROUP …: for each stream that has entries its key and these, or a null array."""
    ctx.effects = []
    request = _parse(args, grouped=grouped)
    for key, word in zip(request.keys, request.words, strict=True):
        stream = read_stream(ctx, key)
        if request.group is not None and (stream is None or request.group not in stream.groups):
            raise ReplyError(stream_texts.no_group_to_read(key, request.group))
        request.ids.append(_read_id(stream, word, grouped=grouped))
    found = Pairs()
    for key, after in zip(request.keys, request.ids, strict=True):
        stream = read_stream(ctx, key)
        if stream is not None:
            served = _serve(ctx, key, stream, request, after, request.count)
            if served is not None:
                found.append((key, served))
    if found:
        return found
    if request.wait is None or not ctx.client.may_block:
        return NULL_ARRAY
    return _wait(ctx, request)


def _serve(
    ctx: Context, key: bytes, stream: Stream, request: Request, after: StreamId, count: int
) -> list[Reply] | None:
    """What a stream has for a request at once; None for nothing. A consumer's own history it always has."""
    if request.group is None:
        if stream.top_id <= after:
            return None
        return entries(stream, _after(stream, after, count))
    group = stream.groups[request.group]
    if after != MAX_ID:
        consumer = _consumer(ctx, key, group, request)
        ctx.server.events.dirty += 1
        return _history(stream, consumer, after, count)
    if not len(stream) or stream.top_id <= group.last_id:
        return None
    return _deliver(ctx, key, stream, request, count)


def _after(stream: Stream, after: StreamId, count: int) -> list[StreamId]:
    first = next_id(after)
    return [] if first is None else stream.range(first, MAX_ID, count=count)


def _consumer(ctx: Context, key: bytes, group: Group, request: Request) -> Consumer:
    """The request's consumer, made if it is new."""
    assert request.group is not None
    known = group.consumers.get(request.consumer)
    if known is not None:
        known.seen_ms = clock.now_ms()
        return known
    made = add_consumer(ctx, key, group, request.consumer)
    ctx.propagate(consumer_created(key, request.group, request.consumer))
    return made


def add_consumer(ctx: Context, key: bytes, group: Group, name: bytes) -> Consumer:
    """Add a consumer to a group, with the event."""
    made = group.consumers[name] = Consumer(name, clock.now_ms())
    ctx.server.events.dirty += 1
    ctx.notify("t", "xgroup-createconsumer", key)
    return made


def _history(stream: Stream, consumer: Consumer, after: StreamId, count: int) -> list[Reply]:
    """What a consumer got and has not acknowledged; deleted entries have no fields."""
    found: list[Reply] = []
    now = clock.now_ms()
    for id in consumer.pending.irange(after, inclusive=(False, True)):
        if count and len(found) == count:
            break
        fields = stream.entries.get(id)
        if fields is not None:
            pending = consumer.pending[id]
            pending.delivered_ms = now
            pending.count += 1
        found.append((show_id(id), NULL_ARRAY if fields is None else fields))
    return found


def _deliver(ctx: Context, key: bytes, stream: Stream, request: Request, count: int) -> list[Reply]:
    """Entries that are new to the group, which become pending unless they count as acknowledged."""
    name = request.group
    assert name is not None
    group = stream.groups[name]
    consumer = _consumer(ctx, key, group, request)
    ids = _after(stream, group.last_id, count)
    now = clock.now_ms()
    effects: list[Effect] = []
    for id in ids:
        stream.deliver(group, id)
        if not request.acknowledged:
            pending = group.assign(id, consumer, now)
            if ctx.journaled:
                effects.append(claimed(key, name, group, id, pending))
    if ids and ctx.journaled:
        ctx.propagate(*effects, position(key, name, group))
    ctx.server.events.dirty += 1
    return entries(stream, ids)


def _wait(ctx: Context, request: Request) -> Reply:
    """Wait for the first stream that gets an entry."""
    after = dict(zip(reversed(request.keys), reversed(request.ids), strict=True))
    count = request.count or COUNT_AFTER_WAIT
    grouped = request.group is not None

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        stream: Stream = ctx.db.data[key]
        ctx.effects = []
        if request.group is None:
            start = after[key]
        elif request.group in stream.groups:
            start = stream.groups[request.group].last_id
        else:
            raise ReplyError(stream_texts.GROUP_GONE)
        if stream.last_id <= start:
            return None
        if not grouped:
            return Pairs([(key, entries(stream, _after(stream, start, count)))]), []
        found = _deliver(ctx, key, stream, request, count)
        return Pairs([(key, found)]), ctx.effects

    places = [(ctx.db.index, key) for key in after]
    gone = Error(stream_texts.STREAM_GONE) if grouped else None
    waiter = Waiter(ctx, places, Stream, attempt, NULL_ARRAY, on_gone=gone)
    assert request.wait is not None
    return wait_table(ctx.server).add(waiter, request.wait / 1000)


_STREAMS = "[COUNT count] [BLOCK milliseconds]"
_declare(
    "xread",
    -4,
    "readonly blocking",
    "",
    f"{_STREAMS} STREAMS key [key ...] id [id ...]",
    "Entries of several streams after given ids; waits for them with BLOCK.",
    complexity="O(N) in the entries returned",
    key_specs=(KeySpec("RO access", keyword="STREAMS", start=1, range=(-1, 1, 2)),),
)(partial(_read, grouped=False))
_declare(
    "xreadgroup",
    -7,
    "write blocking",
    "",
    f"GROUP group consumer {_STREAMS} [NOACK] STREAMS key [key ...] id [id ...]",
    "Entries that are new to a consumer group, or those that a consumer has not acknowledged.",
    complexity="O(N) in the entries returned",
    key_specs=(KeySpec("RO access", keyword="STREAMS", start=4, range=(-1, 1, 2)),),
)(partial(_read, grouped=True))
