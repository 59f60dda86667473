"""From the command line to the running server: argv and conf file to settings; redis-server's grammar.

The configuration is read, and the log tells of the module's options, before the rest of the server is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NoReturn

from pyredisai.config.argv import parse_argv
from pyredisai.config.conffile import Loader, MissingFile
from pyredisai.config.modules import start_modules
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError
from pyredisai.server.log import Log, log_line


def configure(argv: tuple[str, ...]) -> Registry:
    """The configuration that the arguments, the conf file and the standard input give; ends the process on an error."""
    line = parse_argv(argv)
    registry = Registry()
    registry.config_file = line.file
    loader = Loader(registry, command_names, read_stdin, check_user_line)
    try:
        loader.load(line.file, stdin=line.stdin, options=line.options)
    except MissingFile as error:
        print(log_line("warning", str(error), "C"), end="", flush=True)
        raise SystemExit(1) from None
    except ConfigError as error:
        refuse(str(error))
    try:
        start_modules(registry, loader.module_options, Log(registry))
    except ConfigError:
        raise SystemExit(1) from None
    return registry


def read_stdin() -> bytes:
    """The standard input as a conf file; a person at a terminal is told that it is waited for."""
    print(log_line("warning", "Reading config from stdin", "C"), end="", flush=True)
    return sys.stdin.buffer.read()


def command_names() -> Iterable[str]:
    """The names of all commands."""
    from pyredisai.commands.table import build_table

    return build_table().commands


def check_user_line(words: list[str], known: list[str]) -> None:
    """Refuse a bad `user` line. Raises ConfigError."""
    from pyredisai.commands.acl.loading import check_user
    from pyredisai.commands.table import build_table

    check_user(build_table(), words, known)


def refuse(text: str) -> NoReturn:
    """End with exit code 1 and a text on the standard error."""
    print(text, end="" if text.endswith("\n") else "\n", file=sys.stderr)
    raise SystemExit(1)


def run(config: Registry) -> NoReturn:
    """Serve until the end."""
    from pyredisai.server import app, process

    process.leave(app.run(config))
