"""MODULE: the AI module is built in; loading it applies its options, nothing else can be loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pyredisai.commands.ai.config import load_named_backends
from pyredisai.commands.context import Context, Services
from pyredisai.commands.help import help_reply
from pyredisai.commands.module_info import loaded_modules
from pyredisai.commands.spec import Args, Family
from pyredisai.config.ai_params import AI_PARAMS, BACKENDS, BY_OPTION, Module
from pyredisai.config.lines import to_text
from pyredisai.config.modules import load_module
from pyredisai.errors import ConfigError, ReplyError, config_texts
from pyredisai.keyspace.types import type_name
from pyredisai.resp.replies import OK, Blocked, Error, Reply

family = Family("server")

family.add("module", None, arity=-2, since="4.0.0", summary="Commands about modules.")


def _module(
    sub: str, arity: int, summary: str, syntax: str = "", flags: str = "", since: str = "4.0.0"
) -> Callable[..., Callable[..., Reply]]:
    tips = ("nondeterministic_output_order",) if sub == "list" else ()
    flags = flags or "admin noscript no_async_loading protected"
    return family.command(
        f"module|{sub}", arity=arity, flags=flags, since=since, summary=summary, syntax=syntax, tips=tips
    )


@_module("list", 2, "The modules.", flags="admin noscript")
def module_list(ctx: Context, args: Args) -> Reply:
    """MODULE LIST."""
    return [module.describe() for module in loaded_modules(ctx.server)]


@_module("load", -3, "Load a module.", "path [arg [arg ...]]")
def module_load(ctx: Context, args: Args) -> Reply:
    """MODULE LOAD path [option value ...]: takes the options of RedisAI as long as nothing AI was stored or run."""
    return _load(ctx, to_text(args[2]), [], [to_text(arg) for arg in args[3:]])


@_module(
    "loadex",
    -3,
    "Load a module with configuration.",
    "path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]",
    since="7.0.0",
)
def module_loadex(ctx: Context, args: Args) -> Reply:
    """MODULE LOADEX path [CONFIG name value ...] [ARGS option value ...]; names are those of CONFIG (`ai.…`)."""
    words = [to_text(arg) for arg in args[3:]]
    configs: list[tuple[str, str]] = []
    at = 0
    while at < len(words):
        word = words[at].upper()
        if word == "ARGS":
            at += 1
            break
        if word != "CONFIG" or at + 2 >= len(words):
            problem = "CONFIG specified without name value pair" if word == "CONFIG" else f"Bad word: {words[at]}"
            ctx.server.log("notice", problem)
            raise ReplyError(config_texts.MODULE_LOAD)
        configs.append((words[at + 1].lower(), words[at + 2]))
        at += 3
    return _load(ctx, to_text(args[2]), configs, words[at:])


def _load(ctx: Context, path: str, configs: Sequence[tuple[str, str]], arguments: Sequence[str]) -> Reply:
    """Load the AI module. Raises ReplyError with Redis' one text; the log tells why."""
    server, config = ctx.server, ctx.server.config
    before = {param.name: config[param.name] for param in AI_PARAMS}

    def undo() -> None:
        for name, value in before.items():
            config.put(name, value)

    try:
        if config.module.loaded or in_use(ctx):
            reason = "it is loaded" if config.module.loaded else "tensors, models or scripts are in use"
            server.log("warning", f"Module {path} initialization failed: {reason}. Module not loaded")
            raise ConfigError(reason)
        module = load_module(config, path, arguments, server.log)
        for name, text in configs:
            if name not in before:
                server.log("warning", f"Unrecognized option of MODULE LOADEX: {name}")
                raise ConfigError(name)
            config.force(name, text)
    except ConfigError:
        undo()
        raise ReplyError(config_texts.MODULE_LOAD) from None
    if any(config[BY_OPTION[name].name] for name in BACKENDS):
        return _load_backends(server, module, undo)
    config.module = module
    return OK


def _load_backends(server: Services, module: Module, undo: Callable[[], None]) -> Reply:
    """Import the backends that the module's options name, on a helper thread; the reply comes then."""
    blocked = Blocked()

    def done(result: object) -> None:
        if isinstance(result, BaseException):
            undo()
            server.log("warning", f"Module {module.path} initialization failed. Module not loaded")
            blocked.resolve(Error(config_texts.MODULE_LOAD))
        else:
            server.config.module = module
            blocked.resolve(OK)

    server.scheduler.run_in_background(lambda: load_named_backends(server, module.arguments), done)
    return blocked


def in_use(ctx: Context) -> bool:
    """Whether something AI was stored or run: options that are read at start would come too late."""
    if ctx.server.scheduler.used() or ctx.server.loader.loaded():
        return True
    values = (value for database in ctx.server.databases for value in database.data.values())
    return any(type_name(value).startswith("AI_") for value in values)


@_module("unload", 3, "Unload a module.", "name")
def module_unload(ctx: Context, args: Args) -> Reply:
    """MODULE UNLOAD name: refused, as Redis refuses modules that have data types."""
    known = any(module.name == to_text(args[2]) for module in loaded_modules(ctx.server))
    raise ReplyError(config_texts.MODULE_HAS_TYPES if known else config_texts.NO_SUCH_MODULE)


@_module("help", 2, "Show the subcommands.", flags="loading stale", since="5.0.0")
def module_help(ctx: Context, args: Args) -> Reply:
    """MODULE HELP."""
    return help_reply(
        "module",
        {
            "LIST": "The modules of the server.",
            "LOAD <path> [<arg> ...]": "Load a module: RedisAI's (redisai.so), which is built in, with its options.",
            "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]": "The same with configuration names.",
            "UNLOAD <name>": "Refused for RedisAI, because it has data types.",
        },
    )
