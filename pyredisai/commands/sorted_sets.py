"""Commands on the members of a sorted set; see `sorted_set_ranges`, `sorted_set_algebra`, `sorted_set_pops`."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyredisai.commands.args import INT64_MAX, parse_float, parse_range, repeated
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.commands.typed import drop_if_empty, edit_sorted_set, read_sorted_set
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.resp.replies import EMPTY_ARRAY, Reply

family = Family("sorted-set")

READ = "readonly fast"


def declare(
    family: Family, name: str, arity: int, flags: str, key_flags: str, syntax: str, summary: str, **rest: Any
) -> Callable[[Handler], Handler]:
    """A sorted set command, on the one key after its name unless `key_specs` say otherwise."""
    rest.setdefault("complexity", "O(log N) in the set's size")
    rest.setdefault("since", "1.2.0")
    if "key_specs" not in rest:
        rest.setdefault("keys", (1, 1, 1))
        rest["key_flags"] = key_flags
    return family.command(
        name, arity=arity, flags=flags, categories="sortedset", syntax=syntax, summary=summary, **rest
    )


_declare = partial(declare, family)


def with_scores(ctx: Context, found: list[tuple[float, bytes]]) -> Reply:
    """Members and scores: pairs in RESP3, in turn in RESP2."""
    if ctx.client.resp == 3:
        return [(member, score) for score, member in found]
    return [item for score, member in found for item in (member, score)]


@dataclass(slots=True)
class AddOptions:
    """The words of ZADD."""

    nx: bool = False
    xx: bool = False
    gt: bool = False
    lt: bool = False
    ch: bool = False
    incr: bool = False

    def check(self, pairs: int) -> None:
        """Raises ReplyError for words that exclude each other."""
        if self.nx and self.xx:
            raise ReplyError(texts.ZADD_NX_AND_XX)
        if (self.nx and (self.gt or self.lt)) or (self.gt and self.lt):
            raise ReplyError(texts.ZADD_GT_LT_NX)
        if self.incr and pairs > 1:
            raise ReplyError(texts.ZADD_INCR_PAIRS)


_ADD_WORDS = {word.upper().encode(): word for word in ("nx", "xx", "gt", "lt", "ch", "incr")}
_PLAIN = AddOptions()


@_declare(
    "zadd",
    -4,
    "write denyoom fast",
    "RW update",
    "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
    "Add members, or set their scores.",
    complexity="O(log N) for each member",
)
def zadd(ctx: Context, args: Args) -> Reply:
    """ZADD key … score member…: how many are new (CH: or changed); with INCR the score, or null."""
    options, at = _PLAIN, 2
    while (word := _ADD_WORDS.get(args[at].upper())) is not None:
        if options is _PLAIN:
            options = AddOptions()
        setattr(options, word, True)
        at += 1
        if at == len(args):
            raise ReplyError(texts.SYNTAX)
    words = args[at:]
    if len(words) % 2:
        raise ReplyError(texts.SYNTAX)
    options.check(len(words) // 2)
    scores = list(map(parse_float, words[::2]))
    return add(ctx, args[1], scores, words[1::2], options)


@_declare("zincrby", 4, "write denyoom fast", "RW access update", "key increment member", "Add to a member's score.")
def zincrby(ctx: Context, args: Args) -> Reply:
    """ZINCRBY key increment member: the new score."""
    return add(ctx, args[1], [parse_float(args[2])], args[3:], AddOptions(incr=True))


def add(ctx: Context, key: bytes, scores: list[float], members: list[bytes], options: AddOptions) -> Reply:
    """Add members or set their scores as ZADD does, with its reply."""
    value = edit_sorted_set(ctx, key)
    if value is None:
        if options.xx:
            return None if options.incr else 0
        value = SortedSet()
    is_new = not value
    score: float | None = None
    added = updated = 0
    for number, member in zip(scores, members, strict=True):
        old = value.scores.get(member)
        score = _wanted(old, number, options)
        if score is None:
            continue
        if old is None:
            value.add(member, score)
            added += 1
        elif score != old:
            value.add(member, score)
            updated += 1
    if added or updated:
        if is_new:
            ctx.db.set(key, value)
        else:
            ctx.db.touch(key)
        ctx.notify("z", "zincr" if options.incr else "zadd", key)
    if options.incr:
        return score
    return added + updated if options.ch else added


def _wanted(old: float | None, number: float, options: AddOptions) -> float | None:
    """The score that a member shall have, or None where it is to be left alone. Raises ReplyError for nan."""
    if options is _PLAIN:
        return number
    if old is None:
        return None if options.xx else number
    if options.nx:
        return None
    if options.incr:
        number += old
        if number != number:
            raise ReplyError(texts.SCORE_NAN)
    if (options.lt and number >= old) or (options.gt and number <= old):
        return None
    return number


@_declare(
    "zrem",
    -3,
    "write fast",
    "RW delete",
    "key member [member ...]",
    "Remove members.",
    complexity="O(log N) for each member",
)
def zrem(ctx: Context, args: Args) -> Reply:
    """ZREM key member…: how many were there."""
    key = args[1]
    value = edit_sorted_set(ctx, key)
    if value is None:
        return 0
    removed = sum(map(value.remove, args[2:]))
    if removed:
        ctx.notify("z", "zrem", key)
        drop_if_empty(ctx, key, value)
    return removed


@_declare("zcard", 2, READ, "RO", "key", "The number of members.", complexity="O(1)")
def zcard(ctx: Context, args: Args) -> Reply:
    """ZCARD key: the number of members."""
    return len(read_sorted_set(ctx, args[1]) or ())


@_declare("zscore", 3, READ, "RO access", "key member", "The score of a member.", complexity="O(1)")
def zscore(ctx: Context, args: Args) -> Reply:
    """ZSCORE key member: the score, or null."""
    value = read_sorted_set(ctx, args[1])
    return None if value is None else value.scores.get(args[2])


@_declare(
    "zmscore",
    -3,
    READ,
    "RO access",
    "key member [member ...]",
    "The scores of several members.",
    complexity="O(N) in the members given",
    since="6.2.0",
)
def zmscore(ctx: Context, args: Args) -> Reply:
    """ZMSCORE key member…: the scores, null for those that are not there."""
    value = read_sorted_set(ctx, args[1])
    scores = {} if value is None else value.scores
    return list(map(scores.get, args[2:]))


def _rank(ctx: Context, args: Args, *, reverse: bool) -> Reply:
    """ZRANK, ZREVRANK key member: the position, or null."""
    value = read_sorted_set(ctx, args[1])
    rank = None if value is None else value.rank(args[2])
    if value is None or rank is None:
        return None
    return len(value) - 1 - rank if reverse else rank


for _name, _where in (("zrank", "lowest"), ("zrevrank", "highest")):
    _declare(
        _name,
        3,
        READ,
        "RO access",
        "key member",
        f"The position of a member, from the {_where} score on.",
        since="2.0.0",
    )(partial(_rank, reverse=_name == "zrevrank"))


@_declare(
    "zrandmember",
    -2,
    "readonly",
    "RO access",
    "key [count [WITHSCORES]]",
    "Random members.",
    complexity="O(N) in the set's size with a count, else O(1)",
    since="6.2.0",
    tips=("nondeterministic_output",),
)
def zrandmember(ctx: Context, args: Args) -> Reply:
    """ZRANDMEMBER key [count [WITHSCORES]]: a member, or a list; a negative count may repeat members."""
    if len(args) == 2:
        value = read_sorted_set(ctx, args[1])
        return None if value is None else ctx.server.scanner.choose(value.scores)
    count = parse_range(args[2], -INT64_MAX, INT64_MAX)
    if len(args) > 4 or (len(args) == 4 and args[3].upper() != b"WITHSCORES"):
        raise ReplyError(texts.SYNTAX)
    if len(args) == 4 and abs(count) > INT64_MAX // 2:
        raise ReplyError(texts.OUT_OF_RANGE)
    value = read_sorted_set(ctx, args[1])
    if not value or not count:
        return EMPTY_ARRAY
    members = list(value.scores)
    if count < 0:
        members = repeated(members, -count)
    elif count < len(members):
        members = random.sample(members, count)
    if len(args) == 3:
        return members
    return with_scores(ctx, [(value.scores[member], member) for member in members])
