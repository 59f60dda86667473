"""Commands on the connection itself."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import PONG, Reply

family = Family("connection")


@family.command("ping", arity=-1, flags="fast sentinel", categories="connection")
def ping(ctx: Context, args: Args) -> Reply:
    """PING [message]."""
    if len(args) > 2:
        raise ReplyError(texts.wrong_arity("ping"))
    return args[1] if len(args) == 2 else PONG


@family.command("echo", arity=2, flags="fast", categories="connection")
def echo(ctx: Context, args: Args) -> Reply:
    """ECHO message."""
    return args[1]
