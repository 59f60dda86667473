"""Commands on keys of any type."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.resp.replies import OK, Reply

family = Family("generic")


@family.command("del", arity=-2, flags="write", keys=(1, -1, 1), categories="keyspace")
def del_(ctx: Context, args: Args) -> Reply:
    """DEL key…: how many were there."""
    return sum(ctx.db.delete(key) for key in args[1:])


@family.command("flushall", arity=-1, flags="write", categories="keyspace dangerous")
def flushall(ctx: Context, args: Args) -> Reply:
    """FLUSHALL."""
    for db in ctx.server.databases:
        db.data.clear()
        db.expires.clear()
    return OK
