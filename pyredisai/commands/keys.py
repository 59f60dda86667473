"""Commands on keys of any type."""

from __future__ import annotations

from functools import partial

from pyredisai import clock
from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.args import parse_int32
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, cluster_texts, texts
from pyredisai.glob import compile_glob
from pyredisai.journal import Effect
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.types import copied, type_name
from pyredisai.persistence.rdb.payload import dump
from pyredisai.resp.replies import OK, Reply, Status

family = Family("generic")

MULTI_SHARD = ("request_policy:multi_shard", "response_policy:agg_sum")


def _delete(ctx: Context, args: Args) -> Reply:
    """DEL key…: how many were there."""
    count = 0
    for key in args[1:]:
        if ctx.db.delete(key, "user-del"):
            ctx.notify("g", "del", key)
            count += 1
    return count


def _unlink(ctx: Context, args: Args) -> Reply:
    """UNLINK key…: how many were there; what is big is freed between later commands."""
    count = 0
    for key in args[1:]:
        value = ctx.db.data.get(key)
        if ctx.db.delete(key, "kept"):
            ctx.notify("g", "del", key)
            ctx.server.freeing.add_value(value)
            count += 1
    return count


for _name, _handler, _flags, _since, _cost in (
    ("del", _delete, "write", "1.0.0", "O(N) in the number of keys and of the elements in them"),
    ("unlink", _unlink, "write fast", "4.0.0", "O(1) for each key; freeing takes O(N) in the elements, in slices"),
):
    family.add(
        _name,
        _handler,
        arity=-2,
        flags=_flags,
        keys=(1, -1, 1),
        key_flags="RM delete",
        categories="keyspace",
        since=_since,
        tips=MULTI_SHARD,
        summary="Delete keys.",
        complexity=_cost,
        syntax="key [key ...]",
    )


def _count(ctx: Context, args: Args, *, use: bool) -> Reply:
    """EXISTS and TOUCH key…: how many are there; a key named twice counts twice."""
    lookup = ctx.db.lookup
    return sum(lookup(key, use=use) is not None for key in args[1:])


for _name, _use, _since, _what in (
    ("exists", False, "1.0.0", "How many of the keys are there."),
    ("touch", True, "3.2.1", "Note an access to keys; how many are there."),
):
    family.add(
        _name,
        partial(_count, use=_use),
        arity=-2,
        flags="readonly fast",
        keys=(1, -1, 1),
        key_flags="RO",
        categories="keyspace",
        since=_since,
        tips=MULTI_SHARD,
        summary=_what,
        complexity="O(N) in the number of keys",
        syntax="key [key ...]",
    )


@family.command(
    "type",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    key_flags="RO",
    categories="keyspace",
    summary="The type of the value under a key.",
    complexity="O(1)",
    syntax="key",
)
def type_(ctx: Context, args: Args) -> Reply:
    """TYPE key: the name, or none."""
    value = ctx.db.lookup(args[1], use=False)
    return Status("none" if value is None else type_name(value))


@family.command(
    "keys",
    arity=2,
    flags="readonly",
    categories="keyspace dangerous",
    tips=("request_policy:all_shards", "nondeterministic_output_order"),
    summary="All keys whose name matches a pattern.",
    complexity="O(N) in the number of keys of the database",
    syntax="pattern",
)
def keys(ctx: Context, args: Args) -> Reply:
    """KEYS pattern: the names."""
    db = ctx.db
    found = list(db.data) if args[1] == b"*" else list(filter(compile_glob(args[1]), db.data))
    if db.expires:
        now, never = clock.now_ms(), 2**63
        found = [key for key in found if db.expires.get(key, never) > now]
    return found


@family.command(
    "randomkey",
    arity=1,
    flags="readonly",
    categories="keyspace",
    tips=("request_policy:all_shards", "nondeterministic_output"),
    summary="The name of a random key.",
    complexity="O(1)",
)
def randomkey(ctx: Context, args: Args) -> Reply:
    """RANDOMKEY: a name, or null in an empty database."""
    db = ctx.db
    tries = 0
    while db.data:
        key = ctx.server.scanner.choose(db.data)
        tries += 1
        # A replica keeps keys whose time has come: where all are such, one of them is the answer.
        if db.peek(key) is not None or (tries >= 100 and db.events.expiry != "delete"):
            return key
    return None


def _rename(ctx: Context, source: bytes, target: bytes, *, only_new: bool) -> bool:
    db = ctx.db
    value = db.get(source)
    if value is None:
        raise ReplyError(texts.NO_SUCH_KEY)
    if source == target:
        return not only_new
    if only_new and db.get(target) is not None:
        return False
    when = db.expiry(source)
    db.delete(target)
    db.set(target, value)
    if when is not None:
        db.set_expiry(target, when)
    db.hand_over_usage(source, db, target)
    db.delete(source, "kept")
    ctx.notify("g", "rename_from", source)
    ctx.notify("g", "rename_to", target)
    return True


@family.command(
    "rename",
    arity=3,
    flags="write",
    key_specs=(KeySpec.span("RW access delete", 1, 1, 1), KeySpec.span("OW update", 2, 2, 1)),
    categories="keyspace",
    summary="Rename a key; what the new name held is lost.",
    complexity="O(1)",
    syntax="key newkey",
)
def rename(ctx: Context, args: Args) -> Reply:
    """RENAME key newkey: OK."""
    _rename(ctx, args[1], args[2], only_new=False)
    return OK


@family.command(
    "renamenx",
    arity=3,
    flags="write fast",
    key_specs=(KeySpec.span("RW access delete", 1, 1, 1), KeySpec.span("OW insert", 2, 2, 1)),
    categories="keyspace",
    summary="Rename a key if the new name is free.",
    complexity="O(1)",
    syntax="key newkey",
)
def renamenx(ctx: Context, args: Args) -> Reply:
    """RENAMENX key newkey: 1 when renamed."""
    return int(_rename(ctx, args[1], args[2], only_new=True))


def database(ctx: Context, text: bytes, error: str = "") -> Database:
    """The database that an argument names. Raises ReplyError."""
    index = parse_int32(text, error)
    if not 0 <= index < len(ctx.server.databases):
        raise ReplyError(texts.DB_OUT_OF_RANGE)
    return ctx.server.databases[index]


@family.command(
    "copy",
    arity=-3,
    flags="write denyoom",
    key_specs=(KeySpec.span("RO access", 1, 1, 1), KeySpec.span("OW update", 2, 2, 1)),
    categories="keyspace",
    since="6.2.0",
    summary="Copy the value of a key to another.",
    complexity="O(N) in the number of elements of a container",
    syntax="source destination [DB destination-db] [REPLACE]",
)
def copy(ctx: Context, args: Args) -> Reply:
    """COPY source destination [DB index] [REPLACE]: 1 when copied."""
    source, target, target_db, replace = args[1], args[2], ctx.db, False
    rest = iter(args[3:])
    for word in rest:
        option = word.upper()
        if option == b"REPLACE":
            replace = True
        elif option == b"DB" and (index := next(rest, None)) is not None:
            target_db = database(ctx, index)
        else:
            raise ReplyError(texts.SYNTAX)
    if target_db is not ctx.db and ctx.server.cluster is not None:
        raise ReplyError(cluster_texts.COPY_REFUSED)
    if target_db is ctx.db and source == target:
        raise ReplyError(texts.SAME_OBJECT)
    value = ctx.db.lookup(source)
    if value is None or (not replace and target_db.get(target) is not None):
        return 0
    when = ctx.db.expiry(source)
    target_db.delete(target)
    target_db.set(target, copied(value))
    if when is not None:
        target_db.set_expiry(target, when)
    target_db.notify("g", "copy_to", target)
    if ctx.journaled and isinstance(value, Tensor | Model | Script):
        ctx.propagate(*_copy_effects(ctx, target_db, target, when))
    return 1


def _copy_effects(ctx: Context, db: Database, key: bytes, expiry_ms: int | None) -> list[Effect]:
    """A RedisAI refuses COPY of its types, so they are sent as values."""
    payload = dump(db.data[key], ctx.server.config["ai.model-chunk-size"])
    effects: list[Effect] = [[b"RESTORE", key, b"%d" % (expiry_ms or 0), payload, b"REPLACE", b"ABSTTL"]]
    if db is not ctx.db:
        effects = [[b"SELECT", b"%d" % db.index], *effects, [b"SELECT", b"%d" % ctx.db.index]]
    return effects


@family.command(
    "move",
    arity=3,
    flags="write fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="keyspace",
    summary="Move a key to another database.",
    complexity="O(1)",
    syntax="key db",
)
def move(ctx: Context, args: Args) -> Reply:
    """MOVE key db: 1 when moved."""
    if ctx.server.cluster is not None:
        raise ReplyError(cluster_texts.MOVE_REFUSED)
    key, target = args[1], database(ctx, args[2])
    if target is ctx.db:
        raise ReplyError(texts.SAME_OBJECT)
    value = ctx.db.get(key)
    if value is None or target.get(key) is not None:
        return 0
    when = ctx.db.expiry(key)
    target.set(key, value)
    if when is not None:
        target.set_expiry(key, when)
    ctx.db.hand_over_usage(key, target, key)
    ctx.db.delete(key, "kept")
    ctx.notify("g", "move_from", key)
    target.notify("g", "move_to", key)
    return 1


@family.command(
    "swapdb",
    arity=3,
    flags="write fast",
    categories="keyspace dangerous",
    group="server",
    since="4.0.0",
    summary="Exchange the contents of two databases.",
    complexity="O(N) in the number of clients that watch or wait for keys of either",
    syntax="index1 index2",
)
def swapdb(ctx: Context, args: Args) -> Reply:
    """SWAPDB index1 index2: OK."""
    if ctx.server.cluster is not None:
        raise ReplyError(cluster_texts.SWAPDB_REFUSED)
    one = parse_int32(args[1], texts.FIRST_DB_INDEX)
    two = parse_int32(args[2], texts.SECOND_DB_INDEX)
    databases = ctx.server.databases
    if not (0 <= one < len(databases) and 0 <= two < len(databases)):
        raise ReplyError(texts.DB_OUT_OF_RANGE)
    if one != two:
        databases[one].swap(databases[two])
    else:
        ctx.server.events.dirty += 1
    return OK


@family.command(
    "dbsize",
    arity=1,
    flags="readonly fast",
    categories="keyspace",
    group="server",
    tips=("request_policy:all_shards", "response_policy:agg_sum"),
    summary="How many keys the database holds.",
    complexity="O(1)",
)
def dbsize(ctx: Context, args: Args) -> Reply:
    """DBSIZE: the number of keys."""
    return len(ctx.db.data)


def _flush(ctx: Context, args: Args, *, every: bool) -> Reply:
    """FLUSHALL and FLUSHDB [ASYNC | SYNC]: OK. Memory is freed before the reply, with ASYNC between later commands."""
    word = args[1].upper() if len(args) == 2 else b""
    if len(args) > 2 or (len(args) == 2 and word not in (b"ASYNC", b"SYNC")):
        raise ReplyError(texts.SYNTAX)
    lazy = word == b"ASYNC" or (not word and ctx.server.config["lazyfree-lazy-user-flush"])
    for db in ctx.server.databases if every else (ctx.db,):
        db.flush(ctx.server.freeing.add_keys if lazy else None)
    ctx.server.scanner.forget()
    return OK


for _name, _every, _what in (
    ("flushdb", False, "Delete all keys of the database."),
    ("flushall", True, "Delete all keys of all databases."),
):
    family.add(
        _name,
        partial(_flush, every=_every),
        arity=-1,
        flags="write",
        categories="keyspace dangerous",
        group="server",
        tips=("request_policy:all_shards", "response_policy:all_succeeded"),
        summary=_what,
        complexity="O(N) in the number of keys; with ASYNC in slices",
        syntax="[ASYNC | SYNC]",
    )
