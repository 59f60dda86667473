"""Commands on sets; SSCAN is in `scan`."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from pyredisai.commands.args import INT64_MAX, parse_count, parse_range, repeated
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.commands.typed import drop_if_empty, edit_set, read_set
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.scanning import pop_random
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import EMPTY_ARRAY, Reply

family = Family("set")

READ = "readonly fast"
UNORDERED = ("nondeterministic_output_order",)


def _declare(
    name: str, arity: int, flags: str, key_flags: str, syntax: str, summary: str, complexity: str = "O(1)", **rest: Any
) -> Callable[[Handler], Handler]:
    if "key_specs" not in rest:
        rest.setdefault("keys", (1, 1, 1))
        rest["key_flags"] = key_flags
    return family.command(
        name,
        arity=arity,
        flags=flags,
        categories="set",
        syntax=syntax,
        summary=summary,
        complexity=complexity,
        **rest,
    )


@_declare(
    "sadd", -3, "write denyoom fast", "RW insert", "key member [member ...]", "Add members to a set.", "O(N) in members"
)
def sadd(ctx: Context, args: Args) -> Reply:
    """SADD key member…: how many are new."""
    key = args[1]
    members = edit_set(ctx, key)
    if members is None:
        members = set(args[2:])
        ctx.db.set(key, members)
        added = len(members)
    else:
        before = len(members)
        members.update(args[2:])
        added = len(members) - before
        if added:
            ctx.db.touch(key)
    if added:
        ctx.notify("s", "sadd", key)
    return added


@_declare("srem", -3, "write fast", "RW delete", "key member [member ...]", "Remove members.", "O(N) in members given")
def srem(ctx: Context, args: Args) -> Reply:
    """SREM key member…: how many were there."""
    key = args[1]
    members = edit_set(ctx, key)
    if members is None:
        return 0
    before = len(members)
    members.difference_update(args[2:])
    removed = before - len(members)
    if removed:
        ctx.notify("s", "srem", key)
        drop_if_empty(ctx, key, members)
    return removed


@_declare("smembers", 2, "readonly", "RO access", "key", "All members.", "O(N) in the set's size", tips=UNORDERED)
def smembers(ctx: Context, args: Args) -> Reply:
    """SMEMBERS key: the members."""
    return RespSet(read_set(ctx, args[1]) or ())


@_declare("sismember", 3, READ, "RO", "key member", "Whether something is a member.")
def sismember(ctx: Context, args: Args) -> Reply:
    """SISMEMBER key member: 1 or 0."""
    return int(args[2] in (read_set(ctx, args[1]) or ()))


@_declare(
    "smismember",
    -3,
    READ,
    "RO access",
    "key member [member ...]",
    "Which of several are members.",
    "O(N) in members given",
    since="6.2.0",
)
def smismember(ctx: Context, args: Args) -> Reply:
    """SMISMEMBER key member…: 1 or 0 for each."""
    members = read_set(ctx, args[1]) or ()
    return [int(member in members) for member in args[2:]]


@_declare("scard", 2, READ, "RO", "key", "The number of members.")
def scard(ctx: Context, args: Args) -> Reply:
    """SCARD key: the number of members."""
    return len(read_set(ctx, args[1]) or ())


@_declare(
    "spop",
    -2,
    "write fast",
    "RW access delete",
    "key [count]",
    "Remove random members and return them.",
    "O(N) in members returned",
    tips=("nondeterministic_output",),
)
def spop(ctx: Context, args: Args) -> Reply:
    """SPOP key [count]: a member, or null; with a count a set."""
    if len(args) > 3:
        raise ReplyError(texts.SYNTAX)
    key = args[1]
    if len(args) == 2:
        members = edit_set(ctx, key)
        if members is None:
            return None
        popped = [pop_random(members)]
    else:
        count = parse_count(args[2])
        members = edit_set(ctx, key)
        if members is None or not count:
            return RespSet()
        if count >= len(members):
            popped = list(members)
            members.clear()
        else:
            popped = [pop_random(members) for _ in range(count)]
    ctx.notify("s", "spop", key)
    drop_if_empty(ctx, key, members)
    if ctx.journaled:
        ctx.propagate((b"SREM", key, *popped) if members else (b"DEL", key))
    return popped[0] if len(args) == 2 else RespSet(popped)


@_declare(
    "srandmember",
    -2,
    "readonly",
    "RO access",
    "key [count]",
    "Random members.",
    "O(N) in the set's size with a count, else O(1)",
    tips=("nondeterministic_output",),
)
def srandmember(ctx: Context, args: Args) -> Reply:
    """SRANDMEMBER key [count]: a member, or null; with a count a list, which a negative one lets repeat members."""
    if len(args) > 3:
        raise ReplyError(texts.SYNTAX)
    if len(args) == 2:
        members = read_set(ctx, args[1])
        return None if members is None else ctx.server.scanner.choose(members)
    count = parse_range(args[2], -INT64_MAX, INT64_MAX)
    members = read_set(ctx, args[1])
    if not members or not count:
        return EMPTY_ARRAY
    if count < 0:
        return repeated(list(members), -count)
    return RespSet(members if count >= len(members) else random.sample(list(members), count))


@_declare(
    "smove",
    4,
    "write fast",
    "",
    "source destination member",
    "Move a member to another set.",
    key_specs=(KeySpec.span("RW access delete", 1, 1, 1), KeySpec.span("RW insert", 2, 2, 1)),
)
def smove(ctx: Context, args: Args) -> Reply:
    """SMOVE source destination member: 1 when moved."""
    source_key, target_key, member = args[1:]
    source = edit_set(ctx, source_key)
    if source is None:
        return 0
    target = edit_set(ctx, target_key)
    if source is target:
        return int(member in source)
    if member not in source:
        return 0
    source.remove(member)
    ctx.notify("s", "srem", source_key)
    drop_if_empty(ctx, source_key, source)
    if target is None:
        ctx.db.set(target_key, {member})
        ctx.notify("s", "sadd", target_key)
    elif member not in target:
        target.add(member)
        ctx.db.touch(target_key)
        ctx.notify("s", "sadd", target_key)
    return 1


def _combine(ctx: Context, keys: Args, operation: str) -> set[bytes]:
    """The intersection, union or difference of the sets under the keys, as a new set."""
    sets = [read_set(ctx, key) or set() for key in keys]
    if operation == "sinter":
        return set.intersection(*sorted(sets, key=len))
    if operation == "sunion":
        return set.union(*sets)
    return sets[0].difference(*sets[1:])


def _answer(ctx: Context, args: Args, *, operation: str) -> Reply:
    """SINTER, SUNION and SDIFF key…: the members."""
    return RespSet(_combine(ctx, args[1:], operation))


def _store(ctx: Context, args: Args, *, operation: str) -> Reply:
    """SINTERSTORE and its siblings, destination key…: how many members were stored."""
    members = _combine(ctx, args[2:], operation)
    key = args[1]
    if members:
        ctx.db.set(key, members)
        ctx.notify("s", f"{operation}store", key)
    elif ctx.db.delete(key):
        ctx.notify("g", "del", key)
    return len(members)


for _name, _what, _cost, _flags in (
    ("sinter", "intersection", "O(N*M) in the smallest set's size and the number of sets", "RW update"),
    ("sunion", "union", "O(N) in the members of all sets", "OW update"),
    ("sdiff", "difference", "O(N) in the members of all sets", "OW update"),
):
    _declare(
        _name,
        -2,
        "readonly",
        "RO access",
        "key [key ...]",
        f"The {_what} of sets.",
        _cost,
        keys=(1, -1, 1),
        tips=UNORDERED,
    )(partial(_answer, operation=_name))
    _declare(
        f"{_name}store",
        -3,
        "write denyoom",
        "",
        "destination key [key ...]",
        f"Store the {_what} of sets.",
        _cost,
        key_specs=(KeySpec.span(_flags, 1, 1, 1), KeySpec.span("RO access", 2, -1, 1)),
    )(partial(_store, operation=_name))


@_declare(
    "sintercard",
    -3,
    "readonly",
    "",
    "numkeys key [key ...] [LIMIT limit]",
    "How many members sets have in common.",
    "O(N*M) in the smallest set's size and the number of sets",
    key_specs=(KeySpec.number("RO access", 1),),
    since="7.0.0",
)
def sintercard(ctx: Context, args: Args) -> Reply:
    """SINTERCARD numkeys key… [LIMIT n]: the number, no larger than a limit above 0."""
    count = parse_range(args[1], 1, INT64_MAX, texts.NUMKEYS)
    if count > len(args) - 2:
        raise ReplyError(texts.TOO_MANY_NUMKEYS)
    limit = 0
    rest = iter(args[2 + count :])
    for word in rest:
        value = next(rest, None)
        if word.upper() != b"LIMIT" or value is None:
            raise ReplyError(texts.SYNTAX)
        limit = parse_count(value, texts.LIMIT_NEGATIVE)
    size = len(_combine(ctx, args[2 : 2 + count], "sinter"))
    return min(size, limit) if limit else size
