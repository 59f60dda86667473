"""Commands on strings; parts of them are in `substrings`, counters in `counters`, bits in `bitmaps`."""

from __future__ import annotations

from dataclasses import dataclass

from pyredisai import clock
from pyredisai.commands.args import INT64_MAX, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.expire import expire_or_delete
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import Text, read_string
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply

family = Family("string")

EXPIRE_WORDS = {b"EX": (1000, True), b"PX": (1, True), b"EXAT": (1000, False), b"PXAT": (1, False)}


@dataclass(slots=True)
class Options:
    """The options of SET and GETEX. `expire` is the word that gave `amount`, not read yet."""

    only_new: bool = False
    only_old: bool = False
    want_old: bool = False
    keep_ttl: bool = False
    persist: bool = False
    expire: bytes = b""
    amount: bytes = b""


def parse_options(words: Args, *, getex: bool = False) -> Options:
    """Read the options of SET, or of GETEX; each may come again, the last amount counts. Raises the syntax error."""
    options = Options()
    rest = iter(words)
    for argument in rest:
        word = bytes(argument).upper()
        if word in EXPIRE_WORDS and options.expire in (b"", word) and not (options.keep_ttl or options.persist):
            options.expire = word
            amount = next(rest, None)
            if amount is None:
                raise ReplyError(texts.SYNTAX)
            options.amount = bytes(amount)
        elif getex and word == b"PERSIST" and not options.expire:
            options.persist = True
        elif getex:
            raise ReplyError(texts.SYNTAX)
        elif word == b"NX" and not options.only_old:
            options.only_new = True
        elif word == b"XX" and not options.only_new:
            options.only_old = True
        elif word == b"GET":
            options.want_old = True
        elif word == b"KEEPTTL" and not options.expire:
            options.keep_ttl = True
        else:
            raise ReplyError(texts.SYNTAX)
    return options


def expiry_ms(word: bytes, amount: bytes, command: str) -> int:
    """When `EX 10` and its like expire, in Unix milliseconds. Raises ReplyError."""
    unit, relative = EXPIRE_WORDS[word]
    value = parse_int(amount)
    if value <= 0 or value > INT64_MAX // unit:
        raise ReplyError(texts.invalid_expire(command))
    value *= unit
    if relative:
        value += clock.now_ms()
        if value > INT64_MAX:
            raise ReplyError(texts.invalid_expire(command))
    return value


def store(ctx: Context, key: bytes, value: Text, when: int | None = None, *, keep_ttl: bool = False) -> None:
    """Set a string as SET does, with its events."""
    ctx.db.set(key, value, keep_ttl=keep_ttl)
    ctx.notify("$", "set", key)
    if when is not None:
        ctx.db.set_expiry(key, when)
        ctx.notify("g", "expire", key)


@family.command(
    "get",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="string",
    summary="The string under a key.",
    complexity="O(1)",
    syntax="key",
)
def get(ctx: Context, args: Args) -> Reply:
    """GET key: the string, or null."""
    value = ctx.db.lookup(args[1])
    if value is None or type(value) is bytes or type(value) is memoryview:
        return value
    raise ReplyError(texts.WRONGTYPE)


def _keys_of_set(args: list[bytes]) -> list[tuple[bytes, str]]:
    """SET reads its key only with the option GET."""
    reads = any(bytes(word).upper() == b"GET" for word in args[3:])
    return [(args[1], "RW access update" if reads else "OW update")]


@family.command(
    "set",
    arity=-3,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="RW access update variable_flags",
    get_keys=_keys_of_set,
    categories="string",
    big=True,
    summary="Store a string under a key, whatever was there.",
    complexity="O(1)",
    syntax="key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | "
    "PXAT unix-time-milliseconds | KEEPTTL]",
)
def set_(ctx: Context, args: Args) -> Reply:
    """SET key value: OK; null when NX or XX forbids it; the old value with GET."""
    key = args[1]
    if type(key) is not bytes:
        key = bytes(key)
    if len(args) == 3:
        ctx.db.set(key, args[2])
        if ctx.server.events.on_event:
            ctx.notify("$", "set", key)
        return OK
    options = parse_options(args[3:])
    when = expiry_ms(options.expire, options.amount, "set") if options.expire else None
    old = read_string(ctx, key) if options.want_old else None
    if options.only_new or options.only_old:
        there = ctx.db.peek(key) is not None
        if there if options.only_new else not there:
            ctx.db.get(key)  # that counts as use
            return old
    if options.keep_ttl:
        ctx.db.get(key)
    store(ctx, key, args[2], when, keep_ttl=options.keep_ttl)
    if ctx.journaled:
        tail = () if when is None else (b"PXAT", b"%d" % when)
        ctx.propagate((b"SET", key, args[2], *tail, *((b"KEEPTTL",) if options.keep_ttl else ())))
    return old if options.want_old else OK


@family.command(
    "setnx",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="OW insert",
    categories="string",
    big=True,
    summary="Store a string if the key is not there.",
    complexity="O(1)",
    syntax="key value",
)
def setnx(ctx: Context, args: Args) -> Reply:
    """SETNX key value: 1 when stored, 0 when the key was there."""
    key = bytes(args[1])
    if ctx.db.get(key) is not None:
        return 0
    store(ctx, key, args[2])
    return 1


def _set_with_expiry(ctx: Context, args: Args, word: bytes, command: str) -> Reply:
    key = bytes(args[1])
    when = expiry_ms(word, bytes(args[2]), command)
    store(ctx, key, args[3], when)
    if ctx.journaled:
        ctx.propagate((b"SET", key, args[3], b"PXAT", b"%d" % when))
    return OK


@family.command(
    "setex",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="OW update",
    categories="string",
    big=True,
    since="2.0.0",
    summary="Store a string that expires after some seconds.",
    complexity="O(1)",
    syntax="key seconds value",
)
def setex(ctx: Context, args: Args) -> Reply:
    """SETEX key seconds value: OK."""
    return _set_with_expiry(ctx, args, b"EX", "setex")


@family.command(
    "psetex",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="OW update",
    categories="string",
    big=True,
    since="2.6.0",
    summary="Store a string that expires after some milliseconds.",
    complexity="O(1)",
    syntax="key milliseconds value",
)
def psetex(ctx: Context, args: Args) -> Reply:
    """PSETEX key milliseconds value: OK."""
    return _set_with_expiry(ctx, args, b"PX", "psetex")


@family.command(
    "getset",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    big=True,
    summary="Store a string and return the one before.",
    complexity="O(1)",
    syntax="key value",
)
def getset(ctx: Context, args: Args) -> Reply:
    """GETSET key value: the old string, or null."""
    key = bytes(args[1])
    old = read_string(ctx, key)
    store(ctx, key, args[2])
    if ctx.journaled:
        ctx.propagate((b"SET", key, args[2]))
    return old


@family.command(
    "getdel",
    arity=2,
    flags="write fast",
    keys=(1, 1, 1),
    key_flags="RW access delete",
    categories="string",
    since="6.2.0",
    summary="Return the string under a key and delete the key.",
    complexity="O(1)",
    syntax="key",
)
def getdel(ctx: Context, args: Args) -> Reply:
    """GETDEL key: the string, or null."""
    value = read_string(ctx, args[1])
    if value is not None:
        ctx.db.delete(args[1])
        ctx.notify("g", "del", args[1])
        if ctx.journaled:
            ctx.propagate((b"DEL", args[1]))
    return value


@family.command(
    "getex",
    arity=-2,
    flags="write fast",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="string",
    since="6.2.0",
    summary="Return the string under a key and change its expiry.",
    complexity="O(1)",
    syntax="key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
)
def getex(ctx: Context, args: Args) -> Reply:
    """GETEX key [expiry]: the string, or null."""
    key = args[1]
    options = parse_options(args[2:], getex=True)
    value = read_string(ctx, key)
    if value is None:
        return None
    if options.expire:
        when = expiry_ms(options.expire, options.amount, "getex")
        expire_or_delete(ctx, key, when)
    elif options.persist and ctx.db.persist(key):
        ctx.db.touch(key)
        ctx.notify("g", "persist", key)
        if ctx.journaled:
            ctx.propagate((b"PERSIST", key))
    return value


@family.command(
    "mget",
    arity=-2,
    flags="readonly fast",
    keys=(1, -1, 1),
    key_flags="RO access",
    categories="string",
    tips=("request_policy:multi_shard",),
    summary="The strings under several keys.",
    complexity="O(N) in the number of keys",
    syntax="key [key ...]",
)
def mget(ctx: Context, args: Args) -> Reply:
    """MGET key…: the strings; null for what is absent or no string."""
    lookup = ctx.db.lookup
    values = [lookup(key) for key in args[1:]]
    return [v if type(v) is bytes or type(v) is memoryview else None for v in values]


def _mset(ctx: Context, args: Args, command: str, *, only_new: bool) -> bool:
    if len(args) % 2 == 0:
        raise ReplyError(texts.wrong_arity(command))
    keys = [bytes(key) for key in args[1::2]]
    if only_new and any(ctx.db.get(key) is not None for key in keys):
        return False
    for key, value in zip(keys, args[2::2], strict=True):
        store(ctx, key, value)
    return True


@family.command(
    "mset",
    arity=-3,
    flags="write denyoom",
    keys=(1, -1, 2),
    key_flags="OW update",
    categories="string",
    big=True,
    since="1.0.1",
    tips=("request_policy:multi_shard", "response_policy:all_succeeded"),
    summary="Store several strings at once.",
    complexity="O(N) in the number of keys",
    syntax="key value [key value ...]",
)
def mset(ctx: Context, args: Args) -> Reply:
    """MSET key value…: OK."""
    _mset(ctx, args, "mset", only_new=False)
    return OK


@family.command(
    "msetnx",
    arity=-3,
    flags="write denyoom",
    keys=(1, -1, 2),
    key_flags="OW insert",
    categories="string",
    big=True,
    since="1.0.1",
    tips=("request_policy:multi_shard", "response_policy:agg_min"),
    summary="Store several strings if none of the keys is there.",
    complexity="O(N) in the number of keys",
    syntax="key value [key value ...]",
)
def msetnx(ctx: Context, args: Args) -> Reply:
    """MSETNX key value…: 1 when stored, 0 when one of the keys was there."""
    return int(_mset(ctx, args, "msetnx", only_new=True))
