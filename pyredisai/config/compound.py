"""Types of configuration parameters with several words or side conditions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pyredisai.config.lines import quoted
from pyredisai.config.types import Enum, ParamType, format_memory, parse_memory
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts

_C_INTEGER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+")


def c_integer(text: str, reason: str) -> int:
    """An integer as C's strtoll reads it: blanks and a plus sign are allowed, an empty word is 0.

    Raises ConfigError(reason).
    """
    if not text:
        return 0
    if not _C_INTEGER.fullmatch(text):
        raise ConfigError(reason)
    return max(min(int(text), 2**63 - 1), -(2**63))


def c_float(text: str) -> float:
    """A float as C's strtold reads it, hexadecimal too. Raises ConfigError for what is none."""
    try:
        value = float.fromhex(text) if re.match(r"[+-]?0[xX]", text) else float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value) or text != text.strip() or "_" in text:
        raise ConfigError(texts.PERCENTILES)
    return value


class Words(ParamType):
    """A list of words, such as the addresses of `bind`."""

    multi = True

    def __init__(self, what: str) -> None:
        self.what = what

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The words; one empty word is an empty list."""
        return [] if list(words) == [""] else list(words)

    def show(self, value: Any) -> str:
        """Joined by blanks."""
        return " ".join(value)

    def written(self, value: Any) -> list[str]:
        """As shown."""
        return [self.show(value) or '""']

    def rewritten(self, value: Any, default: Any) -> list[tuple[str, bool]]:
        """A default leaves no line, as in Redis."""
        return [] if value == default else super().rewritten(value, default)

    def domain(self) -> str:
        """What the words are."""
        return self.what


class Save(ParamType):
    """Snapshot points: pairs of seconds and changes. Several lines of a file add up; one empty word clears them."""

    multi = True
    accumulates = True
    always_written = True

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The pairs of `current` and those of `words`."""
        if list(words) == [""]:
            return []
        if len(words) % 2:
            raise ConfigError(texts.SAVE)
        numbers = [c_integer(word, texts.SAVE) for word in words]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        if any(seconds < 1 or changes < 0 for seconds, changes in pairs):
            raise ConfigError(texts.SAVE)
        return [*current, *pairs]

    def show(self, value: Any) -> str:
        """The numbers in one line."""
        return " ".join(f"{seconds} {changes}" for seconds, changes in value)

    def written(self, value: Any) -> list[str]:
        """A line for each pair."""
        return [f"{seconds} {changes}" for seconds, changes in value] or ['""']

    def domain(self) -> str:
        """In words."""
        return 'pairs of seconds and changes; "" for none'


class OutputLimit(NamedTuple):
    """Bounds of what may wait for a client of one class: bytes, bytes and the seconds that they may last."""

    hard: int
    soft: int
    seconds: int


class OutputLimits(ParamType):
    """client-output-buffer-limit: a dictionary of `OutputLimit` by class (normal, slave, pubsub)."""

    multi = True
    CLASSES: Final = {"normal": "normal", "slave": "slave", "replica": "slave", "pubsub": "pubsub"}

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """`current` with the classes that are named changed."""
        if len(words) % 4:
            raise ConfigError(texts.LIMIT_COUNT)
        limits = dict(current)
        for at in range(0, len(words), 4):
            kind = self.CLASSES.get(words[at].lower())
            if kind is None:
                raise ConfigError(texts.LIMIT_CLASS)
            hard, soft = parse_memory(words[at + 1]), parse_memory(words[at + 2])
            seconds = c_integer(words[at + 3], texts.LIMIT_VALUE)
            if hard is None or soft is None or seconds < 0:
                raise ConfigError(texts.LIMIT_VALUE)
            limits[kind] = OutputLimit(hard, soft, seconds)
        return limits

    def show(self, value: Any) -> str:
        """All classes in one line."""
        return " ".join(f"{kind} {limit.hard} {limit.soft} {limit.seconds}" for kind, limit in value.items())

    def written(self, value: Any) -> list[str]:
        """A line for each class, with Redis' newer word for slave."""
        return [
            f"{'replica' if kind == 'slave' else kind} {format_memory(limit.hard)} {format_memory(limit.soft)} "
            f"{limit.seconds}"
            for kind, limit in value.items()
        ]

    def rewritten(self, value: Any, default: Any) -> list[tuple[str, bool]]:
        """A class with its default needs no line of its own."""
        changed = [value[kind] != default[kind] for kind in value]
        return list(zip(self.written(value), changed, strict=True))

    def domain(self) -> str:
        """In words."""
        return "class (normal, replica, pubsub), hard limit, soft limit, soft seconds; several"


class EventClasses(ParamType):
    """notify-keyspace-events: a string of letters, `A` spelled out."""

    ALL: Final = "g$lshzxetd"
    ORDER: Final = ALL + "nKEm"

    def read(self, text: str) -> str:
        """The letters in their own order, each once."""
        letters = set(text.replace("A", self.ALL))
        if not letters <= set(self.ORDER):
            raise ConfigError(texts.EVENT_CLASS)
        return "".join(letter for letter in self.ORDER if letter in letters)

    def show(self, value: Any) -> str:
        """With `A` for all classes, as Redis shows them (which then leaves out n)."""
        if set(self.ALL) <= set(value):
            return "A" + "".join(letter for letter in "KEm" if letter in value)
        return str(value)

    def written(self, value: Any) -> list[str]:
        """Quoted."""
        return [quoted(self.show(value))]

    def domain(self) -> str:
        """The letters."""
        return "letters of K E g $ l s h z x e t m d n, A for g$lshzxetd"


class SignalOptions(Enum):
    """What a signal asks of SHUTDOWN: several of the words at a time."""

    multi = True

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The words in the order in which they are listed; `default` among others means nothing."""
        chosen = {self.read(word) for word in words}
        if not words:
            raise ConfigError(texts.one_of(self.names))
        if {"save", "nosave"} <= chosen:
            raise ConfigError(texts.SAVE_AND_NOSAVE)
        return [name for name in self.names if name in chosen and name != "default"] or ["default"]

    def show(self, value: Any) -> str:
        """The words."""
        return " ".join(value)


class OomScores(ParamType):
    """oom-score-adj-values: three integers, for the primary, a replica and background children."""

    multi = True

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The three."""
        if len(words) != 3:
            raise ConfigError(texts.ARGUMENT_COUNT)
        values = [c_integer(word, texts.OOM_VALUES) for word in words]
        if not all(-2000 <= value <= 2000 for value in values):
            raise ConfigError(texts.OOM_VALUES)
        return values

    def show(self, value: Any) -> str:
        """Joined by blanks."""
        return " ".join(map(str, value))

    def domain(self) -> str:
        """In words."""
        return "three integers, -2000 to 2000"


class Percentiles(ParamType):
    """latency-tracking-info-percentiles: floats from 0 to 100."""

    multi = True
    always_written = True

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The floats."""
        if list(words) == [""]:
            return []
        values = []
        for word in words:
            value = c_float(word)
            if not 0 <= value <= 100:
                raise ConfigError(texts.PERCENTILE_RANGE)
            values.append(value)
        return values

    def show(self, value: Any) -> str:
        """In the shortest form."""
        return " ".join(f"{number:.15g}" for number in value)

    def written(self, value: Any) -> list[str]:
        """As shown."""
        return [self.show(value) or '""']

    def domain(self) -> str:
        """In words."""
        return "floats, 0 to 100"


class Directory(ParamType):
    """The working directory: taking a value changes to it; the value is an absolute path."""

    always_written = True

    def read(self, text: str) -> str:
        """The absolute path; refused where one cannot change to it."""
        try:
            before = os.getcwd()
            os.chdir(text)
            path = os.getcwd()
            os.chdir(before)
        except OSError as error:
            raise ConfigError(os.strerror(error.errno or 0)) from None
        return path

    def take(self, value: Any) -> None:
        """Change to it."""
        os.chdir(value)

    def written(self, value: Any) -> list[str]:
        """Quoted."""
        return [quoted(value)]

    def domain(self) -> str:
        """What it is."""
        return "path of a directory"


class Primary(NamedTuple):
    """The server that a replica follows."""

    host: str
    port: int


class ReplicaOf(ParamType):
    """Replicaof: a `Primary` or None."""

    multi = True
    always_written = True

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """None for `no one`."""
        if len(words) != 2:
            raise ConfigError(texts.ARGUMENT_COUNT)
        if [word.lower() for word in words] == ["no", "one"]:
            return None
        try:
            port = int(words[1])
        except ValueError:
            port = -1
        if not 0 <= port <= 65535:
            raise ConfigError(texts.PRIMARY_PORT)
        return Primary(words[0], port)

    def show(self, value: Any) -> str:
        """Host and port."""
        return f"{value.host} {value.port}" if value else ""

    def written(self, value: Any) -> list[str]:
        """One line, or none for a primary."""
        return [self.show(value)] if value else []

    def domain(self) -> str:
        """In words."""
        return "host and port"
