"""Union, intersection and difference of sorted sets (and of plain sets, whose members have score 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pyredisai.commands.args import parse_count, parse_float, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.sorted_set_ranges import store
from pyredisai.commands.sorted_sets import declare, with_scores
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.resp.replies import Reply

family = Family("sorted-set")
_declare = partial(declare, family)


def _number(value: float) -> float:
    """The value, and 0 for what is no number: infinity less infinity, or infinity times 0."""
    return value if value == value else 0.0


AGGREGATES: dict[bytes, Callable[[float, float], float]] = {
    b"SUM": lambda one, other: _number(one + other),
    b"MIN": lambda one, other: other if other < one else one,
    b"MAX": lambda one, other: other if other > one else one,
}


@dataclass(slots=True)
class Query:
    """The inputs of an operation and its options. Each input is (scores, weight)."""

    inputs: list[tuple[dict[bytes, float], float]] = field(default_factory=list)
    aggregate: Callable[[float, float], float] = AGGREGATES[b"SUM"]
    scores: bool = False
    limit: int = 0

    def by_size(self) -> list[tuple[dict[bytes, float], float]]:
        """The inputs, the smallest first: the order in which Redis adds up."""
        return sorted(self.inputs, key=lambda item: len(item[0]))


def _scores(ctx: Context, key: bytes) -> dict[bytes, float]:
    value = ctx.db.lookup(key)
    if value is None:
        return {}
    if type(value) is SortedSet:
        return value.scores
    if type(value) is set:
        return dict.fromkeys(value, 1.0)
    raise ReplyError(texts.WRONGTYPE)


def _read(ctx: Context, name: str, words: Args, allowed: frozenset[bytes]) -> Query:
    """`numkeys key… [option…]`. Raises ReplyError."""
    count = parse_int(words[0])
    if count < 1:
        raise ReplyError(texts.no_input_key(name))
    if count > len(words) - 1:
        raise ReplyError(texts.SYNTAX)
    query = Query([(_scores(ctx, key), 1.0) for key in words[1 : count + 1]])
    at = count + 1
    while at < len(words):
        word, left = words[at].upper(), len(words) - at - 1
        at += 1
        if word not in allowed:
            raise ReplyError(texts.SYNTAX)
        if word == b"WITHSCORES":
            query.scores = True
        elif word == b"WEIGHTS" and left >= count:
            weights = [parse_float(text, texts.WEIGHT_NOT_FLOAT) for text in words[at : at + count]]
            query.inputs = [(scores, weight) for (scores, _), weight in zip(query.inputs, weights, strict=True)]
            at += count
        elif word == b"AGGREGATE" and left and words[at].upper() in AGGREGATES:
            query.aggregate = AGGREGATES[words[at].upper()]
            at += 1
        elif word == b"LIMIT" and left:
            query.limit = parse_count(words[at], texts.LIMIT_NEGATIVE)
            at += 1
        else:
            raise ReplyError(texts.SYNTAX)
    return query


def _union(query: Query) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for scores, weight in query.by_size():
        for member, score in scores.items():
            score = _number(score * weight)
            known = found.get(member)
            found[member] = score if known is None else query.aggregate(known, score)
    return found


def _intersection(query: Query) -> dict[bytes, float]:
    (first, weight), *others = query.by_size()
    found: dict[bytes, float] = {}
    for member, number in first.items():
        score = _number(number * weight)
        for scores, other_weight in others:
            other = scores.get(member)
            if other is None:
                break
            score = query.aggregate(score, other * other_weight)
        else:
            found[member] = score
    return found


def _difference(query: Query) -> dict[bytes, float]:
    (first, _), *others = query.inputs
    return {member: score for member, score in first.items() if not any(member in other for other, _ in others)}


_ALL = frozenset({b"WEIGHTS", b"AGGREGATE"})
_WITHSCORES = frozenset({b"WITHSCORES"})


def _answer(ctx: Context, args: Args, *, name: str, run: Callable[[Query], dict[bytes, float]]) -> Reply:
    """ZUNION, ZINTER, ZDIFF numkeys key… …: members, with their scores where asked for."""
    query = _read(ctx, name, args[1:], _WITHSCORES if run is _difference else _ALL | _WITHSCORES)
    found = sorted((score, member) for member, score in run(query).items())
    return with_scores(ctx, found) if query.scores else [member for _, member in found]


def _store(ctx: Context, args: Args, *, name: str, run: Callable[[Query], dict[bytes, float]]) -> Reply:
    """ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE destination numkeys key… …: how many members were stored."""
    query = _read(ctx, name, args[2:], frozenset() if run is _difference else _ALL)
    return store(ctx, args[1], SortedSet(run(query).items()), name)


_OPTIONS = " [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]"
for _name, _run, _what, _options, _since, _cost in (
    ("zunion", _union, "union", _OPTIONS, "2.0.0", "O(N)+O(M*log(M)) in the members of all sets and of the result"),
    (
        "zinter",
        _intersection,
        "intersection",
        _OPTIONS,
        "2.0.0",
        "O(N*K)+O(M*log(M)) in the smallest set's size, the number of sets and the members of the result",
    ),
    ("zdiff", _difference, "difference", "", "6.2.0", "O(L+M*log(M)) in the members of the first set and the result"),
):
    _declare(
        _name,
        -3,
        "readonly",
        "",
        f"numkeys key [key ...]{_options} [WITHSCORES]",
        f"The {_what} of sorted sets.",
        complexity=_cost,
        since="6.2.0",
        key_specs=(KeySpec.number("RO access", 1),),
    )(partial(_answer, name=_name, run=_run))
    _declare(
        f"{_name}store",
        -4,
        "write denyoom",
        "",
        f"destination numkeys key [key ...]{_options}",
        f"Store the {_what} of sorted sets.",
        complexity=_cost,
        since=_since,
        key_specs=(KeySpec.span("OW update", 1, 1, 1), KeySpec.number("RO access", 2)),
    )(partial(_store, name=f"{_name}store", run=_run))


@_declare(
    "zintercard",
    -3,
    "readonly",
    "",
    "numkeys key [key ...] [LIMIT limit]",
    "How many members sorted sets have in common.",
    complexity="O(N*K) in the smallest set's size and the number of sets",
    since="7.0.0",
    key_specs=(KeySpec.number("RO access", 1),),
)
def zintercard(ctx: Context, args: Args) -> Reply:
    """ZINTERCARD numkeys key… [LIMIT n]: the number, no larger than a limit above 0."""
    query = _read(ctx, "zintercard", args[1:], frozenset({b"LIMIT"}))
    size = len(_intersection(query))
    return min(size, query.limit) if query.limit else size
