"""CLIENT and its subcommands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyredisai.commands import accounts, pause
from pyredisai.commands.args import parse_int
from pyredisai.commands.client import Client
from pyredisai.commands.client_info import client_type, describe_client
from pyredisai.commands.connection import checked_name
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply, Verbatim

family = Family("connection")

_OWN = "noscript loading stale"
_ADMIN = "admin noscript loading stale"
_VARIES = ("nondeterministic_output",)
_TYPES = {b"normal": "normal", b"pubsub": "pubsub", b"master": "master", b"replica": "replica", b"slave": "replica"}

family.add("client", None, arity=-2, since="2.4.0", summary="Commands about client connections.")


def _client(sub: str, arity: int, flags: str = _OWN, **rest: Any) -> Callable[..., Callable[..., Reply]]:
    return family.command(f"client|{sub}", arity=arity, flags=flags, categories="connection", **rest)


@_client("id", 2, since="5.0.0", summary="The connection's id.")
def client_id(ctx: Context, args: Args) -> Reply:
    """CLIENT ID."""
    return ctx.client.id


@_client("getname", 2, since="2.6.9", summary="The connection's name.")
def client_getname(ctx: Context, args: Args) -> Reply:
    """CLIENT GETNAME."""
    return ctx.client.name or None


@_client("setname", 3, since="2.6.9", syntax="connection-name", summary="Name the connection.")
def client_setname(ctx: Context, args: Args) -> Reply:
    """CLIENT SETNAME name; an empty one takes it away."""
    ctx.client.name = checked_name(args[2])
    return OK


@_client("setinfo", 4, since="7.2.0", syntax="(LIB-NAME libname | LIB-VER libver)", summary="Tell the client library.")
def client_setinfo(ctx: Context, args: Args) -> Reply:
    """CLIENT SETINFO LIB-NAME name, LIB-VER version: of Redis 7.2, which clients of today send."""
    field = args[2].lower()
    if field not in (b"lib-name", b"lib-ver"):
        raise ReplyError(texts.setinfo_option(args[2].decode("latin-1")))
    if any(not 33 <= byte <= 126 for byte in args[3]):
        raise ReplyError(texts.setinfo_characters(field.decode()))
    setattr(ctx.client, field.decode().replace("-", "_"), args[3])
    return OK


@_client(
    "info", 2, since="6.2.0", summary="What CLIENT LIST says of this connection.", tips=("nondeterministic_output",)
)
def client_info(ctx: Context, args: Args) -> Reply:
    """CLIENT INFO."""
    return Verbatim(describe_client(ctx.client, args).encode("latin-1") + b"\n")


@_client(
    "list",
    -2,
    _ADMIN,
    since="2.4.0",
    syntax="[TYPE (NORMAL | MASTER | REPLICA | PUBSUB)] [ID client-id [client-id ...]]",
    summary="The open connections.",
    tips=_VARIES,
)
def client_list(ctx: Context, args: Args) -> Reply:
    """CLIENT LIST [TYPE type] [ID id…]: a line each."""
    clients = ctx.server.clients
    chosen = list(clients.values())
    option = args[2].lower() if len(args) > 2 else b""
    if option == b"type" and len(args) == 4:
        kind = _client_type(args[3])
        chosen = [client for client in chosen if client_type(client) == kind]
    elif option == b"id" and len(args) > 3:
        ids = [parse_int(arg, texts.INVALID_CLIENT_ID) for arg in args[3:]]
        chosen = [clients[i] for i in ids if i in clients]
    elif option:
        raise ReplyError(texts.SYNTAX)
    lines = "".join(describe_client(client, args if client is ctx.client else ()) + "\n" for client in chosen)
    return Verbatim(lines.encode("latin-1"))


def _client_type(word: bytes) -> str:
    try:
        return _TYPES[word.lower()]
    except KeyError:
        raise ReplyError(texts.unknown_client_type(word.decode("latin-1"))) from None


@_client(
    "kill",
    -3,
    _ADMIN,
    since="2.4.0",
    syntax="(ip:port | ([ID client-id] [TYPE (NORMAL | MASTER | SLAVE | REPLICA | PUBSUB)] [USER username] "
    "[ADDR ip:port] [LADDR ip:port] [SKIPME yes/no] ...))",
    summary="Close connections.",
)
def client_kill(ctx: Context, args: Args) -> Reply:
    """CLIENT KILL addr, or with filters: how many connections were closed."""
    clients = list(ctx.server.clients.values())
    if len(args) == 3:
        address = args[2].decode("latin-1")
        found = [client for client in clients if client.addr == address]
        if not found:
            raise ReplyError(texts.NO_SUCH_CLIENT)
        _kill(ctx, found)
        return OK
    tests, skip_me = _kill_filters(ctx, args)
    chosen = [c for c in clients if all(test(c) for test in tests) and not (skip_me and c is ctx.client)]
    _kill(ctx, chosen)
    return len(chosen)


def _kill(ctx: Context, clients: list[Client]) -> None:
    for client in clients:
        client.link.close(after_reply=client is ctx.client)


def _kill_filters(ctx: Context, args: Args) -> tuple[list[Callable[[Client], bool]], bool]:
    """The tests that a connection must pass to be closed, and SKIPME. Raises ReplyError."""
    tests: list[Callable[[Client], bool]] = []
    skip_me = True
    if len(args) % 2:
        raise ReplyError(texts.SYNTAX)
    for at in range(2, len(args), 2):
        option, value = args[at].lower(), args[at + 1]
        text = value.decode("latin-1")
        if option == b"id":
            tests.append(_has("id", _positive_id(value)))
        elif option == b"type":
            kind = _client_type(value)
            tests.append(lambda client, kind=kind: client_type(client) == kind)  # type: ignore[misc]  # a default binds the name
        elif option == b"addr":
            tests.append(_has("addr", text))
        elif option == b"laddr":
            tests.append(_has("laddr", text))
        elif option == b"user":
            if text not in accounts.store(ctx.server).users:
                raise ReplyError(texts.no_such_user(text))
            tests.append(_has("user", text))
        elif option == b"skipme" and value.lower() in (b"yes", b"no"):
            skip_me = value.lower() == b"yes"
        else:
            raise ReplyError(texts.SYNTAX)
    return tests, skip_me


def _has(field: str, wanted: object) -> Callable[[Client], bool]:
    return lambda client: getattr(client, field) == wanted


def _positive_id(text: bytes) -> int:
    number = parse_int(text, texts.CLIENT_ID_POSITIVE)
    if number < 1:
        raise ReplyError(texts.CLIENT_ID_POSITIVE)
    return number


@_client("pause", -3, _ADMIN, since="2.9.50", syntax="timeout [WRITE | ALL]", summary="Keep requests back for a time.")
def client_pause(ctx: Context, args: Args) -> Reply:
    """CLIENT PAUSE milliseconds [WRITE | ALL]."""
    if len(args) > 4:
        raise ReplyError(texts.SYNTAX)
    mode = "all"
    if len(args) == 4:
        mode = args[3].lower().decode("latin-1")
        if mode not in ("write", "all"):
            raise ReplyError(texts.PAUSE_MODE)
    timeout = parse_int(args[2], texts.TIMEOUT_NOT_INTEGER)
    if timeout < 0:
        raise ReplyError(texts.TIMEOUT_NEGATIVE)
    pause.start(ctx.server, mode, timeout)
    return OK


@_client("unpause", 2, _ADMIN, since="6.2.0", summary="End a pause.")
def client_unpause(ctx: Context, args: Args) -> Reply:
    """CLIENT UNPAUSE."""
    pause.end(ctx.server)
    return OK


@_client("reply", 3, since="3.2.0", syntax="(ON | OFF | SKIP)", summary="Answer this connection's requests, or not.")
def client_reply(ctx: Context, args: Args) -> Reply:
    """CLIENT REPLY ON | OFF | SKIP; dispatch keeps the replies back."""
    mode = args[2].lower()
    client = ctx.client
    if mode == b"on":
        client.reply_mode = "on"
    elif mode == b"off":
        client.reply_mode = "off"
    elif mode == b"skip":
        if client.reply_mode != "off":
            client.reply_mode = "skip_next"
    else:
        raise ReplyError(texts.SYNTAX)
    return OK


@_client("no-evict", 3, _ADMIN, since="7.0.0", syntax="(ON | OFF)", summary="Spare the connection when clients go.")
def client_no_evict(ctx: Context, args: Args) -> Reply:
    """CLIENT NO-EVICT ON | OFF."""
    mode = args[2].lower()
    if mode not in (b"on", b"off"):
        raise ReplyError(texts.SYNTAX)
    ctx.client.no_evict = mode == b"on"
    return OK


@_client(
    "unblock", -3, _ADMIN, since="5.0.0", syntax="client-id [TIMEOUT | ERROR]", summary="End another client's waiting."
)
def client_unblock(ctx: Context, args: Args) -> Reply:
    """CLIENT UNBLOCK id [TIMEOUT | ERROR]: 1 if the client waited in a command that can be ended so."""
    if len(args) > 4:
        raise ReplyError(texts.wrong_arity("client|unblock"))
    reason = args[3].lower() if len(args) == 4 else b"timeout"
    if reason not in (b"timeout", b"error"):
        raise ReplyError(texts.UNBLOCK_REASON)
    other = ctx.server.clients.get(parse_int(args[2]))
    waiting = other.waiting if other is not None else None
    if waiting is None or waiting.on_unblock is None:
        return 0
    waiting.on_unblock(reason == b"error")
    return 1


family.help("client", categories="connection")
