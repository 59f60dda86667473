"""SAVE, BGSAVE, LASTSAVE, DUMP and RESTORE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyredisai import clock
from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.commands.ai.scripts import program_of
from pyredisai.commands.ai.storing import store_when_ready
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context, Services
from pyredisai.commands.loading import adopt
from pyredisai.commands.spec import Args, Command, Family
from pyredisai.errors import PersistenceError, ReplyError, texts
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.usage import MAX_FREQUENCY, Frequencies
from pyredisai.persistence.rdb import payload
from pyredisai.resp.replies import OK, Blocked, Reply, Status

family = Family("server")
keys_family = Family("generic")


@family.command(
    "save",
    arity=1,
    flags="admin noscript no_async_loading no_multi",
    summary="Write all keys to the RDB file, and serve nobody meanwhile.",
    complexity="O(N), the number of keys",
)
def save(ctx: Context, args: Args) -> Reply:
    """SAVE."""
    if ctx.server.saver.snapshot is not None:
        raise ReplyError(texts.BGSAVE_RUNNING)
    try:
        ctx.server.saver.save()
    except OSError as error:
        raise ReplyError(texts.SAVE_FAILED) from error
    return OK


@family.command(
    "bgsave",
    arity=-1,
    flags="admin noscript no_async_loading",
    syntax="[SCHEDULE]",
    summary="Write all keys to the RDB file while serving goes on.",
    complexity="O(1)",
)
def bgsave(ctx: Context, args: Args) -> Reply:
    """BGSAVE [SCHEDULE]."""
    if len(args) > 2 or (len(args) == 2 and args[1].lower() != b"schedule"):
        raise ReplyError(texts.SYNTAX)
    if ctx.server.saver.snapshot is not None:
        raise ReplyError(texts.BGSAVE_RUNNING)
    ctx.server.saver.start()
    return Status("Background saving started")


@family.command(
    "bgrewriteaof",
    arity=1,
    flags="admin noscript no_async_loading",
    summary="Write a new base of the append-only log while serving goes on.",
    complexity="O(1)",
)
def bgrewriteaof(ctx: Context, args: Args) -> Reply:
    """BGREWRITEAOF. Without the log turned on it writes one all the same, as Redis does."""
    log = ctx.server.append_log
    if log.snapshot is not None:
        raise ReplyError(texts.REWRITE_RUNNING)
    if ctx.server.saver.snapshot is not None:
        log.scheduled = True
        return Status("Background append only file rewriting scheduled")
    try:
        log.start_rewrite()
    except OSError as error:
        raise ReplyError(texts.aof_write_failed(error.strerror or "")) from error
    return Status("Background append only file rewriting started")


@family.command(
    "lastsave",
    arity=1,
    flags="loading stale fast",
    categories="admin dangerous",
    tips=("nondeterministic_output",),
    summary="When the keys were last saved, in Unix seconds.",
    complexity="O(1)",
)
def lastsave(ctx: Context, args: Args) -> Reply:
    """LASTSAVE."""
    return ctx.server.saver.last_save_s


@keys_family.command(
    "dump",
    arity=2,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="keyspace",
    tips=("nondeterministic_output",),
    since="2.6.0",
    syntax="key",
    summary="A key's value in the form that RESTORE takes.",
    complexity="O(N), the value's size",
)
def dump(ctx: Context, args: Args) -> Reply:
    """DUMP key."""
    value = ctx.db.lookup(args[1])
    return None if value is None else payload.dump(value, ctx.server.config["ai.model-chunk-size"])


@dataclass(slots=True)
class _Restore:
    """What RESTORE asks for. `ttl_ms` 0 is no expiry; seconds of `idle_s` and `frequency` are None where not given."""

    key: bytes
    ttl_ms: int
    replace: bool = False
    absolute: bool = False
    idle_s: int | None = None
    frequency: int | None = None


def _parse_restore(args: Args) -> _Restore:
    request = _Restore(bytes(args[1]), 0)
    at = 4
    while at < len(args):
        word = bytes(args[at]).upper()
        if word == b"REPLACE":
            request.replace = True
        elif word == b"ABSTTL":
            request.absolute = True
        elif word == b"IDLETIME" and at + 1 < len(args) and request.frequency is None:
            at += 1
            request.idle_s = parse_int(bytes(args[at]))
            if request.idle_s < 0:
                raise ReplyError(texts.RESTORE_IDLETIME)
        elif word == b"FREQ" and at + 1 < len(args) and request.idle_s is None:
            at += 1
            request.frequency = parse_int(bytes(args[at]))
            if not 0 <= request.frequency <= MAX_FREQUENCY:
                raise ReplyError(texts.RESTORE_FREQ)
        else:
            raise ReplyError(texts.SYNTAX)
        at += 1
    return request


@keys_family.command(
    "restore",
    arity=-4,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="OW update",
    categories="keyspace dangerous",
    since="2.6.0",
    syntax="key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    summary="Make a key from what DUMP gave.",
    complexity="O(N), the value's size",
    big=True,
)
@family.command(
    "restore-asking",
    group="server",
    arity=-4,
    flags="write denyoom asking",
    keys=(1, 1, 1),
    key_flags="OW update",
    categories="keyspace dangerous",
    since="3.0.0",
    syntax="key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
    summary="RESTORE, as nodes of a cluster send it.",
    complexity="O(N), the value's size",
    big=True,
)
def restore(ctx: Context, args: Args) -> Reply:
    """RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME s] [FREQ n]."""
    request = _parse_restore(args)
    if not request.replace and ctx.db.get(request.key) is not None:
        raise ReplyError(texts.BUSYKEY)
    request.ttl_ms = parse_int(bytes(args[2]))
    if request.ttl_ms < 0:
        raise ReplyError(texts.RESTORE_TTL)
    try:
        value = payload.restore(args[3])
    except payload.BadPayload:
        raise ReplyError(texts.BAD_PAYLOAD) from None
    except PersistenceError:
        raise ReplyError(texts.BAD_DATA_FORMAT) from None
    effect = _make_absolute(request, args)
    if type(value) in (Model, Script):
        return _restore_ai(ctx, request, effect, value)
    stored = _put(ctx.db, request, value)
    if ctx.journaled:
        ctx.propagate(effect if stored else [b"DEL", request.key])
    return OK


def _make_absolute(request: _Restore, args: Args) -> Args:
    """Turn the time to live into a moment; what is journaled, because replicas run it later."""
    if not request.ttl_ms or request.absolute:
        return args
    request.ttl_ms += clock.now_ms()
    request.absolute = True
    return [args[0], args[1], b"%d" % request.ttl_ms, *args[3:], b"ABSTTL"]


def _restore_ai(ctx: Context, request: _Restore, args: Args, stored: Model | Script) -> Reply:
    """A model or script is made ready before it is stored."""
    services = ctx.server
    value: Model | Script = adopt(services, stored)

    def ready() -> Model | Script:
        if isinstance(value, Model):
            value.session.open()
        else:
            program_of(services, value)
        return value

    def failed(services: Services, error: BaseException) -> str:
        services.log("warning", f"RESTORE of a {value.redis_type}: {error}")
        return texts.BAD_DATA_FORMAT

    def put(database: Database, value: Model | Script) -> None:
        _put(database, request, value)

    reply = store_when_ready(ctx, args, ready, put, failed)
    if ctx.journaled and type(reply) is not Blocked:
        ctx.propagate(args)
    return reply


def _put(database: Database, request: _Restore, value: Any) -> bool:
    """Store it; False where its time has come already."""
    expire = request.ttl_ms
    if request.replace:
        database.delete(request.key)
    if expire and database.is_past(expire):
        return False
    database.set(request.key, value)
    if expire:
        database.set_expiry(request.key, expire)
    if request.idle_s is not None and not isinstance(database.usage, Frequencies):
        database.track_access()
    if database.usage is not None:
        database.usage.restore(request.key, request.idle_s, request.frequency)
    database.notify("g", "restore", request.key)
    return True


def refuse_while_saves_fail(ctx: Context, command: Command) -> None:
    """Raise ReplyError for a write while snapshots fail (stop-writes-on-bgsave-error)."""
    config = ctx.server.config
    concerned = command.is_write or command.name == "ping"
    if concerned and not ctx.server.saver.last_ok and config["stop-writes-on-bgsave-error"] and config["save"]:
        raise ReplyError(texts.MISCONF)


def disk_refuses(services: Services) -> bool:
    """Whether a client's writes are refused because they cannot be kept."""
    config = services.config
    saves_fail = not services.saver.last_ok and config["stop-writes-on-bgsave-error"] and config["save"]
    return bool(saves_fail) or not services.append_log.ok


def refuse_while_log_fails(ctx: Context, command: Command) -> None:
    """Raise ReplyError for a write while the append-only log cannot be written."""
    if command.is_write and not ctx.server.append_log.ok:
        raise ReplyError(ctx.server.append_log.refusal)
