"""The only way a command runs: lookup, arity, permission, MULTI, memory, statistics, journal.

`process` serves a client's request, `call` the commands that EXEC, Lua and TorchScript run. This is the hot path:
a condition that is rare is one attribute test here and a function elsewhere (`gates`).
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from functools import partial
from typing import Final

from pyredisai import clock
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Command
from pyredisai.commands.timing import LINEAR_NS, LINEAR_SHIFT, bucket_above_linear, new_histogram
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import QUEUED, Blocked, Error, Raw, Reply
from pyredisai.server import gates

_now: Final = clock.monotonic_ns
MANY_BUFFERS: Final = 512
SLOW_NS: Final = 5_000  # several times what an ordinary command takes: the next request lets others go first
_BEFORE_PAYLOADS: Final = frozenset((b"BLOB", b"SOURCE"))


def process(ctx: Context, args: Args) -> Reply:
    """Run one request of a client: what `call` does, and before it what only clients meet.

    Returns the reply value; an error is an `Error` value. Never raises. Arguments are bytes; those of a command
    that is `big` may be memoryviews (see `without_views`).
    """
    return process_checked(ctx, args, ctx.server.table.by_bytes.get(args[0]))


def process_queue(ctx: Context, queue: Iterator[Args], out: Buffers) -> Blocked | bool:
    """Run requests of a client one after the other, as `process` does, and encode their replies into `out`.

    Stops where there are no more, or where the client is to be closed (False); when `out` has MANY_BUFFERS, which
    are to be written before the next (True); when a reply comes later: returns it.
    """
    server = ctx.server
    guard = server.guard
    client = ctx.client
    by_bytes = server.table.by_bytes
    for args in queue:
        command = by_bytes.get(args[0])
        if (
            command is None
            or not command.plain
            or guard.alert
            or client.queued is not None
            or client.permissions is not None
            or client.subscriptions
            or not client.authenticated
            or client.reply_mode != "on"
            or (len(args) != command.arity and (command.arity >= 0 or len(args) < -command.arity))
        ):
            reply = process_checked(ctx, args, command)
        else:
            client.last_command = command.name
            reply = execute(ctx, command, args)
            if server.deferred:
                server.run_deferred()
        if type(reply) is Raw:
            out.append(reply.data)
            if client.closing:
                return False
            continue
        if type(reply) is Blocked:
            if not reply.resolved:
                server.scheduler.flush()
            if not reply.resolved:
                return reply
            reply = reply.reply
            if type(reply) is Error:
                failure(ctx, reply.text)
        encode(reply, client.resp, out)
        if client.closing:
            return False
        if len(out) > MANY_BUFFERS:
            return True
    return False


def without_views(ctx: Context, args: Args) -> Args:
    """The arguments as the command may have them: all bytes, unless it is `big`.

    The AI commands are it for their payloads: what follows BLOB or SOURCE, with the pieces after it.
    """
    command = ctx.server.table.find(bytes(args[0]))
    if command is not None and command.subcommands:
        command = command.subcommands.get(bytes(args[1]).lower().decode("latin-1"))
    if command is None or not command.big:
        return [bytes(arg) for arg in args]
    if not command.module:
        return args
    found = list(args)
    payload = False
    for index, arg in enumerate(args):
        if type(arg) is not bytes:
            before = args[index - 1] if index else b""
            if type(before) is bytes:  # else it is a piece of the same payload, or of none
                payload = before.upper() in _BEFORE_PAYLOADS
            if not payload:
                found[index] = bytes(arg)
    return found


def process_checked(ctx: Context, args: Args, command: Command | None) -> Reply:
    """The long way of a request, with every check; `process_queue` has a short one.

    Their order is Redis' own: it decides which error a request gets that is wrong in several ways.
    """
    server = ctx.server
    client = ctx.client
    try:
        if command is None or command.subcommands:
            client.last_command = "NULL"
            command = find(ctx, args)
        client.last_command = command.name  # also of one that is refused, as in Redis
        arity = command.arity
        if len(args) != arity and (arity >= 0 or len(args) < -arity):
            raise ReplyError(texts.wrong_arity(command.name))
        if not client.authenticated and not command.no_auth:
            raise ReplyError(texts.NOAUTH)
        guard = server.guard
        if client.queued is not None or client.permissions is not None or client.subscriptions:
            gates.check_client(ctx, command, args)
        elif guard.redirection is not None:
            guard.redirection.check(ctx, command, args)
        if guard.checks:
            for check in guard.checks:
                check(ctx, command)
        if guard.memory_limited:
            gates.check_memory(ctx, command)
        if guard.busy:
            gates.check_busy(ctx, command, args)
    except ReplyError as error:
        return rejected(ctx, args, error.text)
    if guard.paused and gates.is_held(ctx, command):
        return gates.hold(ctx, args, partial(process, ctx, args))
    if client.queued is not None and command.queueable:
        client.queued.append((command, args))
        reply: Reply = QUEUED
    else:
        if command.interruptible:
            reply = gates.interruptible(ctx, command, partial(execute, ctx, command, args))
        else:
            reply = execute(ctx, command, args)
        if server.deferred:
            server.run_deferred()
    if guard.tracking is not None:
        reply = guard.tracking.after_request(client, command, reply)
    return reply if client.reply_mode == "on" else gates.silence(client, reply)


def call(ctx: Context, args: Args) -> Reply:
    """Run a command for EXEC, Lua or TorchScript. Returns the reply value; never raises.

    Its effects are added to those of the command that called, which journals them all together.
    """
    command = ctx.server.table.by_bytes.get(args[0])
    try:
        if command is None or command.subcommands:
            command = find(ctx, args)
        arity = command.arity
        if len(args) != arity and (arity >= 0 or len(args) < -arity):
            raise ReplyError(texts.wrong_arity(command.name))
        if ctx.client.permissions is not None:
            ctx.client.permissions.check(ctx, command, args)
    except ReplyError as error:
        if command is not None:
            command.rejected += 1
        return failure(ctx, error.text)
    outer = ctx.effects
    before = ctx.db.index
    reply = execute(ctx, command, args, nested=True)
    effects = ctx.effects
    ctx.effects = outer
    if effects:
        if before != ctx.effects_db:
            effects = [[b"SELECT", b"%d" % before], *effects]
            ctx.effects_db = before
        ctx.effects = [*(outer or ()), *effects]
    return reply


def find(ctx: Context, args: Args) -> Command:
    """The command or subcommand that `args` name. Raises ReplyError."""
    name = args[0]
    command = ctx.server.table.find(bytes(name))
    if command is None:
        raise ReplyError(texts.unknown_command(name, args[1:]))
    if command.subcommands and len(args) > 1:
        sub = bytes(args[1])
        found = command.subcommands.get(sub.lower().decode("latin-1"))
        if found is None:
            raise ReplyError(texts.unknown_subcommand(sub.decode("latin-1"), command.name))
        command = found
    if "protected" in command.flags:
        gates.check_protected(ctx, command)
    return command


def execute(ctx: Context, command: Command, args: Args, *, nested: bool = False) -> Reply:
    """Run the handler; time, count and journal what it did.

    A nested call leaves its effects in `ctx.effects`.
    """
    server = ctx.server
    guard = server.guard
    if guard.alert:
        if guard.monitors:
            gates.feed_monitors(ctx, command, args)
        if guard.snapshots and command.is_write:
            gates.protect(ctx, command, args)
    events = server.events
    dirty = events.dirty
    db = ctx.db.index
    ctx.effects = None
    if not nested:
        ctx.effects_db = db
    handler = command.handler
    start = _now()
    try:
        reply = handler(ctx, args)  # type: ignore[misc]  # only containers have none, and they do not run
    except ReplyError as error:
        command.failed += 1
        reply = failure(ctx, error.text)
    except Exception as error:
        command.failed += 1
        reply = crashed(ctx, command, error)
    ns = _now() - start
    command.calls += 1
    command.ns += ns
    if type(reply) is Blocked and not reply.resolved:
        reply.args = args
        reply.account = partial(_account_blocked, ctx, command, args, ns)
    else:
        if guard.track_latency:
            histogram = command.histogram
            if histogram is None:
                histogram = command.histogram = new_histogram()
            histogram[ns >> LINEAR_SHIFT if ns < LINEAR_NS else bucket_above_linear(ns)] += 1
        if ns >= SLOW_NS:
            ctx.slow = True
        if ns >= guard.slow_ns:
            guard.on_slow(ctx.client, args, command, ns)
    server.stats.commands_processed += 1
    if events.dirty != dirty and server.journal.subscribers:
        journal(ctx, command, args, db, nested)
        if server.append_log.unwritten:
            reply = failure(ctx, server.append_log.refusal)
    if guard.alert and guard.tracking is not None:
        guard.tracking.after_command(ctx, command, args)
    return reply


def _account_blocked(ctx: Context, command: Command, args: Args, own_ns: int, background_ns: int) -> None:
    """A request that waited is answered: its time is the handler's own and what others worked for it.

    `execute` has the same count in it, because there a call would be felt.
    """
    ns = own_ns + background_ns
    command.ns += background_ns
    guard = ctx.server.guard
    if guard.track_latency:
        histogram = command.histogram
        if histogram is None:
            histogram = command.histogram = new_histogram()
        histogram[ns >> LINEAR_SHIFT if ns < LINEAR_NS else bucket_above_linear(ns)] += 1
    if ns >= guard.slow_ns:
        guard.on_slow(ctx.client, args, command, ns)


def journal(ctx: Context, command: Command, args: Args, db: int, nested: bool) -> None:
    """Journal the effects of a command that changed something; those of a nested call are left to its caller."""
    effects = ctx.effects
    if effects is None:
        effects = [args] if command.is_write else []
    if nested:
        ctx.effects = effects
        return
    if effects and ctx.effects_db != db:
        effects = [*effects, [b"SELECT", b"%d" % db]]
    if effects:
        ctx.server.journal.append(db, effects)
        ctx.client.written = ctx.server.primary.history.offset


def rejected(ctx: Context, args: Args, text: str) -> Reply:
    """The reply to a request that may not run; a transaction that is open will abort."""
    client = ctx.client
    try:
        command = find(ctx, args)
    except ReplyError:
        pass
    else:
        command.rejected += 1
        if command.name == "exec" and client.queued is not None:
            text = gates.abort_transaction(client, text)
    if client.queued is not None:
        client.queue_error = True
    else:
        client.asking = 0
    reply = failure(ctx, text)
    return reply if client.reply_mode == "on" else gates.silence(client, reply)


def failure(ctx: Context, text: str) -> Error:
    """An error reply, counted by its code."""
    stats = ctx.server.stats
    stats.error_replies += 1
    code = text.partition(" ")[0]
    stats.errors_by_code[code] = stats.errors_by_code.get(code, 0) + 1
    return Error(text)


def crashed(ctx: Context, command: Command, error: Exception) -> Error:
    """A handler's own mistake: the client gets an error, the log the traceback, the server goes on."""
    if not ctx.client.obeyed:  # there every error is unexpected, and counted by who sent the command
        ctx.server.stats.unexpected_errors += 1
    for line in traceback.format_exception(error):
        ctx.server.log("warning", f"{command.name}: {line.rstrip()}")
    return failure(ctx, texts.internal_error(error))


__all__ = ["Blocked", "call", "execute", "failure", "process", "process_queue", "without_views"]
