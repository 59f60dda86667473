"""Taking members from the ends of sorted sets: ZPOPMIN, ZMPOP and the forms that wait."""

from __future__ import annotations

from functools import partial

from pyredisai.commands.args import INT64_MAX, parse_count, parse_range
from pyredisai.commands.blocking import Attempt, parse_timeout, try_or_wait
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.sorted_sets import declare, with_scores
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import drop_if_empty, edit_sorted_set
from pyredisai.errors import ReplyError, texts
from pyredisai.journal import Effect
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.resp.replies import EMPTY_ARRAY, NULL_ARRAY, Reply

family = Family("sorted-set")
_declare = partial(declare, family)

COST = "O(log(N)*M) in the set's size and the members taken"
_NAMES = {False: "zpopmin", True: "zpopmax"}
_EFFECTS = {False: b"ZPOPMIN", True: b"ZPOPMAX"}


def _take(ctx: Context, key: bytes, value: SortedSet, count: int, *, highest: bool) -> list[tuple[float, bytes]]:
    """Take up to `count` (at least one) from an end, with the events; an emptied set goes."""
    taken = value.pop(count, highest=highest)
    ctx.notify("z", _NAMES[highest], key)
    drop_if_empty(ctx, key, value)
    return taken


def _pop(ctx: Context, args: Args, *, highest: bool) -> Reply:
    """ZPOPMIN, ZPOPMAX key [count]: members and scores."""
    if len(args) > 3:
        raise ReplyError(texts.SYNTAX)
    count = parse_count(args[2]) if len(args) == 3 else 1
    value = edit_sorted_set(ctx, args[1])
    if value is None or not count:
        return EMPTY_ARRAY
    taken = _take(ctx, args[1], value, count, highest=highest)
    if len(args) == 3:
        return with_scores(ctx, taken)
    [(score, member)] = taken
    return [member, score]


def _blocking_pop(ctx: Context, args: Args, *, highest: bool) -> Reply:
    """BZPOPMIN, BZPOPMAX key… timeout: key, member and score, or a null array when the time has run out."""
    seconds = parse_timeout(args[-1])

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        value = edit_sorted_set(ctx, key)
        if value is None:
            return None
        [(score, member)] = _take(ctx, key, value, 1, highest=highest)
        return [key, member, score], [(_EFFECTS[highest], key)]

    return try_or_wait(ctx, args[1:-1], SortedSet, attempt, seconds)


for _highest, _end in ((False, "lowest"), (True, "highest")):
    _name = _NAMES[_highest]
    _declare(
        _name,
        -2,
        "write fast",
        "RW access delete",
        "key [count]",
        f"Take the members with the {_end} scores.",
        complexity=COST,
        since="5.0.0",
    )(partial(_pop, highest=_highest))
    _declare(
        f"b{_name}",
        -3,
        "write noscript blocking fast",
        "RW access delete",
        "key [key ...] timeout",
        f"{_name.upper()} on the first sorted set that is there; waits for one.",
        complexity=COST,
        since="5.0.0",
        keys=(1, -2, 1),
    )(partial(_blocking_pop, highest=_highest))


def _read(words: Args) -> tuple[list[bytes], Attempt]:
    """`numkeys key… MIN|MAX [COUNT n]`: the keys, and what is to be done with the first that is there."""
    numkeys = parse_range(words[0], 1, INT64_MAX, texts.NUMKEYS)
    if numkeys > len(words) - 2:
        raise ReplyError(texts.SYNTAX)
    side = words[numkeys + 1].upper()
    rest = words[numkeys + 2 :]
    if side not in (b"MIN", b"MAX"):
        raise ReplyError(texts.SYNTAX)
    highest, count = side == b"MAX", 1
    if rest:
        if len(rest) == 1 or rest[0].upper() != b"COUNT":
            raise ReplyError(texts.SYNTAX)
        count = parse_range(rest[1], 1, INT64_MAX, texts.COUNT_NOT_POSITIVE)
        if len(rest) > 2:
            raise ReplyError(texts.SYNTAX)

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        value = edit_sorted_set(ctx, key)
        if value is None:
            return None
        taken = _take(ctx, key, value, count, highest=highest)
        reply = [key, [(member, score) for score, member in taken]]
        return reply, [(_EFFECTS[highest], key, b"%d" % len(taken))]

    return words[1 : numkeys + 1], attempt


@_declare(
    "zmpop",
    -4,
    "write",
    "",
    "numkeys key [key ...] <MIN | MAX> [COUNT count]",
    "Take members from the first sorted set that is there.",
    complexity="O(K) + O(M*log(N)) in the keys, the members taken and the set's size",
    key_specs=(KeySpec.number("RW access delete", 1),),
    since="7.0.0",
)
def zmpop(ctx: Context, args: Args) -> Reply:
    """ZMPOP numkeys key… end [COUNT n]: the key and pairs of member and score, or a null array."""
    keys, attempt = _read(args[1:])
    for key in keys:
        found = attempt(ctx, key)
        if found is not None:
            reply, effects = found
            ctx.propagate(*effects)
            return reply
    return NULL_ARRAY


@_declare(
    "bzmpop",
    -5,
    "write blocking",
    "",
    "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
    "ZMPOP that waits for a member.",
    complexity="O(K) + O(M*log(N)) in the keys, the members taken and the set's size",
    key_specs=(KeySpec.number("RW access delete", 2),),
    since="7.0.0",
)
def bzmpop(ctx: Context, args: Args) -> Reply:
    """BZMPOP timeout numkeys key… end [COUNT n]: as ZMPOP, or a null array when the time has run out."""
    keys, attempt = _read(args[2:])
    return try_or_wait(ctx, keys, SortedSet, attempt, parse_timeout(args[1]))
