"""Types of configuration parameters that hold one word: text to value, value to text.

A type's methods work on values; `Registry` keeps them. `parse` raises ConfigError with Redis' own reason.
The compound types (save, bind, …) stand in `compound`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from pyredisai.config.lines import quoted
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts

INT_MAX: Final = 2**31 - 1
UINT_MAX: Final = 2**32 - 1
LLONG_MAX: Final = 2**63 - 1
ULLONG_MAX: Final = 2**64 - 1

_INTEGER = re.compile(r"-?[1-9][0-9]*|0")
_MEMORY = re.compile(r"([0-9]{0,127})(|b|k|kb|m|mb|g|gb)", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 10**3, "kb": 2**10, "m": 10**6, "mb": 2**20, "g": 10**9, "gb": 2**30}


def parse_integer(text: str) -> int:
    """A 64-bit integer in its one canonical form. Raises ConfigError."""
    if _INTEGER.fullmatch(text):
        value = int(text)
        if -(2**63) <= value <= LLONG_MAX:
            return value
    raise ConfigError(texts.NO_INTEGER)


def parse_memory(text: str) -> int | None:
    """Bytes from digits and a unit (1k = 1000, 1kb = 1024); None where it is neither.

    As in Redis, digits that exceed 64 bits saturate and a product that exceeds them wraps.
    """
    match = _MEMORY.fullmatch(text)
    if match is None:
        return None
    return min(int(match[1] or 0), ULLONG_MAX) * _UNITS[match[2].lower()] % 2**64


def format_memory(value: int) -> str:
    """Bytes with the largest unit that divides them, as CONFIG REWRITE writes them."""
    for unit, size in (("gb", 2**30), ("mb", 2**20), ("kb", 2**10)):
        if value and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)


class ParamType:
    """The base: a parameter of one word. `multi` types take several; `always_written` ones CONFIG REWRITE adds."""

    multi = False
    accumulates = False
    always_written = False

    def parse(self, words: Sequence[str], current: Any) -> Any:
        """The value that `words` stand for; `current` is what a partial setting changes."""
        return self.read(words[0])

    def read(self, text: str) -> Any:
        """The value that one word stands for."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        """What CONFIG GET answers."""
        return str(value)

    def written(self, value: Any) -> list[str]:
        """What stands behind the name in each of the parameter's lines of a conf file; none: no line."""
        return [self.show(value)]

    def rewritten(self, value: Any, default: Any) -> list[tuple[str, bool]]:
        """What `written` gives, each with whether CONFIG REWRITE adds a line for it where there is none."""
        return [(text, self.always_written or value != default) for text in self.written(value)]

    def take(self, value: Any) -> None:
        """What must happen when `value` becomes the current one (a change of directory)."""

    def domain(self) -> str:
        """The values it takes, in words, for the docs."""
        raise NotImplementedError


class Bool(ParamType):
    """Yes or no, in any case."""

    def read(self, text: str) -> bool:
        """True or False."""
        try:
            return {"yes": True, "no": False}[text.lower()]
        except KeyError:
            raise ConfigError(texts.YES_OR_NO) from None

    def show(self, value: Any) -> str:
        """As Redis."""
        return "yes" if value else "no"

    def domain(self) -> str:
        """As Redis."""
        return "yes or no"


class SwitchedOff(Bool):
    """A switch that cannot be turned on here; `reason` is what whoever tries is told."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def read(self, text: str) -> bool:
        """False, or the refusal."""
        if super().read(text):
            raise ConfigError(self.reason)
        return False

    def domain(self) -> str:
        """The one value."""
        return "no"


class Int(ParamType):
    """An integer within bounds; one with `clamp` accepts what it then silently bounds (hz)."""

    def __init__(self, lower: int, upper: int, clamp: tuple[int, int] | None = None) -> None:
        self.lower, self.upper, self.clamp = lower, upper, clamp

    def read(self, text: str) -> int:
        """The number."""
        value = self.number(text)
        if not self.lower <= value <= self.upper:
            raise ConfigError(self.bounds())
        return min(max(value, self.clamp[0]), self.clamp[1]) if self.clamp else value

    def number(self, text: str) -> int:
        """The number, its bounds not yet checked."""
        return parse_integer(text)

    def bounds(self) -> str:
        """The refusal of a number out of bounds."""
        return texts.between(self.lower, self.upper)

    def domain(self) -> str:
        """The bounds in words."""
        if self.upper >= LLONG_MAX:
            return f"integer >= {self.lower}"
        return f"integer, {self.lower} to {self.upper}"


class Memory(Int):
    """Bytes, with a unit if wanted."""

    def number(self, text: str) -> int:
        """Bytes."""
        value = parse_memory(text)
        if value is None:
            raise ConfigError(texts.NO_MEMORY)
        return value

    def written(self, value: Any) -> list[str]:
        """With the largest unit."""
        return [format_memory(value)]

    def domain(self) -> str:
        """The lower bound in words."""
        return f"memory, >= {self.lower} bytes" if self.lower else "memory"


class MemoryOrPercent(Memory):
    """Bytes, or a percentage, which is kept as a negative number."""

    def __init__(self) -> None:
        super().__init__(-100, LLONG_MAX)

    def read(self, text: str) -> int:
        """Bytes or minus the percentage."""
        value = parse_memory(text)
        if value is None:
            if not text.endswith("%") or not _INTEGER.fullmatch(text[:-1]) or text.startswith("-"):
                raise ConfigError(texts.NO_MEMORY_OR_PERCENT)
            value = -int(text[:-1])
        elif value > LLONG_MAX:
            value -= 2**64
        if value < -100:
            raise ConfigError(texts.percent_above(100))
        return value

    def show(self, value: Any) -> str:
        """Bytes, or the percentage."""
        return f"{-value}%" if value < 0 else str(value)

    def written(self, value: Any) -> list[str]:
        """As shown, bytes with their unit."""
        return [self.show(value) if value < 0 else format_memory(value)]

    def domain(self) -> str:
        """In words."""
        return "memory, or 0% to 100% of maxmemory"


class Octal(Int):
    """File permissions."""

    def number(self, text: str) -> int:
        """Read in base 8, with C's tolerance for leading blanks and a sign."""
        match = re.fullmatch(r"[ \t\n\v\f\r]*([+-]?[0-7]+)", text)
        if match is None and text:
            raise ConfigError(texts.NO_OCTAL)
        value = int(match[1], 8) if match else 0
        if not -(2**63) <= value <= LLONG_MAX:
            raise ConfigError(texts.NO_OCTAL)
        return value % 2**64

    def bounds(self) -> str:
        """The bounds in octal."""
        return f"argument must be between {self.lower:o} and {self.upper:o} inclusive"

    def show(self, value: Any) -> str:
        """In octal."""
        return f"{value:o}"

    def domain(self) -> str:
        """In octal."""
        return f"octal, {self.lower:o} to {self.upper:o}"


class Enum(ParamType):
    """One of several words, in any case; the value is the word as it is listed."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def read(self, text: str) -> str:
        """The word."""
        word = text.lower()
        if word not in self.names:
            raise ConfigError(texts.one_of(self.names))
        return word

    def domain(self) -> str:
        """The words."""
        return ", ".join(self.names)


class Text(ParamType):
    """Any text; `check` raises ConfigError for what it may not be. An empty one is left out of a rewritten file."""

    def __init__(
        self, what: str = "text", check: Callable[[str], None] | None = None, *, keep_empty: bool = False
    ) -> None:
        self.what, self.check, self.keep_empty = what, check, keep_empty

    def read(self, text: str) -> str:
        """The text itself."""
        if self.check is not None:
            self.check(text)
        return text

    def written(self, value: Any) -> list[str]:
        """Quoted."""
        return [quoted(value)] if value or self.keep_empty else []

    def domain(self) -> str:
        """What the text is."""
        return self.what


def bare_name(name: str, kind: str = "filename", *, may_be_empty: bool = False) -> Callable[[str], None]:
    """A check for a file's name without a path."""

    def check(text: str) -> None:
        if "/" in text:
            raise ConfigError(texts.not_a_path(name, kind))
        if not text and not may_be_empty:
            raise ConfigError(f"{name} can't be empty")

    return check


def hostname(text: str) -> None:
    """A check for names that a cluster announces."""
    if len(text) >= 256:
        raise ConfigError(texts.HOSTNAME_LENGTH)
    if not re.fullmatch(r"[A-Za-z0-9.-]*", text):
        raise ConfigError(texts.HOSTNAME_CHARACTERS)


def title_template(text: str) -> None:
    """A check for proc-title-template: known variables only, and more than the title itself to show."""
    known = {"title": "", **dict.fromkeys(("listen-addr", "server-mode", "port", "tls-port"), "x")}
    known |= dict.fromkeys(("unixsocket", "config-file"), "x")
    rest = re.sub(r"\{([^{}]*)\}", lambda match: known.get(match[1], "{"), text)
    if not rest.strip() or "{" in rest:
        raise ConfigError(texts.TITLE_TEMPLATE)
