"""AI.INFO: what a model or script has run since it was stored or its counters were reset."""

from __future__ import annotations

from typing import Final

from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.commands.ai.cursor import is_keyword
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.resp.replies import OK, Reply

family = Family("module", module="ai")

SCRIPT_SAMPLES: Final = -1


@family.command("ai.info", arity=-1, flags="readonly", keys=(1, 1, 1))
def info(ctx: Context, args: Args) -> Reply:
    """AI.INFO key [RESETSTAT]."""
    if not 2 <= len(args) <= 3:
        raise ReplyError(texts.wrong_arity("ai.info"))
    key = args[1]
    value = ctx.db.get(key)
    if type(value) is Model:
        facts: list[Reply] = [b"MODEL", value.backend, value.device, value.options.tag]
    elif type(value) is Script:
        facts = [b"SCRIPT", b"TORCH", value.device, value.tag]
    else:
        raise ReplyError(ai_texts.NO_RUN_INFO)
    stats = value.stats
    if len(args) == 3 and is_keyword(args[2], b"RESETSTAT"):
        stats.reset()
        return OK
    reply: list[Reply] = [b"key", key]
    for name, fact in zip((b"type", b"backend", b"device", b"tag"), facts, strict=True):
        reply += name, fact
    reply += b"duration", stats.duration_us
    reply += b"samples", stats.samples if type(value) is Model else SCRIPT_SAMPLES
    reply += b"calls", stats.calls, b"errors", stats.errors
    return reply
