"""The AI module as Redis sees it: its path, its arguments, and what they set. It is built in; no file is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from pyredisai.config.ai_params import BY_OPTION, FILE_NAMES, Module
from pyredisai.config.lines import split_line
from pyredisai.config.registry import BY_NAME, Registry
from pyredisai.config.types import Int
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts

Log: TypeAlias = Callable[[str, str], None]


def directory_of(path: str) -> str:
    """The directory of RedisAI's module at `path`, which may be the directory itself. Raises ConfigError for others."""
    if os.path.basename(path) in FILE_NAMES:
        return os.path.dirname(path) or "."
    if path.endswith("/") or os.path.isdir(path):
        return path.rstrip("/") or "/"
    if not os.path.exists(path):
        raise ConfigError(f"{path}: cannot open shared object file: No such file or directory")
    raise ConfigError(f"{path}: the only module that pyredisai has is RedisAI (redisai.so), which is built in")


def load_module(registry: Registry, path: str, arguments: Sequence[str], log: Log) -> Module:
    """Set what a loadmodule line or MODULE LOAD says. Logs as Redis and RedisAI do.

    Raises ConfigError (already logged) when it is refused; nothing is changed then.
    """
    try:
        directory = directory_of(path)
    except ConfigError as error:
        log("warning", f"Module {path} failed to load: {error}")
        raise
    before = {param.name: registry[param.name] for param in BY_OPTION.values()}
    try:
        registry.force("ai.backends-path", os.path.join(directory, "backends"))
        set_options(registry, arguments, log)
    except ConfigError:
        for name, value in before.items():
            registry.put(name, value)
        log("warning", f"Module {path} initialization failed. Module not loaded")
        raise
    log("notice", f"Module 'ai' loaded from {path}")
    values = {name: registry[name] for name in before}
    return Module(path, list(arguments), loaded=True, values=values)


def set_options(registry: Registry, arguments: Sequence[str], log: Log) -> None:
    """Set options given as names and values. Raises ConfigError, logged with the option and its value."""
    words = separate(arguments)
    if len(words) % 2:
        log("warning", texts.MODULE_PAIRS)
        raise ConfigError(texts.MODULE_PAIRS)
    # BACKENDSPATH comes first: relative paths of backends depend on it.
    pairs = sorted(zip(words[::2], words[1::2], strict=True), key=lambda pair: pair[0].upper() != "BACKENDSPATH")
    for name, value in pairs:
        option = name.upper()
        try:
            param = BY_OPTION[option]
            registry.force(param.name, value)
        except (KeyError, ConfigError):
            reason = texts.bad_module_argument(name, value)
            log("warning", reason)
            raise ConfigError(reason) from None
        if isinstance(param.type, Int):
            log("notice", f"Setting {option} parameter to: {value}")


def separate(arguments: Sequence[str]) -> list[str]:
    """Names and values one by one: an item `NAME VALUE` in a name's place is two (launchers quote them together)."""
    words: list[str] = []
    for item in arguments:
        parts = (split_line(item) or []) if len(words) % 2 == 0 and " " in item else []
        words += parts if len(parts) > 1 and parts[0].upper() in BY_OPTION else [item]
    return words


def start_modules(registry: Registry, options: Mapping[str, str], log: Log) -> None:
    """Load the modules of the configuration, then set `options` (`ai.…` directives). Raises ConfigError, logged."""
    for path, arguments in registry.modules:
        try:
            if registry.module.loaded:
                log("warning", f"Module {path} initialization failed. Module not loaded")
                raise ConfigError(texts.MODULE_TWICE)
            registry.module = load_module(registry, path, arguments, log)
        except ConfigError:
            log("warning", texts.module_aborts(path))
            raise
    for name, text in options.items():
        if name not in BY_NAME:
            log("warning", texts.MODULE_CONFIG_UNKNOWN)
            raise ConfigError(texts.MODULE_CONFIG_UNKNOWN)
        try:
            registry.force(name, text)
        except ConfigError as error:
            log("warning", f"Issue during loading of configuration {name} : {error}")
            raise
