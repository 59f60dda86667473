"""Who may do what the configuration guards: enable-debug-command, enable-module-command, enable-protected-configs."""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.errors import ReplyError, texts


def permits(ctx: Context, option: str) -> bool:
    """Whether `option` (yes, no or local) lets this client."""
    setting = ctx.server.config[option]
    return bool(setting == "yes" or (setting == "local" and ctx.client.is_local))


def require(ctx: Context, word: str) -> None:
    """Refuse what `enable-<word>-command` does not permit. Raises ReplyError with Redis' text."""
    if not permits(ctx, f"enable-{word}-command"):
        raise ReplyError(texts.protected_command(word))
