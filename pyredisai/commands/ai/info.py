"""AI.INFO: what a model or script has run since it was stored or its counters were reset."""

from __future__ import annotations

from pyredisai.ai.model import Model
from pyredisai.ai.stats import RunStats
from pyredisai.commands.ai.cursor import is_keyword
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.resp.replies import OK, Reply

family = Family("module", module="ai")


@family.command("ai.info", arity=-1, flags="readonly", keys=(1, 1, 1))
def info(ctx: Context, args: Args) -> Reply:
    """AI.INFO key [RESETSTAT]."""
    if not 2 <= len(args) <= 3:
        raise ReplyError(texts.wrong_arity("ai.info"))
    key = args[1]
    value = ctx.db.get(key)
    if type(value) is not Model:
        raise ReplyError(ai_texts.NO_RUN_INFO)
    if len(args) == 3 and is_keyword(args[2], b"RESETSTAT"):
        value.stats.reset()
        return OK
    head: list[Reply] = [b"key", key, b"type", b"MODEL", b"backend", value.backend]
    head += b"device", value.device, b"tag", value.options.tag
    return head + run_counters(value.stats, value.stats.samples)


def run_counters(stats: RunStats, samples: int) -> list[Reply]:
    """The counters at the end of AI.INFO; a script's samples are always -1."""
    return [b"duration", stats.duration_us, b"samples", samples, b"calls", stats.calls, b"errors", stats.errors]
