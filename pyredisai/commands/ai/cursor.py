"""A walk over the arguments of an AI command: keywords in any case, counts, slices."""

from __future__ import annotations

from typing import Final

from pyredisai.ai.strtod import strtod
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError

_LONGEST_KEYWORD: Final = 32
_INT64_MAX: Final = 2**63 - 1
_MAX_DIGITS: Final = 19
_ZERO: Final = ord("0")
# Counts and dimensions as nearly everybody writes them; all others are parsed.
SMALL_NUMBERS: Final[dict[bytes, int]] = {b"%d" % number: number for number in range(1, 1025)}


class Cursor:
    """The arguments from `position` on."""

    __slots__ = ("args", "position")

    def __init__(self, args: Args, position: int = 1) -> None:
        self.args = args
        self.position = position

    def __bool__(self) -> bool:
        return self.position < len(self.args)

    @property
    def remaining(self) -> int:
        """How many arguments are left."""
        return len(self.args) - self.position

    def take(self) -> bytes | memoryview:
        """The next argument; the caller knows that there is one."""
        self.position += 1
        return self.args[self.position - 1]  # type: ignore[no-any-return]  # Args are Any

    def take_bytes(self) -> bytes:
        """The next argument as bytes."""
        return bytes(self.take())

    def accept(self, keyword: bytes) -> bool:
        """Step over `keyword` (given in upper case) if it comes next."""
        if self and is_keyword(self.args[self.position], keyword):
            self.position += 1
            return True
        return False

    def take_count(self, error: str) -> int:
        """The next argument as a number that is not negative; `3.0` is one too. Raises ReplyError(error)."""
        count = self.take_number(error)
        if count < 0:
            raise ReplyError(error)
        return count

    def take_number(self, error: str) -> int:
        """The next argument as a number that may be negative. Raises ReplyError(error)."""
        number = parse_number(self.take_bytes()) if self else None
        if number is None:
            raise ReplyError(error)
        return number

    def take_names(self, count: int) -> tuple[str, ...]:
        """The next `count` arguments as names of a model's nodes (C strings); the caller knows that they are there."""
        return tuple(c_string(self.take_bytes()) for _ in range(count))


def is_keyword(word: bytes | memoryview, keyword: bytes) -> bool:
    """Whether an argument is `keyword` (given in upper case) in any case."""
    return as_keyword(word) == keyword


def as_keyword(word: bytes | memoryview) -> bytes:
    """An argument to compare with keywords: in upper case and, as RedisAI reads C strings, up to a null byte."""
    return bytes(word[:_LONGEST_KEYWORD]).partition(b"\0")[0].upper()


def c_string(text: bytes) -> str:
    """An argument that RedisAI reads as a C string: up to its first null byte."""
    return text.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def parse_number(text: bytes) -> int | None:
    """A number as RedisAI's argument cursor reads one: an integer, or a double without a fraction; None if neither."""
    if text.isdigit() and len(text) <= _MAX_DIGITS and text[0] != _ZERO:
        number = int(text)
        return number if number <= _INT64_MAX else None
    value = strtod(text)
    if value is None or not -(2.0**63) <= value < 2.0**63 or value != int(value):
        return None
    return int(value)
