"""call(): the only way a command runs. Lookup, arity, permission, MULTI, statistics, journal."""

from __future__ import annotations

from pyredisai import clock
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Command
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import QUEUED, Blocked, Error, Reply


def process(ctx: Context, args: Args) -> Reply:
    """Run one request of a client: what `call` does, and before it what only clients meet.

    Returns the reply value; an error is an `Error` value. Never raises.
    """
    command = ctx.server.table.find(args[0])
    try:
        command = checked(command, args)
        client = ctx.client
        if not client.authenticated and "no_auth" not in command.flags:
            raise ReplyError(texts.NOAUTH)
        if client.queued is not None and "no_multi_queue" not in command.flags:
            client.queued.append((command, args))
            return QUEUED
    except ReplyError as error:
        if command is not None:
            command.rejected += 1
        if ctx.client.queued is not None:
            ctx.client.queue_error = True
        return failure(ctx, error.text)
    return execute(ctx, command, args)


def call(ctx: Context, args: Args) -> Reply:
    """Run a command for EXEC, Lua or TorchScript. Returns the reply value; never raises."""
    try:
        command = checked(ctx.server.table.find(args[0]), args)
    except ReplyError as error:
        return failure(ctx, error.text)
    return execute(ctx, command, args)


def checked(command: Command | None, args: Args) -> Command:
    """The command or subcommand that `args` name, its arity checked. Raises ReplyError."""
    if command is None:
        raise ReplyError(texts.unknown_command(args[0], args[1:]))
    if command.subcommands and len(args) > 1:
        name = bytes(args[1]).lower().decode("latin-1")
        found = command.subcommands.get(name)
        if found is None and command.handler is None:
            shown = bytes(args[1]).decode("latin-1")
            raise ReplyError(texts.unknown_subcommand(shown, command.name))
        command = found or command
    arity = command.arity
    if (len(args) != arity) if arity >= 0 else (len(args) < -arity):
        raise ReplyError(texts.wrong_arity(command.name))
    return command


def execute(ctx: Context, command: Command, args: Args) -> Reply:
    """Run the handler; count and journal what it did."""
    server = ctx.server
    events = server.events
    dirty = events.dirty
    ctx.effects = None
    start = clock.monotonic_ns()
    try:
        assert command.handler is not None
        reply = command.handler(ctx, args)
    except ReplyError as error:
        command.failed += 1
        reply = failure(ctx, error.text)
    except Exception as error:
        command.failed += 1
        server.log("warning", f"{command.name} raised {type(error).__name__}: {error}")
        reply = failure(ctx, f"ERR internal error: {type(error).__name__}: {error}")
    command.usec += (clock.monotonic_ns() - start) // 1000
    command.calls += 1
    server.stats.commands_processed += 1
    if events.dirty != dirty and server.journal.subscribers:
        server.journal.append(ctx.db.index, [args] if ctx.effects is None else ctx.effects)
    return reply


def failure(ctx: Context, text: str) -> Error:
    """An error reply, counted by its code."""
    stats = ctx.server.stats
    stats.error_replies += 1
    code = text.partition(" ")[0]
    stats.errors_by_code[code] = stats.errors_by_code.get(code, 0) + 1
    return Error(text)


__all__ = ["Blocked", "call", "execute", "process"]
