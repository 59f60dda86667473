"""Commands on hashes; HSCAN is in `scan`."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pyredisai.commands.args import INT64_MAX, parse_int, parse_range, repeated
from pyredisai.commands.context import Context
from pyredisai.commands.counters import add_int
from pyredisai.commands.longdouble import format_long_double, is_finite, parse_long_double, sum_long_double
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.commands.typed import drop_if_empty, edit_hash, read_hash
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import EMPTY_ARRAY, OK, Reply

family = Family("hash")

READ, WRITE = "readonly fast", "write denyoom fast"


def _declare(
    name: str, arity: int, flags: str, key_flags: str, syntax: str, summary: str, complexity: str = "O(1)", **rest: Any
) -> Callable[[Handler], Handler]:
    rest.setdefault("since", "2.0.0")
    return family.command(
        name,
        arity=arity,
        flags=flags,
        keys=(1, 1, 1),
        key_flags=key_flags,
        categories="hash",
        syntax=f"key {syntax}".rstrip(),
        summary=summary,
        complexity=complexity,
        **rest,
    )


def _made(ctx: Context, key: bytes) -> dict[bytes, bytes]:
    """The hash under a key, made when it is not there."""
    value = edit_hash(ctx, key)
    if value is None:
        value = {}
        ctx.db.set(key, value)
    return value


def _set_fields(ctx: Context, args: Args, command: str) -> int:
    """Set fields and values in turn; how many fields are new."""
    if len(args) % 2:
        raise ReplyError(texts.wrong_arity(command))
    key = bytes(args[1])
    value = _made(ctx, key)
    before = len(value)
    for i in range(2, len(args), 2):
        value[bytes(args[i])] = bytes(args[i + 1])
    ctx.db.touch(key)
    ctx.notify("h", "hset", key)
    return len(value) - before


@_declare(
    "hset", -4, WRITE, "RW update", "field value [field value ...]", "Set fields of a hash.", "O(N) in fields", big=True
)
def hset(ctx: Context, args: Args) -> Reply:
    """HSET key field value…: how many fields are new."""
    return _set_fields(ctx, args, "hset")


@_declare(
    "hmset",
    -4,
    WRITE,
    "RW update",
    "field value [field value ...]",
    "Set fields of a hash; HSET has replaced it.",
    "O(N) in fields",
    big=True,
)
def hmset(ctx: Context, args: Args) -> Reply:
    """HMSET key field value…: OK."""
    _set_fields(ctx, args, "hmset")
    return OK


@_declare("hsetnx", 4, WRITE, "RW insert", "field value", "Set a field of a hash if it is not there.", big=True)
def hsetnx(ctx: Context, args: Args) -> Reply:
    """HSETNX key field value: 1 when set."""
    key, field = bytes(args[1]), bytes(args[2])
    value = edit_hash(ctx, key)
    if value is not None and field in value:
        return 0
    _made(ctx, key)[field] = bytes(args[3])
    ctx.db.touch(key)
    ctx.notify("h", "hset", key)
    return 1


@_declare("hget", 3, READ, "RO access", "field", "The value of a field.")
def hget(ctx: Context, args: Args) -> Reply:
    """HGET key field: the value, or null."""
    value = read_hash(ctx, args[1])
    return None if value is None else value.get(args[2])


@_declare("hmget", -3, READ, "RO access", "field [field ...]", "The values of several fields.", "O(N) in fields asked")
def hmget(ctx: Context, args: Args) -> Reply:
    """HMGET key field…: the values, null for what is absent."""
    value = read_hash(ctx, args[1]) or {}
    return [value.get(field) for field in args[2:]]


_ALL: dict[str, Any] = {"tips": ("nondeterministic_output_order",), "complexity": "O(N) in the number of fields"}


@_declare("hgetall", 2, "readonly", "RO access", "", "All fields with their values.", **_ALL)
def hgetall(ctx: Context, args: Args) -> Reply:
    """HGETALL key: a map, flat in RESP2."""
    return dict(read_hash(ctx, args[1]) or ())


@_declare("hkeys", 2, "readonly", "RO access", "", "All fields.", **_ALL)
def hkeys(ctx: Context, args: Args) -> Reply:
    """HKEYS key: the fields."""
    return list(read_hash(ctx, args[1]) or ())


@_declare("hvals", 2, "readonly", "RO access", "", "All values.", **_ALL)
def hvals(ctx: Context, args: Args) -> Reply:
    """HVALS key: the values."""
    return list((read_hash(ctx, args[1]) or {}).values())


@_declare("hdel", -3, "write fast", "RW delete", "field [field ...]", "Delete fields of a hash.", "O(N) in fields")
def hdel(ctx: Context, args: Args) -> Reply:
    """HDEL key field…: how many were there."""
    key = args[1]
    value = edit_hash(ctx, key)
    if value is None:
        return 0
    count = sum(value.pop(field, None) is not None for field in args[2:])
    if count:
        ctx.notify("h", "hdel", key)
        drop_if_empty(ctx, key, value)
    return count


@_declare("hexists", 3, READ, "RO", "field", "Whether a field is there.")
def hexists(ctx: Context, args: Args) -> Reply:
    """HEXISTS key field: 1 or 0."""
    return int(args[2] in (read_hash(ctx, args[1]) or ()))


@_declare("hlen", 2, READ, "RO", "", "The number of fields.")
def hlen(ctx: Context, args: Args) -> Reply:
    """HLEN key: the number of fields."""
    return len(read_hash(ctx, args[1]) or ())


@_declare("hstrlen", 3, READ, "RO", "field", "The length of a field's value.", since="3.2.0")
def hstrlen(ctx: Context, args: Args) -> Reply:
    """HSTRLEN key field: bytes, 0 without the field."""
    return len((read_hash(ctx, args[1]) or {}).get(args[2], b""))


@_declare("hincrby", 4, WRITE, "RW access update", "field increment", "Add an integer to the one in a field.")
def hincrby(ctx: Context, args: Args) -> Reply:
    """HINCRBY key field increment: the new value."""
    key, field, change = args[1], args[2], parse_int(args[3])
    value = edit_hash(ctx, key) or {}
    new = add_int(parse_int(value.get(field, b"0"), texts.HASH_NOT_INTEGER), change)
    _store_number(ctx, key, value, field, b"%d" % new, "hincrby")
    return new


@_declare(
    "hincrbyfloat",
    4,
    WRITE,
    "RW access update",
    "field increment",
    "Add a decimal number to the one in a field.",
    since="2.6.0",
)
def hincrbyfloat(ctx: Context, args: Args) -> Reply:
    """HINCRBYFLOAT key field increment: the new value as text."""
    key, field, change = args[1], args[2], parse_long_double(args[3])
    if not is_finite(change):
        raise ReplyError(texts.VALUE_NAN_OR_INFINITY)
    value = edit_hash(ctx, key) or {}
    old = parse_long_double(value.get(field, b"0"), texts.HASH_NOT_FLOAT)
    new = format_long_double(sum_long_double(old, change))
    _store_number(ctx, key, value, field, new, "hincrbyfloat")
    if ctx.journaled:
        ctx.propagate((b"HSET", key, field, new))
    return new


def _store_number(ctx: Context, key: bytes, value: dict[bytes, bytes], field: bytes, number: bytes, event: str) -> None:
    if not value:  # it was not there
        ctx.db.set(key, value)
    value[field] = number
    ctx.db.touch(key)
    ctx.notify("h", event, key)


@_declare(
    "hrandfield",
    -2,
    "readonly",
    "RO access",
    "[count [WITHVALUES]]",
    "Random fields of a hash.",
    "O(N) in fields returned",
    since="6.2.0",
    tips=("nondeterministic_output",),
)
def hrandfield(ctx: Context, args: Args) -> Reply:
    """HRANDFIELD key [count [WITHVALUES]]: a field, or a list; a negative count may repeat fields."""
    if len(args) == 2:
        value = read_hash(ctx, args[1])
        return None if value is None else ctx.server.scanner.choose(value)
    count = parse_range(args[2], -INT64_MAX, INT64_MAX)
    if len(args) > 4 or (len(args) == 4 and args[3].upper() != b"WITHVALUES"):
        raise ReplyError(texts.SYNTAX)
    if len(args) == 4 and abs(count) > INT64_MAX // 2:
        raise ReplyError(texts.OUT_OF_RANGE)
    value = read_hash(ctx, args[1])
    if not value or not count:
        return EMPTY_ARRAY
    if count < 0:
        fields = repeated(list(value), -count)
    else:
        fields = list(value) if count >= len(value) else random.sample(list(value), count)
    if len(args) == 3:
        return fields
    if ctx.client.resp == 3:
        return [[field, value[field]] for field in fields]
    return [item for field in fields for item in (field, value[field])]
