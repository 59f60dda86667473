"""Commands on strings."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply

family = Family("string")


@family.command("get", arity=2, flags="readonly fast", keys=(1, 1, 1), categories="string")
def get(ctx: Context, args: Args) -> Reply:
    """GET key: the string, or null."""
    value = ctx.db.get(args[1])
    if value is not None and type(value) is not bytes and type(value) is not memoryview:
        raise ReplyError(texts.WRONGTYPE)
    return value


@family.command("set", arity=-3, flags="write denyoom", keys=(1, 1, 1), categories="string", big=True)
def set_(ctx: Context, args: Args) -> Reply:
    """SET key value (options follow)."""
    ctx.db.set(args[1], args[2])
    return OK
