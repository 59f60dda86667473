"""MONITOR: a feed of every command that the server runs (`server.gates` sends it)."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.resp.replies import OK, Reply

family = Family("server")


@family.command("monitor", arity=1, flags="admin noscript loading stale", summary="Show every command as it comes.")
def monitor(ctx: Context, args: Args) -> Reply:
    """MONITOR."""
    if not ctx.client.monitor:
        ctx.client.monitor = True
        ctx.server.guard.monitors += (ctx.client,)
    return OK
