"""Commands about the server as a whole: time, role, the end."""

from __future__ import annotations

from pyredisai import clock
from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.module_info import REDIS_VERSION
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import NO_REPLY, OK, Reply, Verbatim

family = Family("server")


@family.command(
    "time",
    arity=1,
    flags="loading stale fast",
    since="2.6.0",
    summary="The server's clock.",
    complexity="O(1)",
    tips=("nondeterministic_output",),
)
def time_(ctx: Context, args: Args) -> Reply:
    """TIME: seconds and microseconds since 1970."""
    now = clock.now_us()
    return [b"%d" % (now // 1_000_000), b"%d" % (now % 1_000_000)]


@family.command(
    "shutdown",
    arity=-1,
    flags="admin noscript loading stale no_multi sentinel allow_busy",
    syntax="[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    summary="Save if asked to, and end the server.",
    complexity="O(N) when saving, the number of keys",
)
def shutdown(ctx: Context, args: Args) -> Reply:
    """SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: replicas that lack something are waited for, but with NOW."""
    words = {arg.lower() for arg in args[1:]}
    if not words <= {b"nosave", b"save", b"now", b"force", b"abort"} or {b"nosave", b"save"} <= words:
        raise ReplyError(texts.SYNTAX)
    if b"abort" in words:
        if len(args) > 2:
            raise ReplyError(texts.SYNTAX)
        ctx.server.shutdown.abort()
        return OK
    save = True if b"save" in words else False if b"nosave" in words else None
    waits = ctx.server.shutdown.begin(save, force=b"force" in words, now=b"now" in words)
    return ctx.server.shutdown.join() if waits else NO_REPLY


@family.command(
    "lolwut",
    arity=-1,
    flags="readonly fast",
    since="5.0.0",
    syntax="[VERSION version]",
    summary="A picture, and the version.",
)
def lolwut(ctx: Context, args: Args) -> Reply:
    """LOLWUT [VERSION n [columns]]: a small landscape whose shape follows from the arguments."""
    numbers = [parse_int(arg) for arg in args[2:]] if len(args) > 1 and args[1].lower() == b"version" else []
    columns = max(8, min(numbers[1] if len(numbers) > 1 else 48, 160))
    heights = [(column * column * 7 + column * 13 + sum(numbers)) % 11 // 2 for column in range(columns)]
    rows = ["".join("#" if height >= level else " " for height in heights).rstrip() for level in range(5, 0, -1)]
    picture = "\n".join(rows) + "\n\n" if len(args) == 1 or numbers else ""
    return Verbatim(f"{picture}Redis ver. {REDIS_VERSION}\n".encode())
