"""INCR and its siblings: integers and decimals in strings."""

from __future__ import annotations

from pyredisai.commands.args import INT64_MAX, INT64_MIN, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.longdouble import format_long_double, parse_long_double, sum_long_double
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import edit_string
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import Reply

family = Family("string")


def add_int(old: int, change: int) -> int:
    """The sum, in 64 bits. Raises ReplyError for an overflow."""
    new = old + change
    if not INT64_MIN <= new <= INT64_MAX:
        raise ReplyError(texts.COUNTER_OVERFLOW)
    return new


def _increase(ctx: Context, key: bytes, change: int) -> Reply:
    value = edit_string(ctx, key)
    new = add_int(0 if value is None else parse_int(bytes(value)), change)
    ctx.db.set(key, b"%d" % new, keep_ttl=True)
    ctx.notify("$", "incrby", key)
    return new


@family.command(
    "incr",
    arity=2,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    summary="Add one to the integer in a string.",
    complexity="O(1)",
    syntax="key",
)
def incr(ctx: Context, args: Args) -> Reply:
    """INCR key: the new value."""
    return _increase(ctx, args[1], 1)


@family.command(
    "decr",
    arity=2,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    summary="Take one from the integer in a string.",
    complexity="O(1)",
    syntax="key",
)
def decr(ctx: Context, args: Args) -> Reply:
    """DECR key: the new value."""
    return _increase(ctx, args[1], -1)


@family.command(
    "incrby",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    summary="Add an integer to the one in a string.",
    complexity="O(1)",
    syntax="key increment",
)
def incrby(ctx: Context, args: Args) -> Reply:
    """INCRBY key increment: the new value."""
    return _increase(ctx, args[1], parse_int(args[2]))


@family.command(
    "decrby",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    summary="Take an integer from the one in a string.",
    complexity="O(1)",
    syntax="key decrement",
)
def decrby(ctx: Context, args: Args) -> Reply:
    """DECRBY key decrement: the new value."""
    change = parse_int(args[2])
    if change == INT64_MIN:
        raise ReplyError(texts.DECREMENT_OVERFLOW)
    return _increase(ctx, args[1], -change)


@family.command(
    "incrbyfloat",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    since="2.6.0",
    summary="Add a decimal number to the one in a string.",
    complexity="O(1)",
    syntax="key increment",
)
def incrbyfloat(ctx: Context, args: Args) -> Reply:
    """INCRBYFLOAT key increment: the new value as text."""
    key = args[1]
    value = edit_string(ctx, key)
    old = parse_long_double(b"0" if value is None else bytes(value))
    new = format_long_double(sum_long_double(old, parse_long_double(args[2])))
    ctx.db.set(key, new, keep_ttl=True)
    ctx.notify("$", "incrbyfloat", key)
    if ctx.journaled:
        ctx.propagate((b"SET", key, new, b"KEEPTTL"))
    return new
