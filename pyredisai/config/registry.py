"""The configuration of a server: the value of every parameter, and who hears of a change.

The parameters themselves stand in ONE table (`server_params`, `ai_params`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from pyredisai.config.ai_params import AI_PARAMS, Module
from pyredisai.config.lines import to_bytes
from pyredisai.config.param import Param
from pyredisai.config.server_params import SERVER_PARAMS
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts
from pyredisai.glob import compile_glob

Watcher: TypeAlias = Callable[[Any], None]
PARAMS: Final = (*SERVER_PARAMS, *AI_PARAMS)
BY_NAME: Final[dict[str, Param]] = {name: param for param in PARAMS for name in (param.name, param.alias) if name}


class Registry:
    """Values by directive name.

    `registry["maxmemory"]` is the parsed value (an int, bool, str or list; `dir` an absolute path);
    an alias answers as well. `config_file` is the file that CONFIG REWRITE writes. `modules` are the
    loadmodule lines (path, arguments), `module` the AI module as it is loaded, `users`
    the user lines, `renames` the rename-command lines.
    `more_lines` makes what else CONFIG REWRITE writes, by directive (`user`).
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        """Defaults, and then parsed values of one's own (for tests and programs that embed the server)."""
        self.config_file = ""
        self.modules: list[tuple[str, list[str]]] = []
        self.module = Module()
        self.users: list[list[str]] = []
        self.more_lines: dict[str, Callable[[], list[str]]] = {}
        self.renames: list[tuple[str, str]] = []
        self._watchers: dict[str, list[Watcher]] = {}
        self._together: dict[str, list[Callable[[], None]]] = {}
        self._loaded: set[str] = set()
        self._values: dict[str, Any] = {param.name: param.default_value() for param in PARAMS}
        for name, value in (values or {}).items():
            self._values[self.param(name).name] = value

    def __getitem__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            return self._values[BY_NAME[name].name]

    @staticmethod
    def param(name: str) -> Param:
        """The row of a parameter, by name or alias in any case. Raises KeyError."""
        return BY_NAME[name.lower()]

    def text(self, name: str) -> str:
        """What CONFIG GET answers."""
        param = self.param(name)
        return param.type.show(self._values[param.name])

    def baseline(self, name: str) -> Any:
        """What a parameter is unless it is set: its default, for AI options what the module's arguments made of it."""
        param = self.param(name)
        if param.name in self.module.values:
            return self.module.values[param.name]
        return param.default_value()

    def watch(self, name: str, callback: Watcher) -> None:
        """Call `callback(value)` now and after each change; one that raises ConfigError undoes the change."""
        name = BY_NAME[name].name
        self._watchers.setdefault(name, []).append(callback)
        callback(self._values[name])

    def watch_together(self, names: Iterable[str], callback: Callable[[], None]) -> None:
        """Call `callback()` after changes of any of them, once for all that a CONFIG SET changes; else as `watch`."""
        for name in names:
            self._together.setdefault(BY_NAME[name].name, []).append(callback)

    def find(self, patterns: Iterable[str]) -> dict[str, str]:
        """Names and texts that CONFIG GET answers: exact names as they were written, others by glob pattern."""
        found: dict[str, str] = {}
        for pattern in patterns:
            for name in self._matching(pattern):
                if not any(name.lower() == other.lower() for other in found):
                    found[name] = self.text(name)
        return found

    @staticmethod
    def _matching(pattern: str) -> Iterator[str]:
        if not any(char in pattern for char in "*?["):
            if pattern.lower() in BY_NAME:
                yield pattern
            return
        match = compile_glob(to_bytes(pattern), ignore_case=True)
        for name, param in BY_NAME.items():
            if not param.hidden and match(name.encode()):
                yield name

    def set(self, pairs: Sequence[tuple[str, str]], is_allowed: Callable[[Param], bool] = lambda param: True) -> None:
        """Change parameters as CONFIG SET does: all or, with a ConfigError that is the reply, none.

        `is_allowed(param)` decides about parameters that are protected (`Param.protected_by`).
        """
        params = _settable(pairs, is_allowed)
        before = {param.name: self._values[param.name] for param in params}
        current = ""
        try:
            for param, (name, text) in zip(params, pairs, strict=True):
                current = name
                self._assign(param, self._parse(param, param.words(text)))
            told: list[Callable[[], None]] = []
            for param, (name, _) in zip(params, pairs, strict=True):
                current = name
                if param.reapplied or self._values[param.name] != before[param.name]:
                    self._tell(param, told)
        except ConfigError as error:
            self._restore(before)
            raise ConfigError(texts.set_failed(current.lower(), str(error))) from None

    def _restore(self, before: dict[str, Any]) -> None:
        """Put values back, and tell watchers, who may have taken the new ones."""
        changed = [BY_NAME[name] for name, value in before.items() if self._values[name] != value]
        for param in changed:
            self._assign(param, before[param.name])
        told: list[Callable[[], None]] = []
        for param in changed:
            try:
                self._tell(param, told)
            except ConfigError:
                pass  # it did not take the old value either, and has said so in the log

    def load(self, name: str, words: Sequence[str]) -> None:
        """Take the words of a conf file's line. Raises ConfigError with the reason, KeyError for an unknown name."""
        param = self.param(name)
        if not param.type.multi and len(words) != 1:
            raise ConfigError(texts.ARGUMENT_COUNT)
        self._assign(param, self._parse(param, words, adding=param.name in self._loaded))
        self._loaded.add(param.name)

    def force(self, name: str, text: str) -> None:
        """Change a parameter whatever governs it (module arguments). Raises ConfigError with the reason."""
        param = self.param(name)
        self._assign(param, self._parse(param, param.words(text)))
        self._tell(param, [])

    def put(self, name: str, value: Any) -> None:
        """Give a parameter a parsed value, and tell its watchers."""
        param = self.param(name)
        self._assign(param, value)
        self._tell(param, [])

    def _parse(self, param: Param, words: Sequence[str], *, adding: bool = False) -> Any:
        current = self._values[param.name]
        if param.type.accumulates and not adding:
            current = []
        value = param.type.parse(words, current)
        if param.missing and value != param.default_value():
            raise ConfigError(texts.unavailable(param.missing))
        return value

    def _assign(self, param: Param, value: Any) -> None:
        self._values[param.name] = value
        param.type.take(value)

    def _tell(self, param: Param, told: list[Callable[[], None]]) -> None:
        """Tell those who watch it; of those who watch several only who has not been `told`."""
        for callback in self._together.get(param.name, ()):
            if callback not in told:
                told.append(callback)
                callback()
        for watcher in self._watchers.get(param.name, ()):
            watcher(self._values[param.name])


def _settable(pairs: Sequence[tuple[str, str]], is_allowed: Callable[[Param], bool]) -> list[Param]:
    """The rows that `pairs` name; ConfigError for what CONFIG SET refuses before it looks at values."""
    params: list[Param] = []
    seen: set[str] = set()
    for name, _ in pairs:
        param = BY_NAME.get(name.lower())
        if param is None:
            raise ConfigError(texts.unknown_option(name))
        if not param.runtime:
            raise ConfigError(texts.set_failed(name, texts.IMMUTABLE))
        if param.protected_by and not is_allowed(param):
            raise ConfigError(texts.set_failed(name, texts.PROTECTED))
        if name.lower() in seen:  # an alias beside its name is no duplicate for Redis
            raise ConfigError(texts.set_failed(name, texts.DUPLICATE))
        params.append(param)
        seen.add(name.lower())
    return params
