"""Commands on the connection itself: greeting, authentication, the selected database."""

from __future__ import annotations

from pyredisai.commands import accounts
from pyredisai.commands.args import parse_int, parse_int32
from pyredisai.commands.context import Context
from pyredisai.commands.keys import database
from pyredisai.commands.module_info import REDIS_VERSION, loaded_modules
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.transactions import end_transaction
from pyredisai.errors import ReplyError, cluster_texts, texts
from pyredisai.resp.replies import OK, PONG, Raw, Reply

family = Family("connection")


_RESET = Raw(b"+RESET\r\n")


@family.command(
    "ping",
    arity=-1,
    flags="fast",
    categories="connection",
    syntax="[message]",
    summary="Answer PONG, or the message.",
    complexity="O(1)",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)
def ping(ctx: Context, args: Args) -> Reply:
    """PING [message]."""
    if len(args) > 2:
        raise ReplyError(texts.wrong_arity("ping"))
    if ctx.client.subscriptions and ctx.client.resp == 2:
        return [b"pong", args[1] if len(args) == 2 else b""]
    return args[1] if len(args) == 2 else PONG


@family.command(
    "echo",
    arity=2,
    flags="loading stale fast",
    categories="connection",
    syntax="message",
    summary="Answer the message.",
    complexity="O(1)",
)
def echo(ctx: Context, args: Args) -> Reply:
    """ECHO message."""
    return args[1]


@family.command(
    "quit",
    arity=-1,
    flags="noscript loading stale fast no_auth allow_busy",
    categories="connection",
    summary="Close the connection.",
    complexity="O(1)",
)
def quit_(ctx: Context, args: Args) -> Reply:
    """QUIT: an answer, then the end."""
    ctx.client.link.close(after_reply=True)
    return OK


@family.command(
    "reset",
    arity=1,
    flags="noscript loading stale fast no_auth allow_busy",
    categories="connection",
    since="6.2.0",
    summary="Put the connection back to how it began.",
    complexity="O(1)",
)
def reset(ctx: Context, args: Args) -> Reply:
    """RESET: leaves MULTI, subscriptions, MONITOR, tracking, RESP3, the database, the name and the user."""
    client, server = ctx.client, ctx.server
    end_transaction(ctx)
    for forget in server.on_client_gone:
        forget(client)
    client.resp = 2
    client.name = b""
    client.reply_mode = "on"
    client.no_evict = False
    ctx.select(0)
    accounts.admit(server, client)
    return _RESET


@family.command(
    "select",
    arity=2,
    flags="loading stale fast",
    categories="connection",
    syntax="index",
    summary="Use another database.",
    complexity="O(1)",
)
def select(ctx: Context, args: Args) -> Reply:
    """SELECT index."""
    index = parse_int32(args[1])
    if index and ctx.server.cluster is not None:
        raise ReplyError(cluster_texts.SELECT_REFUSED)
    ctx.select(database(ctx, args[1]).index)
    return OK


@family.command(
    "auth",
    arity=-2,
    flags="noscript loading stale fast no_auth allow_busy sentinel",
    categories="connection",
    syntax="[username] password",
    summary="Log in.",
    complexity="O(N), the number of the user's passwords",
)
def auth(ctx: Context, args: Args) -> Reply:
    """AUTH [username] password."""
    if len(args) > 3:
        raise ReplyError(texts.SYNTAX)
    if len(args) == 2:
        if accounts.store(ctx.server).default.nopass:
            raise ReplyError(texts.AUTH_WITHOUT_PASSWORD)
        accounts.log_in(ctx, b"default", args[1])
    else:
        accounts.log_in(ctx, args[1], args[2])
    return OK


@family.command(
    "hello",
    arity=-1,
    flags="noscript loading stale fast no_auth allow_busy sentinel",
    categories="connection",
    since="6.0.0",
    syntax="[protover [AUTH username password] [SETNAME clientname]]",
    summary="Choose the protocol version, log in, name the connection.",
    complexity="O(1)",
)
def hello(ctx: Context, args: Args) -> Reply:
    """HELLO [protover [AUTH username password] [SETNAME clientname]]: what the server is."""
    client = ctx.client
    version = client.resp
    if len(args) > 1:
        version = parse_int(args[1], texts.PROTOCOL_VERSION)
        if version not in (2, 3):
            raise ReplyError(texts.NOPROTO)
    name = _hello_options(ctx, args)
    if not client.authenticated:
        raise ReplyError(texts.HELLO_NOAUTH)
    if name is not None:
        client.name = name
    client.resp = version
    return {
        b"server": b"redis",
        b"version": REDIS_VERSION,
        b"proto": version,
        b"id": client.id,
        b"mode": "cluster" if ctx.server.config["cluster-enabled"] else "standalone",
        b"role": b"replica" if ctx.server.primary.is_replica else b"master",
        b"modules": [module.describe() for module in loaded_modules(ctx.server)],
    }


def _hello_options(ctx: Context, args: Args) -> bytes | None:
    """Log in if HELLO says so; the name that it sets. Raises ReplyError."""
    name: bytes | None = None
    at = 2
    while at < len(args):
        word, left = args[at].upper(), len(args) - at - 1
        if word == b"AUTH" and left >= 2:
            accounts.log_in(ctx, args[at + 1], args[at + 2])
            at += 3
        elif word == b"SETNAME" and left:
            name = checked_name(args[at + 1])
            at += 2
        else:
            raise ReplyError(texts.hello_option(args[at].decode("latin-1")))
    return name


def checked_name(name: bytes) -> bytes:
    """A connection's name. Raises ReplyError for one that could not stand in CLIENT LIST."""
    if any(not 33 <= byte <= 126 for byte in name):
        raise ReplyError(texts.CLIENT_NAME_CHARACTERS)
    return name
