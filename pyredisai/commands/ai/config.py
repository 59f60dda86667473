"""AI.CONFIG, and the backends that the configuration loads at start."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pyredisai.backends.base import BackendSettings
from pyredisai.commands.context import Context, Services
from pyredisai.commands.permission import require
from pyredisai.commands.spec import Args, Family
from pyredisai.config.ai_params import BACKENDS, BY_OPTION
from pyredisai.config.lines import to_bytes, to_text
from pyredisai.config.modules import separate
from pyredisai.config.param import Param
from pyredisai.config.registry import Registry
from pyredisai.errors import BackendError, ConfigError, ReplyError, ai_texts, config_texts, texts
from pyredisai.execution import priority
from pyredisai.resp.replies import OK, Blocked, Error, Reply

family = Family("module")

_BACKEND_SETTINGS = {
    "ai.inter-op-parallelism": "inter_op_threads",
    "ai.intra-op-parallelism": "intra_op_threads",
    "ai.model-execution-timeout": "execution_timeout_ms",
    "ai.backend-memory-limit": "memory_limit_mb",
}


@family.command(
    "ai.config",
    arity=-1,
    flags="write",
    module="ai",
    since="1.0.0",
    syntax="(GET option | MODEL_CHUNK_SIZE bytes | BACKENDSPATH path | LOADBACKEND backend path)",
    summary="Options of the AI module.",
)
def ai_config(ctx: Context, args: Args) -> Reply:
    """AI.CONFIG GET option, LOADBACKEND backend path, or an option's name and its new value."""
    if len(args) < 2:
        raise ReplyError(texts.wrong_arity("ai.config"))
    word = to_text(args[1]).upper()
    if word == "GET":
        return _get(ctx, args)
    if word == "LOADBACKEND":
        return _load_backend(ctx, args)
    if word in BACKENDS:
        raise ReplyError(ai_texts.use_loadbackend(word))
    if word in BY_OPTION:
        return _set(ctx, BY_OPTION[word], args)
    raise ReplyError(ai_texts.UNSUPPORTED_SUBCOMMAND)


def _get(ctx: Context, args: Args) -> Reply:
    """An option's value: numbers as integers, others as bulk strings, null for an unknown name."""
    if len(args) < 3:
        raise ReplyError(texts.wrong_arity("ai.config"))
    param = BY_OPTION.get(to_text(args[2]).upper())
    if param is None:
        return None
    value = ctx.server.config[param.name]
    return value if type(value) is int else to_bytes(ctx.server.config.text(param.name))


def _set(ctx: Context, param: Param, args: Args) -> Reply:
    """Change an option that can be set at run time."""
    if not param.runtime:
        raise ReplyError(ai_texts.set_at_start(param.option))
    if len(args) < 3:
        raise ReplyError(ai_texts.missing_value(param.option))
    if param.protected_by == "enable-module-command":
        require(ctx, "module")
    try:
        ctx.server.config.set([(param.name, to_text(args[2]))])
    except ConfigError:
        raise ReplyError(ai_texts.invalid_value(param.option)) from None
    return OK


def _load_backend(ctx: Context, args: Args) -> Reply:
    """Import a backend on a helper thread, or where nothing may block on the loop; the log tells why when it fails."""
    if len(args) < 4:
        raise ReplyError(texts.wrong_arity("ai.config"))
    name, path = to_text(args[2]).upper(), to_text(args[3])
    if name not in BACKENDS:
        raise ReplyError(ai_texts.UNSUPPORTED_BACKEND)
    require(ctx, "module")
    server, blocked = ctx.server, Blocked()
    if not ctx.client.may_block:
        try:
            server.loader.load_from(name, path)
        except BackendError as error:
            return _loaded(server, name, path, error)
        return _loaded(server, name, path, None)
    server.scheduler.run_in_background(
        lambda: server.loader.load_from(name, path),
        lambda result: blocked.resolve(_loaded(server, name, path, result)),
    )
    return blocked


def _loaded(server: Services, name: str, path: str, result: object) -> Reply:
    if isinstance(result, BaseException):
        server.log("warning", config_texts.backend_not_loaded(name, path, str(result)))
        return Error(ai_texts.LOADBACKEND_FAILED)
    server.log("notice", f"{name} backend loaded from {path}")
    return OK


def backend_settings(config: Registry) -> BackendSettings:
    """What the options say to every backend."""
    return BackendSettings(**{field: config[name] for name, field in _BACKEND_SETTINGS.items()})


def follow_config(services: Services) -> None:
    """Keep the scheduler and the loader of backends up to date with the options."""
    config, loader = services.config, services.loader

    def follow_settings(_: object) -> None:
        loader.settings = backend_settings(config)

    def follow_path(path: str) -> None:
        """GET answers the path as it was written; a relative one holds for the directory of now."""
        loader.backends_path = os.path.abspath(path) if path else ""

    def follow_niceness(niceness: int) -> None:
        if niceness and not priority.SUPPORTED:
            services.log("warning", config_texts.NO_THREAD_NICENESS)
            raise ConfigError(config_texts.NO_THREAD_NICENESS)
        services.scheduler.niceness = niceness

    config.watch("ai.backends-path", follow_path)
    for name in _BACKEND_SETTINGS:
        config.watch(name, follow_settings)
    config.watch("ai.threads-per-queue", services.scheduler.set_threads)
    config.watch("ai.inline-run-us", services.scheduler.set_inline_us)
    config.watch("ai.worker-nice", follow_niceness)


def preload_backends(services: Services) -> None:
    """Import the backends that the options name, at start. Raises ConfigError, logged as a module's failure."""
    try:
        load_named_backends(services, services.config.module.arguments)
    except ConfigError:
        services.log("warning", config_texts.module_aborts(services.config.module.path))
        raise


def load_named_backends(services: Services, arguments: Sequence[str]) -> None:
    """Import the backends that the options TF, TFLITE, TORCH and ONNX name; it takes seconds, any thread may do it.

    `arguments` are the module's: they give the order, and the option's name as it was written.
    Raises ConfigError, logged with the option.
    """
    written = {word.upper(): word for word in separate(arguments)[::2] if word.upper() in BACKENDS}
    for name in dict.fromkeys((*written, *BACKENDS)):
        path = services.config[BY_OPTION[name].name]
        if not path:
            continue
        try:
            services.loader.load_from(name, path)
        except BackendError as error:
            services.log("warning", config_texts.backend_not_loaded(name, path, str(error)))
            reason = config_texts.bad_module_argument(written.get(name, name), path)
            services.log("warning", reason)
            raise ConfigError(reason) from None
        services.log("notice", f"{name} backend loaded from {path}")
