"""Pending entries that change hands: XCLAIM and XAUTOCLAIM."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from pyredisai import clock
from pyredisai.commands.args import INT64_MAX, parse_int, parse_range
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.stream_args import declare, entries, parse_id, parse_start, show_id
from pyredisai.commands.stream_effects import claimed, position
from pyredisai.commands.stream_reads import add_consumer
from pyredisai.commands.typed import read_stream
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.keyspace.stream import MIN_ID, Consumer, Group, Pending, Stream, StreamId
from pyredisai.resp.replies import Reply

family = Family("stream")
_declare = partial(declare, family)

# XAUTOCLAIM looks at this many pending entries for each that it may claim.
ATTEMPTS = 10
MAX_COUNT = INT64_MAX // 16


@dataclass(slots=True)
class Claim:
    """Entries that one consumer takes over: `found` are the replies. The consumer is made at the first one."""

    ctx: Context
    key: bytes
    name: bytes
    consumer_name: bytes
    stream: Stream
    group: Group
    just_id: bool = False
    found: list[Reply] = field(default_factory=list)
    consumer: Consumer | None = None

    def take(self, id: StreamId, pending: Pending, delivered_ms: int, count: int | None) -> None:
        """Let the consumer have an entry; `count` is how often it was delivered (None: once more)."""
        consumer = self.consumer
        if consumer is None:
            consumer = self.consumer = self.group.consumers.get(self.consumer_name)
            if consumer is None:
                consumer = self.consumer = add_consumer(self.ctx, self.key, self.group, self.consumer_name)
            consumer.seen_ms = clock.now_ms()
        pending.delivered_ms = delivered_ms
        if count is not None:
            pending.count = count
        elif not self.just_id:
            pending.count += 1
        self.group.transfer(id, pending, consumer)
        self.found.append(show_id(id) if self.just_id else entries(self.stream, (id,))[0])
        self.journal(id, pending)

    def drop(self, id: StreamId, pending: Pending) -> None:
        """Forget that an entry is pending, which is not there any more."""
        self.journal(id, pending)
        self.group.acknowledge(id)

    def journal(self, id: StreamId, pending: Pending) -> None:
        """Note a change."""
        self.ctx.server.events.dirty += 1
        if self.ctx.journaled:
            self.ctx.propagate(claimed(self.key, self.name, self.group, id, pending))


def _claim(ctx: Context, args: Args) -> Claim:
    """The claim of `key group consumer`. Raises ReplyError."""
    stream = read_stream(ctx, args[1])
    group = None if stream is None else stream.groups.get(args[2])
    if stream is None or group is None:
        raise ReplyError(stream_texts.no_group(args[1], args[2]))
    ctx.effects = []
    return Claim(ctx, args[1], args[2], args[3], stream, group)


@dataclass(slots=True)
class ClaimOptions:
    """The words of XCLAIM after the ids. `delivered_ms` None: now."""

    delivered_ms: int | None = None
    count: int | None = None
    force: bool = False
    just_id: bool = False
    last_id: StreamId = MIN_ID


def _options(words: Args, now: int) -> ClaimOptions:
    options = ClaimOptions()
    rest = iter(words)
    left = len(words)
    for word in rest:
        name = word.upper()
        left -= 1
        if name == b"FORCE":
            options.force = True
        elif name == b"JUSTID":
            options.just_id = True
        elif name in (b"IDLE", b"TIME", b"RETRYCOUNT") and left:
            left -= 1
            number = parse_int(next(rest), stream_texts.claim_argument(f"{name.decode()} option", "XCLAIM"))
            if name == b"RETRYCOUNT":
                options.count = number if number >= 0 else None
            else:
                options.delivered_ms = number if name == b"TIME" else now - number
        elif name == b"LASTID" and left:
            left -= 1
            options.last_id = parse_id(next(rest))
        else:
            raise ReplyError(stream_texts.claim_option(word))
    if options.delivered_ms is None or not 0 <= options.delivered_ms <= now:
        options.delivered_ms = now
    return options


def _split_ids(words: Args) -> tuple[list[StreamId], Args]:
    """The ids at the beginning, and the words after them."""
    ids: list[StreamId] = []
    for word in words:
        try:
            ids.append(parse_id(word))
        except ReplyError:
            break
    return ids, words[len(ids) :]


@_declare(
    "xclaim",
    -6,
    "write fast",
    "RW update",
    "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] [RETRYCOUNT count] [FORCE] "
    "[JUSTID] [LASTID lastid]",
    "Take over pending entries.",
    complexity="O(log N) for each entry in the number of pending ones",
    tips=("nondeterministic_output",),
)
def xclaim(ctx: Context, args: Args) -> Reply:
    """XCLAIM key group consumer min-idle-time id… …: the entries that were taken over."""
    claim = _claim(ctx, args)
    idle = parse_int(args[4], stream_texts.claim_argument("min-idle-time", "XCLAIM"))
    ids, words = _split_ids(args[5:])
    now = clock.now_ms()
    options = _options(words, now)
    claim.just_id = options.just_id
    group = claim.group
    moved = options.last_id > group.last_id
    if moved:
        group.last_id = options.last_id
    assert options.delivered_ms is not None
    for id in ids:
        pending: Pending | None = group.pending.get(id)
        if id not in claim.stream:
            if pending is not None:
                claim.drop(id, pending)
            continue
        if pending is not None:
            if idle > 0 and now - pending.delivered_ms < idle:
                continue
        elif options.force:
            pending = Pending(claim.consumer_name, now)
        else:
            continue
        claim.take(id, pending, options.delivered_ms, options.count)
    if moved and not ctx.effects:
        ctx.server.events.dirty += 1
        ctx.propagate(position(claim.key, claim.name, group))
    return claim.found


@_declare(
    "xautoclaim",
    -6,
    "write fast",
    "RW delete",
    "key group consumer min-idle-time start [COUNT count] [JUSTID]",
    "Take over pending entries that nobody has acknowledged for some time.",
    complexity="O(1) if COUNT is small",
    since="6.2.0",
    tips=("nondeterministic_output",),
)
def xautoclaim(ctx: Context, args: Args) -> Reply:
    """XAUTOCLAIM key group consumer min-idle-time start …: where to go on, entries, ids that are not there any more."""
    idle = parse_int(args[4], stream_texts.claim_argument("min-idle-time", "XAUTOCLAIM"))
    start = parse_start(args[5])
    count, just_id = 100, False
    rest = iter(args[6:])
    for word in rest:
        name = word.upper()
        if name == b"JUSTID":
            just_id = True
            continue
        value = next(rest, None)
        if name != b"COUNT" or value is None:
            raise ReplyError(texts.SYNTAX)
        count = parse_range(value, 1, MAX_COUNT, stream_texts.XAUTOCLAIM_COUNT)
    claim = _claim(ctx, args)
    claim.just_id = just_id
    group = claim.group
    now = clock.now_ms()
    gone: list[bytes] = []
    following = MIN_ID
    for looked_at, id in enumerate(list(islice(group.pending.irange(start), count * ATTEMPTS + 1))):
        if looked_at == count * ATTEMPTS or len(claim.found) + len(gone) == count:
            following = id
            break
        pending: Pending = group.pending[id]
        if id not in claim.stream:
            claim.drop(id, pending)
            gone.append(show_id(id))
        elif idle <= 0 or now - pending.delivered_ms >= idle:
            claim.take(id, pending, now, None)
    return [show_id(following), claim.found, gone]
