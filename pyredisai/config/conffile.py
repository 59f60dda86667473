"""Conf files and command lines as lines of directives, taken into a registry. Errors read as redis-server's own.

A `ConfigError` raised here is the whole text for the standard error; the start then ends with exit code 1.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final, NoReturn

from pyredisai import REDIS_VERSION
from pyredisai.config.lines import split_line, to_text
from pyredisai.config.registry import BY_NAME, Registry
from pyredisai.config.server_params import DEPRECATED
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts

MAX_INCLUDES: Final = 100  # within one another; where redis-server is given a circle, it crashes


class MissingFile(ConfigError):
    """A conf file that cannot be opened; Redis logs this one, the rest it writes to the standard error."""


class Loader:
    """Takes configuration text into `registry`.

    `commands` tells the names of all commands, which `rename-command` lines must name; only such a line asks.
    `read_stdin` reads the standard input for `-`; `check_user(words, names)` refuses a bad user line, given the
    names before it.
    """

    def __init__(
        self,
        registry: Registry,
        commands: Callable[[], Iterable[str]] = tuple,
        read_stdin: Callable[[], bytes] | None = None,
        check_user: Callable[[list[str], list[str]], None] | None = None,
    ) -> None:
        self.registry = registry
        self._commands = commands
        self.read_stdin = read_stdin
        self.check_user = check_user
        self.module_options: dict[str, str] = {}
        self._depth = 0
        self._directives = {
            "include": self._include,
            "rename-command": self._rename,
            "user": self._user,
            "loadmodule": self._module,
            "sentinel": self._sentinel,
        }

    @cached_property
    def commands(self) -> set[str]:
        """The names that a command may be renamed from, and must not be renamed to."""
        return set(self._commands())

    def load(self, path: str = "", *, stdin: bool = False, options: str = "") -> None:
        """Take a file (or all that a pattern matches), the standard input, and options, as one text."""
        text = _text(path) if path else ""
        if stdin and self.read_stdin is not None:
            text += to_text(self.read_stdin())
        if options:
            text += "\n" + options
        self.take(text)

    def take(self, text: str) -> None:
        """Take every line. Raises ConfigError."""
        for number, raw in enumerate(text.split("\n"), 1):
            line = raw.strip(" \t\r\n")
            if line and not line.startswith("#"):
                try:
                    self._take_line(line)
                except MissingFile:
                    raise
                except _Included as error:
                    raise ConfigError(str(error)) from None
                except ConfigError as error:
                    fail(str(error), number, line)
        self._check()

    def _take_line(self, line: str) -> None:
        words = split_line(line)
        if words is None:
            raise ConfigError(texts.UNBALANCED)
        if not words:
            return
        name, values = words[0].lower(), words[1:]
        if name in BY_NAME:
            if name.startswith("ai."):
                self._module_option(name, values)
            elif BY_NAME[name].type.multi and len(values) == 1 and values[0]:
                self.registry.load(name, split_line(values[0]) or [])
            else:
                self.registry.load(name, values)
        elif name in DEPRECATED and len(values) == 1:
            return
        elif name in self._directives:
            self._directives[name](values)
        elif "." in name:
            self._module_option(name, values)
        else:
            raise ConfigError(texts.BAD_DIRECTIVE)

    def _module_option(self, name: str, values: list[str]) -> None:
        """Options of modules are set once all modules are there."""
        if not values:
            raise ConfigError(texts.NO_MODULE_VALUE)
        self.module_options[name] = " ".join(values)

    def _include(self, values: list[str]) -> None:
        if len(values) != 1:
            raise ConfigError(texts.BAD_DIRECTIVE)
        if self._depth == MAX_INCLUDES:
            raise ConfigError(texts.TOO_MANY_INCLUDES)
        self._depth += 1
        try:
            self.take(_text(values[0]))
        except MissingFile:
            raise
        except ConfigError as error:
            raise _Included(str(error)) from None
        self._depth -= 1

    def _rename(self, values: list[str]) -> None:
        if len(values) != 2:
            raise ConfigError(texts.BAD_DIRECTIVE)
        old, new = values[0].lower(), values[1].lower()
        if old not in self.commands:
            raise ConfigError(texts.NO_SUCH_COMMAND)
        self.commands.discard(old)
        if new in self.commands:
            raise ConfigError(texts.COMMAND_EXISTS)
        if new:
            self.commands.add(new)
        self.registry.renames.append((old, new))

    def _user(self, values: list[str]) -> None:
        if not values:
            raise ConfigError(texts.BAD_DIRECTIVE)
        if self.check_user is not None:
            self.check_user(values, [name for name, *_ in self.registry.users])
        self.registry.users.append(values)

    def _module(self, values: list[str]) -> None:
        if not values:
            raise ConfigError(texts.BAD_DIRECTIVE)
        self.registry.modules.append((values[0], values[1:]))

    def _sentinel(self, values: list[str]) -> None:
        raise ConfigError(texts.SENTINEL_DIRECTIVE if values else texts.NO_SENTINEL)

    def _check(self) -> None:
        """What only the whole configuration shows."""
        registry = self.registry
        if registry["logfile"]:
            try:
                os.close(os.open(registry["logfile"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666))
            except OSError as error:
                fail(f"Can't open the log file: {os.strerror(error.errno or 0)}")
        if registry["cluster-enabled"] and registry["replicaof"]:
            fail(texts.REPLICA_IN_CLUSTER)


class _Included(ConfigError):
    """An error within an included file, its text complete."""


def fail(reason: str, number: int = 0, line: str = "") -> NoReturn:
    """Raise the error in redis-server's form; without a number it concerns the configuration as a whole."""
    place = f"Reading the configuration file, at line {number}\n>>> '{line}'\n" if number else ""
    raise ConfigError(f"\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n{place}{reason}\n")


def _files(path: str) -> list[str]:
    """The file, or in order those that a pattern matches."""
    return sorted(glob.glob(path)) if any(char in path for char in "*?[") else [path]


def _text(path: str) -> str:
    """Of all these files. Raises MissingFile."""
    return "".join(map(_read, _files(path)))


def _read(path: str) -> str:
    """A file's text, empty for a directory as in Redis. Raises MissingFile."""
    try:
        with open(path, "rb") as file:
            return to_text(file.read())
    except IsADirectoryError:
        return ""
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise MissingFile(f"Fatal error, can't open config file '{path}': {reason}") from None
