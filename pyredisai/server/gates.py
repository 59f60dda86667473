"""The rare turns of dispatch: what a client in MULTI, subscribed, limited by ACL, paused or muted meets."""

from __future__ import annotations

from collections.abc import Callable

from pyredisai import clock
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context
from pyredisai.commands.key_lookup import keys_with_flags
from pyredisai.commands.lua.engine import engine
from pyredisai.commands.permission import require
from pyredisai.commands.redact import redacted
from pyredisai.commands.spec import Args, Command
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.encoder import error_line
from pyredisai.resp.replies import NO_REPLY, Blocked, Error, Raw, Reply, Status

WHILE_SUBSCRIBED = frozenset(
    {
        "ping",
        "subscribe",
        "ssubscribe",
        "unsubscribe",
        "sunsubscribe",
        "psubscribe",
        "punsubscribe",
        "quit",
        "reset",
    }
)
# Commands of a transaction that may run, or be queued, while memory is short.
_DESPITE_MEMORY = frozenset({"exec", "discard", "multi", "unwatch", "quit", "reset"})


def check_protected(ctx: Context, command: Command) -> None:
    """Refuse DEBUG and MODULE where the configuration does not enable them. Raises ReplyError."""
    require(ctx, command.name.partition("|")[0])


def check_client(ctx: Context, command: Command, args: Args) -> None:
    """What the client's own state forbids. Raises ReplyError."""
    client = ctx.client
    if client.queued is not None and "no_multi" in command.flags:
        raise ReplyError(texts.NOT_IN_MULTI)
    if client.permissions is not None:
        client.permissions.check(ctx, command, args)
    if ctx.server.guard.redirection is not None:
        ctx.server.guard.redirection.check(ctx, command, args)
    if client.subscriptions and client.resp == 2 and command.name not in WHILE_SUBSCRIBED:
        raise ReplyError(texts.only_while_subscribed(command.name))


def check_memory(ctx: Context, command: Command) -> None:
    """Make room, or refuse what needs more memory. Raises ReplyError."""
    if ctx.server.guard.make_room():
        return
    queued = ctx.client.queued
    refuse = command.denyoom
    if queued is not None:
        in_queue = command.name == "exec" and any(item[0].denyoom for item in queued)
        refuse = refuse or in_queue or command.name not in _DESPITE_MEMORY
    if refuse:
        raise ReplyError(texts.OOM)


def check_busy(ctx: Context, command: Command, args: Args) -> None:
    """Refuse all but a few commands while a slow script is suspended. Raises ReplyError."""
    allowed = "allow_busy" in command.flags
    if command.name == "shutdown":
        allowed = any(bytes(arg).lower() == b"nosave" for arg in args[1:])
    if not allowed:
        raise ReplyError(engine(ctx.server).busy_text())


def interruptible(ctx: Context, command: Command, run: Callable[[], Reply]) -> Reply:
    """Run a command that may hold a script, so that the script can be suspended."""
    queued = ctx.client.queued
    if command.name == "exec" and not (queued and any(item[0].interruptible for item in queued)):
        return run()
    return engine(ctx.server).interruptible(run)


def is_held(ctx: Context, command: Command) -> bool:
    """Whether CLIENT PAUSE keeps this request back."""
    if ctx.server.guard.paused == "all":
        return command.name != "client|unpause" or ctx.client.queued is not None
    queued = ctx.client.queued
    if queued is not None and command.name == "exec":
        return any(_may_replicate(item[0]) for item in queued)
    return _may_replicate(command)


def _may_replicate(command: Command) -> bool:
    return command.is_write or "may_replicate" in command.flags


def hold(ctx: Context, args: Args, run: Callable[[], Reply]) -> Blocked:
    """Keep the request `args` until the pause ends; then `run` it for its reply."""
    held = ctx.server.guard.held

    def resume() -> None:
        client.held = False
        reply = run()
        if type(reply) is Blocked:
            blocked.on_cancel = reply.cancel
            reply.then(blocked.resolve)
        else:
            # An error was counted when it was made.
            blocked.resolve(Raw(error_line(reply.text)) if type(reply) is Error else reply)

    def forget() -> None:
        client.held = False
        if resume in held:
            held.remove(resume)

    client = ctx.client
    client.held = True
    blocked = Blocked(forget)
    blocked.args = args
    held.append(resume)
    return blocked


def protect(ctx: Context, command: Command, args: Args) -> None:
    """Keep what a background save is writing as it is: containers that this command may change are copied."""
    try:
        keys = keys_with_flags(command, args)
    except ReplyError:  # the command will refuse the same arguments
        return
    for key, _ in keys:
        ctx.server.guard.protect(ctx.db, key)


def silence(client: Client, reply: Reply) -> Reply:
    """What CLIENT REPLY OFF or SKIP leaves of a reply: nothing."""
    if client.reply_mode == "skip_next":
        client.reply_mode = "skip"
        return NO_REPLY
    if client.reply_mode == "skip":
        client.reply_mode = "on"
    if type(reply) is not Blocked:
        return NO_REPLY
    silent = Blocked(reply.cancel)
    reply.then(lambda _: silent.resolve(NO_REPLY))
    return silent


def abort_transaction(client: Client, text: str) -> str:
    """EXEC itself was refused: the transaction is over. Returns the text of the reply."""
    client.queued = None
    client.queue_error = False
    client.watched.clear()
    client.dirty_watch = False
    return texts.exec_refused(text)


def feed_monitors(ctx: Context, command: Command, args: Args) -> None:
    """Show a command to the clients that sent MONITOR."""
    if "skip_monitor" in command.flags or "admin" in command.flags:
        return
    client = ctx.client
    source = "lua" if client.is_script else client.addr
    now = clock.now_us()
    words = " ".join(f'"{printable(bytes(arg))}"' for arg in redacted(command, args))
    line = Status(f"{now // 1_000_000}.{now % 1_000_000:06d} [{ctx.db.index} {source}] {words}")
    for monitor in ctx.server.guard.monitors:
        monitor.link.push(line)


_ESCAPES = {**{i: f"\\x{i:02x}" for i in (*range(32), *range(127, 256))}, 7: "\\a", 8: "\\b"}
_ESCAPES.update({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"})


def printable(data: bytes) -> str:
    """Bytes as Redis quotes them in logs: printable ASCII as it is, the rest escaped."""
    return data.decode("latin-1").translate(_ESCAPES)
