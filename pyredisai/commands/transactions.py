"""MULTI, EXEC, DISCARD, WATCH, UNWATCH. Dispatch queues what comes in between."""

from __future__ import annotations

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import NULL_ARRAY, OK, Blocked, Error, Reply

family = Family("transactions")


@family.command(
    "multi",
    arity=1,
    flags="noscript loading stale fast allow_busy",
    categories="transaction",
    since="1.2.0",
    summary="Begin a transaction: what follows is queued.",
    complexity="O(1)",
)
def multi(ctx: Context, args: Args) -> Reply:
    """MULTI: OK."""
    if ctx.client.queued is not None:
        raise ReplyError(texts.NESTED_MULTI)
    ctx.client.queued = []
    ctx.client.queue_error = False
    return OK


def end_transaction(ctx: Context) -> None:
    """Forget the queue and what the client watches."""
    client: Client = ctx.client
    client.queued = None
    client.queue_error = False
    ctx.server.watch.forget(client)


@family.command(
    "discard",
    arity=1,
    flags="noscript loading stale fast allow_busy",
    categories="transaction",
    since="2.0.0",
    summary="Give a transaction up.",
    complexity="O(N) in the commands queued",
)
def discard(ctx: Context, args: Args) -> Reply:
    """DISCARD: OK."""
    if ctx.client.queued is None:
        raise ReplyError(texts.DISCARD_WITHOUT_MULTI)
    end_transaction(ctx)
    return OK


@family.command(
    "exec",
    arity=1,
    flags="noscript loading stale skip_slowlog",
    categories="transaction",
    interruptible=True,
    since="1.2.0",
    summary="Run what was queued, unless a watched key was touched.",
    complexity="that of the commands",
)
def exec_(ctx: Context, args: Args) -> Reply:
    """EXEC: the replies in order; a null array when a watched key was touched."""
    client = ctx.client
    queued = client.queued
    if queued is None:
        raise ReplyError(texts.EXEC_WITHOUT_MULTI)
    ctx.server.watch.expire_due(client)
    refused, touched = client.queue_error, client.dirty_watch
    end_transaction(ctx)
    if refused:
        raise ReplyError(texts.EXECABORT)
    if touched:
        return NULL_ARRAY
    client.in_exec = True
    try:
        return [_settled(ctx.server.call(ctx, arguments)) for _, arguments in queued]
    finally:
        client.in_exec = False


def _settled(reply: Reply) -> Reply:
    """A reply inside EXEC; a command that blocks although it may not there has an error in its place."""
    if type(reply) is not Blocked:
        return reply
    if reply.resolved:
        return reply.reply
    reply.cancel()
    return Error(texts.BLOCKING_IN_EXEC)


@family.command(
    "watch",
    arity=-2,
    flags="noscript loading stale fast allow_busy",
    keys=(1, -1, 1),
    key_flags="RO",
    categories="transaction",
    since="2.2.0",
    summary="Let the next EXEC fail if one of the keys is touched before.",
    complexity="O(1) for each key",
    syntax="key [key ...]",
)
def watch(ctx: Context, args: Args) -> Reply:
    """WATCH key…: OK."""
    if ctx.client.queued is not None:
        raise ReplyError(texts.WATCH_IN_MULTI)
    for key in args[1:]:
        ctx.server.watch.watch(ctx.client, ctx.db.index, key)
    return OK


@family.command(
    "unwatch",
    arity=1,
    flags="noscript loading stale fast allow_busy",
    categories="transaction",
    since="2.2.0",
    summary="Watch nothing any more.",
    complexity="O(1)",
)
def unwatch(ctx: Context, args: Args) -> Reply:
    """UNWATCH: OK."""
    ctx.server.watch.forget(ctx.client)
    return OK
