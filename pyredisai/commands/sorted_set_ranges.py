"""Ranges of sorted sets by rank, score and member: ZRANGE and its older forms, ZCOUNT, ZREMRANGEBY…."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from pyredisai.commands.args import parse_c_double, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.lists import span
from pyredisai.commands.sorted_sets import declare, with_scores
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import drop_if_empty, edit_sorted_set, read_sorted_set
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.sorted_set import (
    HIGHEST,
    LOWEST,
    MemberBound,
    MemberRange,
    ScoreRange,
    SortedSet,
    Span,
    member_bound,
)
from pyredisai.resp.replies import EMPTY_ARRAY, Reply

family = Family("sorted-set")
_declare = partial(declare, family)

# The ranks that a range takes of a set; `backwards` where the answer is given from the high end.
Select: TypeAlias = "Callable[[SortedSet, bool], Span]"

COST = "O(log(N)+M) in the set's size and the members returned"
REMOVE_COST = "O(log(N)+M) in the set's size and the members removed"


def _score(text: bytes) -> tuple[float, bool]:
    is_open = text.startswith(b"(")
    value = parse_c_double(text[1:] if is_open else text)
    if value is None:
        raise ReplyError(texts.SCORE_RANGE)
    return value, is_open


def by_score(low: bytes, high: bytes) -> Select:
    """Scores from `low` to `high`, `(` before an open end. Raises ReplyError."""
    (first, first_open), (last, last_open) = _score(low), _score(high)
    wanted = ScoreRange(first, last, first_open, last_open)
    return lambda value, backwards: value.span_of_scores(wanted)


def _member(text: bytes) -> tuple[MemberBound, bool]:
    sign = text[:1]
    if sign in (b"[", b"("):
        return member_bound(text[1:]), sign == b"("
    if sign in (b"-", b"+") and text[1:2] in (b"", b"\0"):
        return (LOWEST if sign == b"-" else HIGHEST), True
    raise ReplyError(texts.MEMBER_RANGE)


def by_member(low: bytes, high: bytes) -> Select:
    """Members from `low` to `high`: `[` or `(` before the ends, `-` and `+` for all. Raises ReplyError."""
    (first, first_open), (last, last_open) = _member(low), _member(high)
    wanted = MemberRange(first, last, first_open, last_open)
    return lambda value, backwards: value.span_of_members(wanted, backwards=backwards)


def by_rank(low: bytes, high: bytes) -> Select:
    """Ranks from `low` to `high`, negative ones from the end. Raises ReplyError."""
    first, last = parse_int(low), parse_int(high)

    def select(value: SortedSet, backwards: bool) -> Span:
        start, stop = span(len(value), first, last)
        return (len(value) - stop, len(value) - start) if backwards else (start, stop)

    return select


KINDS: dict[bytes, Callable[[bytes, bytes], Select]] = {b"BYSCORE": by_score, b"BYLEX": by_member}


@dataclass(slots=True)
class RangeQuery:
    """What a ZRANGE asks for. `kind` and `backwards` are None until a word says so."""

    kind: Callable[[bytes, bytes], Select] | None = None
    backwards: bool | None = None
    scores: bool = False
    offset: int = 0
    limit: int = -1

    def read(self, words: Args, *, store: bool) -> None:
        """Read the words after the range. Raises ReplyError."""
        rest = iter(words)
        left = len(words)
        for word in rest:
            name = word.upper()
            left -= 1
            if name == b"WITHSCORES" and not store:
                self.scores = True
            elif name == b"LIMIT" and left >= 2:
                self.offset, self.limit = parse_int(next(rest)), parse_int(next(rest))
                left -= 2
            elif name == b"REV" and self.backwards is None:
                self.backwards = True
            elif name in KINDS and self.kind is None:
                self.kind = KINDS[name]
            else:
                raise ReplyError(texts.SYNTAX)

    def select(self, low: bytes, high: bytes) -> Select:
        """Read the range's ends. Raises ReplyError, also for words that do not go together."""
        kind = self.kind or by_rank
        if self.limit != -1 and kind is by_rank:
            raise ReplyError(texts.LIMIT_BY_RANK)
        if self.scores and kind is by_member:
            raise ReplyError(texts.WITHSCORES_BY_LEX)
        if self.backwards and kind is not by_rank:
            low, high = high, low
        return kind(low, high)

    def take(self, value: SortedSet, select: Select) -> list[tuple[float, bytes]]:
        """(score, member) of the range, in the order of the answer."""
        backwards = bool(self.backwards)
        start, stop = select(value, backwards)
        limited = self.kind not in (None, by_rank)
        if limited and self.offset < 0:
            return []
        if limited and (self.offset or self.limit >= 0):
            count = stop - start - self.offset
            if self.limit >= 0:
                count = min(count, self.limit)
            start = stop - self.offset - count if backwards else start + self.offset
            stop = start + max(count, 0)
        found = value.by_rank(start, stop)
        if backwards:
            found.reverse()
        return found


def _range(
    ctx: Context,
    args: Args,
    *,
    kind: Callable[[bytes, bytes], Select] | None = None,
    backwards: bool | None = None,
) -> Reply:
    """ZRANGE and its older forms, key start stop …: members, with their scores where asked for."""
    query = RangeQuery(kind, backwards)
    query.read(args[4:], store=False)
    select = query.select(args[2], args[3])
    value = read_sorted_set(ctx, args[1])
    if value is None:
        return EMPTY_ARRAY
    found = query.take(value, select)
    return with_scores(ctx, found) if query.scores else [member for _, member in found]


_LIMIT = " [LIMIT offset count]"
for _name, _since, _options, _words, _what in (
    ("zrange", "1.2.0", {}, f"start stop [BYSCORE | BYLEX] [REV]{_LIMIT} [WITHSCORES]", "by rank, score or member"),
    ("zrevrange", "1.2.0", {"kind": by_rank, "backwards": True}, "start stop [WITHSCORES]", "by rank, highest first"),
    ("zrangebyscore", "1.0.5", {"kind": by_score, "backwards": False}, f"min max [WITHSCORES]{_LIMIT}", "by score"),
    (
        "zrevrangebyscore",
        "2.2.0",
        {"kind": by_score, "backwards": True},
        f"max min [WITHSCORES]{_LIMIT}",
        "by score, highest first",
    ),
    ("zrangebylex", "2.8.9", {"kind": by_member, "backwards": False}, f"min max{_LIMIT}", "by member"),
    ("zrevrangebylex", "2.8.9", {"kind": by_member, "backwards": True}, f"max min{_LIMIT}", "by member, highest first"),
):
    _handler: Any = partial(_range, **_options)  # type: ignore[arg-type]  # a row's options
    _declare(_name, -4, "readonly", "RO access", f"key {_words}", f"A range {_what}.", complexity=COST, since=_since)(
        _handler
    )


@_declare(
    "zrangestore",
    -5,
    "write denyoom",
    "",
    f"dst src min max [BYSCORE | BYLEX] [REV]{_LIMIT}",
    "Store a range of a sorted set.",
    complexity="O(log(N)+M) in the set's size and the members stored",
    since="6.2.0",
    key_specs=(KeySpec.span("OW update", 1, 1, 1), KeySpec.span("RO access", 2, 2, 1)),
)
def zrangestore(ctx: Context, args: Args) -> Reply:
    """ZRANGESTORE destination source start stop …: how many members were stored."""
    query = RangeQuery()
    query.read(args[5:], store=True)
    select = query.select(args[3], args[4])
    value = read_sorted_set(ctx, args[2])
    found = [] if value is None else query.take(value, select)
    return store(ctx, args[1], SortedSet((member, score) for score, member in found), "zrangestore")


def store(ctx: Context, key: bytes, value: SortedSet, event: str) -> int:
    """Put a sorted set in place of whatever is under a key (an empty one: delete that); its size."""
    if value:
        ctx.db.set(key, value)
        ctx.notify("z", event, key)
    elif ctx.db.delete(key):
        ctx.notify("g", "del", key)
    return len(value)


def _count(ctx: Context, args: Args, *, kind: Callable[[bytes, bytes], Select]) -> Reply:
    """ZCOUNT, ZLEXCOUNT key min max: how many members are in the range."""
    select = kind(args[2], args[3])
    value = read_sorted_set(ctx, args[1])
    if value is None:
        return 0
    start, stop = select(value, False)
    return stop - start


for _name, _since, _kind, _what in (
    ("zcount", "2.0.0", by_score, "scores"),
    ("zlexcount", "2.8.9", by_member, "members"),
):
    _declare(_name, 4, "readonly fast", "RO access", "key min max", f"The size of a range of {_what}.", since=_since)(
        partial(_count, kind=_kind)
    )


def _remove(ctx: Context, args: Args, *, kind: Callable[[bytes, bytes], Select], event: str) -> Reply:
    """ZREMRANGEBYRANK, …SCORE, …LEX key from to: how many members were removed."""
    select = kind(args[2], args[3])
    key = args[1]
    value = edit_sorted_set(ctx, key)
    if value is None:
        return 0
    removed = value.remove_span(select(value, False))
    if removed:
        ctx.notify("z", event, key)
        drop_if_empty(ctx, key, value)
    return removed


for _name, _since, _kind, _words, _what in (
    ("zremrangebyrank", "2.0.0", by_rank, "start stop", "rank"),
    ("zremrangebyscore", "1.2.0", by_score, "min max", "score"),
    ("zremrangebylex", "2.8.9", by_member, "min max", "member"),
):
    _declare(
        _name,
        4,
        "write",
        "RW delete",
        f"key {_words}",
        f"Remove a range by {_what}.",
        complexity=REMOVE_COST,
        since=_since,
    )(partial(_remove, kind=_kind, event=_name))
