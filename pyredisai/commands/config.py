"""CONFIG: the registry of parameters over the wire."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields

from pyredisai.commands.context import Context, ServerStats
from pyredisai.commands.help import help_reply
from pyredisai.commands.permission import permits
from pyredisai.commands.spec import Args, Command, Family
from pyredisai.config.lines import to_bytes, to_text
from pyredisai.config.rewrite import rewrite
from pyredisai.errors import ConfigError, ReplyError, config_texts, texts
from pyredisai.resp.replies import OK, Reply

family = Family("server")

_ADMIN = "admin noscript loading stale"

family.add("config", None, arity=-2, since="2.0.0", summary="Commands about the server's configuration.")


def _config(sub: str, arity: int, since: str, summary: str, syntax: str = "") -> Callable[..., Callable[..., Reply]]:
    tips = ("request_policy:all_nodes", "response_policy:all_succeeded") if sub == "set" else ()
    return family.command(
        f"config|{sub}", arity=arity, flags=_ADMIN, since=since, summary=summary, syntax=syntax, tips=tips
    )


@_config("get", -3, "2.0.0", "Parameters and their values.", "parameter [parameter ...]")
def config_get(ctx: Context, args: Args) -> Reply:
    """CONFIG GET pattern [pattern ...]."""
    found = ctx.server.config.find(map(to_text, args[2:]))
    return {to_bytes(name): to_bytes(text) for name, text in found.items()}


@_config("set", -4, "2.0.0", "Change parameters, all or none.", "parameter value [parameter value ...]")
def config_set(ctx: Context, args: Args) -> Reply:
    """CONFIG SET name value [name value ...]."""
    words = [to_text(word) for word in args[2:]]
    if len(words) % 2:
        raise ReplyError(texts.SYNTAX)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    try:
        ctx.server.config.set(pairs, lambda param: permits(ctx, param.protected_by))
    except ConfigError as error:
        raise ReplyError(str(error)) from None
    return OK


@_config("rewrite", 2, "2.8.0", "Bring the conf file up to date.")
def config_rewrite(ctx: Context, args: Args) -> Reply:
    """CONFIG REWRITE."""
    config = ctx.server.config
    if not config.config_file:
        raise ReplyError(config_texts.NO_CONFIG_FILE)
    try:
        rewrite(config)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        ctx.server.log("warning", f"CONFIG REWRITE failed: {reason}")
        raise ReplyError(f"ERR Rewriting config file: {reason}") from None
    ctx.server.log("notice", "CONFIG REWRITE executed with success.")
    return OK


@_config("resetstat", 2, "2.0.0", "Set the statistics of INFO back.")
def config_resetstat(ctx: Context, args: Args) -> Reply:
    """CONFIG RESETSTAT: counters of the server, of commands and of errors."""
    stats, fresh = ctx.server.stats, ServerStats()
    for field in fields(ServerStats):
        setattr(stats, field.name, getattr(fresh, field.name))
    ctx.server.freeing.freed = 0
    for command in ctx.server.table.commands.values():
        _reset(command)
        for sub in command.subcommands.values():
            _reset(sub)
    return OK


def _reset(command: Command) -> None:
    command.calls = command.ns = command.rejected = command.failed = 0
    command.histogram = None


@family.command("config|help", arity=2, flags="loading stale", since="5.0.0", summary="Show the subcommands.")
def config_help(ctx: Context, args: Args) -> Reply:
    """CONFIG HELP."""
    return help_reply(
        "config",
        {
            "GET <pattern> [<pattern> ...]": "Parameters whose names match a glob pattern, with their values.",
            "SET <directive> <value> [<directive> <value> ...]": "Change parameters: all of them, or none.",
            "RESETSTAT": "Set the statistics of INFO back.",
            "REWRITE": "Bring the conf file up to date with what was set.",
        },
    )
