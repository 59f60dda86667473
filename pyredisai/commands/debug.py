"""DEBUG: the subset that test suites use. Dispatch refuses it unless `enable-debug-command` allows it."""

from __future__ import annotations

import time
from collections.abc import Callable

from pyredisai.commands.context import Context
from pyredisai.commands.encoding import encoding
from pyredisai.commands.help import help_reply
from pyredisai.commands.loading import reload
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import PersistenceError, ReplyError, texts
from pyredisai.glob import compile_glob
from pyredisai.keyspace.usage import USAGE_BITS
from pyredisai.persistence.rdb import payload
from pyredisai.replication.history import new_id
from pyredisai.resp.aggregates import Push, RespSet
from pyredisai.resp.replies import NULL_ARRAY, OK, Raw, Reply, Verbatim

family = Family("server")

_Subcommand = Callable[[Context, Args], Reply]


@family.command(
    "debug",
    arity=-2,
    flags="admin noscript loading stale protected",
    summary="Tools for tests.",
    syntax="subcommand [arg [arg ...]]",
)
def debug(ctx: Context, args: Args) -> Reply:
    """DEBUG subcommand [argument…]."""
    name = args[1].lower().decode("latin-1")
    counts, run = _SUBCOMMANDS.get(name, ((), None))
    if run is None or len(args) - 2 not in counts:
        raise ReplyError(texts.unknown_or_arity(args[1].decode("latin-1"), "DEBUG"))
    return run(ctx, args)


def _sleep(ctx: Context, args: Args) -> Reply:
    try:
        seconds = float(args[2])
    except ValueError:
        seconds = 0.0
    if seconds > 0:
        time.sleep(seconds)
    return OK


def _object(ctx: Context, args: Args) -> Reply:
    value = ctx.db.peek(args[2])
    if value is None:
        raise ReplyError(texts.NO_SUCH_KEY)
    # DUMP adds a byte of type and ten of version and checksum to the value itself.
    size = len(payload.dump(value, ctx.server.config["ai.model-chunk-size"])) - 11
    now = int(time.time()) & USAGE_BITS
    usage = ctx.db.usage
    bits = now if usage is None else usage.bits(args[2])
    idle = (now - bits) % USAGE_BITS  # without meaning under an LFU policy, as in Redis
    shown = f"encoding:{encoding(ctx, value)} serializedlength:{size} lru:{bits} lru_seconds_idle:{idle}"
    return Raw(f"+Value at:{id(value):#x} refcount:1 {shown}\r\n".encode())


def _set_active_expire(ctx: Context, args: Args) -> Reply:
    ctx.server.extra["active-expire"] = args[2] != b"0"
    return OK


def _stringmatch_len(ctx: Context, args: Args) -> Reply:
    try:
        length = int(args[2])
    except ValueError:
        length = 0
    return int(bool(compile_glob(args[3])(b"a" * length)))


def _change_repl_id(ctx: Context, args: Args) -> Reply:
    ctx.server.primary.history.id = new_id()
    return OK


def _log(ctx: Context, args: Args) -> Reply:
    ctx.server.log("warning", f"DEBUG LOG: {args[2].decode('latin-1')}")
    return OK


def _error(ctx: Context, args: Args) -> Reply:
    raise ReplyError(args[2].decode("latin-1"))


def _populate(ctx: Context, args: Args) -> Reply:
    try:
        count = int(args[2])
        size = int(args[4]) if len(args) > 4 else 0
    except ValueError:
        raise ReplyError(texts.NOT_INTEGER) from None
    if count < 0 or size < 0:
        raise ReplyError(texts.VALUE_NOT_INTEGER_POSITIVE)
    prefix = args[3] if len(args) > 3 else b"key"
    for number in range(count):
        key = b"%b:%d" % (prefix, number)
        if ctx.db.get(key) is None:
            value = b"value:%d" % number
            ctx.db.set(key, value[:size].ljust(size, b"\0") if size else value)
    return OK


def _protocol(ctx: Context, args: Args) -> Reply:
    kind = args[2].lower()
    if kind == b"push":
        if ctx.client.resp < 3:
            raise ReplyError(texts.RESP3_ONLY)
        ctx.client.link.push(Push([b"server-cpu-usage", 42]))
        return b"Some real reply following the push reply"
    if kind == b"attrib":
        text = b"Some real reply following the attribute"
        if ctx.client.resp < 3:
            return text
        head = b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n"
        return Raw(head + b"$%d\r\n%b\r\n" % (len(text), text))
    if kind == b"bignum":
        number = b"1234567999999999999999999999999999999"
        return number if ctx.client.resp < 3 else Raw(b"(%b\r\n" % number)
    try:
        return _PROTOCOL[kind]
    except KeyError:
        raise ReplyError(texts.DEBUG_PROTOCOL) from None


_PROTOCOL: dict[bytes, Reply] = {
    b"string": b"Hello World",
    b"integer": 12345,
    b"double": 3.141,
    b"null": None,
    b"array": [0, 1, 2],
    b"set": RespSet([0, 1, 2]),
    b"map": {0: False, 1: True, 2: False},
    b"verbatim": Verbatim(b"This is a verbatim\nstring"),
    b"true": True,
    b"false": False,
    b"nullarray": NULL_ARRAY,
}


def _reload(ctx: Context, args: Args) -> Reply:
    words = {arg.upper() for arg in args[2:]}
    if not words <= {b"NOSAVE", b"NOFLUSH", b"MERGE"}:
        raise ReplyError(texts.DEBUG_RELOAD)
    try:
        reload(ctx.server, save=b"NOSAVE" not in words, flush=b"NOFLUSH" not in words)
    except (OSError, PersistenceError) as error:
        raise ReplyError(texts.DEBUG_LOADING) from error
    return OK


def _nothing(ctx: Context, args: Args) -> Reply:
    """Tunes a part of the C server that is not there; suites send it before they test something else."""
    return OK


def _help(ctx: Context, args: Args) -> Reply:
    return help_reply("debug", _HELP)


_HELP = {
    "CHANGE-REPL-ID": "Take a new replication id.",
    "ERROR <text>": "Answer this error.",
    "LOG <text>": "Write a line to the log.",
    "OBJECT <key>": "How a value is stored.",
    "POPULATE <count> [<prefix>] [<size>]": "Create keys that are not there yet.",
    "PROTOCOL <type>": "Answer a sample of a RESP type.",
    "SET-ACTIVE-EXPIRE (0|1)": "Switch the active expiry off and on.",
    "SLEEP <seconds>": "Keep the whole server busy.",
    "STRINGMATCH-LEN <length> <pattern>": "Whether a pattern matches so many letters a.",
}
_SUBCOMMANDS: dict[str, tuple[tuple[int, ...] | range, _Subcommand]] = {
    "change-repl-id": ((0,), _change_repl_id),
    "error": ((1,), _error),
    "help": ((0,), _help),
    "log": ((1,), _log),
    "object": ((1, 2), _object),
    "populate": ((1, 2, 3), _populate),
    "protocol": ((1,), _protocol),
    "quicklist-packed-threshold": ((1,), _nothing),
    "reload": (range(4), _reload),
    "set-active-expire": ((1,), _set_active_expire),
    "sleep": ((1,), _sleep),
    "stringmatch-len": ((2,), _stringmatch_len),
}
