"""One sandboxed Lua runtime: compiles chunks, runs them, lends them the host's functions.

Rule: Lua gets Python functions only inside closures of sandbox.lua, and none of them raises.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from pyredisai.commands.lua import numbers
from pyredisai.commands.lua.bytecode import without_tail_calls
from pyredisai.commands.lua.convert import Converter, encoded
from pyredisai.errors import ReplyError, script_texts
from pyredisai.resp.replies import Raw, Reply

REDIS_VERSION = b"7.0.15"
REDIS_VERSION_NUM = 0x0007000F


class Random:
    """The generator of drand48, as math.random of Redis uses it: one sequence for all scripts of a server."""

    def __init__(self) -> None:
        self._state = 0x1234ABCD330E

    def seed(self, value: float) -> None:
        """Start again."""
        self._state = ((int(value) & 0xFFFFFFFF) << 16) + 0x330E if value == value and abs(value) < 2**63 else 0x330E

    def next(self) -> float:
        """A number in [0, 1)."""
        self._state = (self._state * 0x5DEECE66D + 0xB) & 0xFFFFFFFFFFFF
        top = 2**31 - 1
        return ((self._state >> 17) % top) / top


class Host(Protocol):
    """What a script may ask of the server. Texts that are returned are problems to raise in the script."""

    random: Random

    def command(self, args: Sequence[Any], convert: Converter) -> Any:
        """Run a command; its reply as a Lua value."""

    def on_step(self) -> bool:
        """Called every 100000 Lua instructions; whether the script is to be stopped."""

    def killed_text(self) -> str:
        """What a stopped script's error says."""

    def log(self, level: int, text: bytes) -> None:
        """redis.log."""

    def set_resp(self, version: int) -> str | None:
        """redis.setresp."""

    def set_repl(self, flags: int) -> str | None:
        """redis.set_repl."""

    def acl_check(self, args: Sequence[Any]) -> tuple[bool | None, str | None]:
        """redis.acl_check_cmd: whether the user may, or a problem."""


@cache
def source(name: str) -> bytes:
    """The text of one of this package's Lua files."""
    from importlib.resources import files  # slow to import

    return files(__package__).joinpath(name).read_bytes()


class Function(Protocol):
    """A compiled chunk, as the runtime hands it out."""

    def __call__(self, *args: Any) -> Any:
        """Run it."""


class Registration(NamedTuple):
    """A function that a library has registered."""

    name: str
    callback: Function
    description: bytes | None
    flags: tuple[str, ...]


FLAGS = ("no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys")
_NAME = re.compile(r"[A-Za-z0-9_]+")


def is_valid_name(name: str) -> bool:
    """Whether a library or a function may have this name."""
    return _NAME.fullmatch(name) is not None


class World:
    """One runtime for scripts, or (`kind` function) for functions.

    Raises ReplyError when the library lupa is not installed.
    """

    def __init__(self, host: Host, kind: bytes = b"script") -> None:
        try:
            from lupa.lua51 import LuaRuntime
        except ImportError:
            raise ReplyError(script_texts.LUA_MISSING) from None
        self.runtime = LuaRuntime(
            encoding=None, register_eval=False, register_builtins=False, unpack_returned_tuples=True
        )
        self.convert = Converter(self.runtime.table_from)
        self._host = host
        self._load, self._dump = self.runtime.execute(b"return loadstring, string.dump")
        self.lua = self._execute("sandbox", self._functions())
        for name in ("cjson", "cmsgpack", "small"):
            self._execute(name, self._library_functions())
        self._run: Callable[..., Any] = self.lua[b"run"]
        self._compile: Callable[..., Any] = self.lua[b"compile"]
        self.lua[b"finish"](kind)
        self._registered: list[Registration] | None = None

    def _execute(self, name: str, functions: Any) -> Any:
        return self._chunk(name)(functions)

    def _chunk(self, name: str) -> Any:
        chunk = self._dump(self._load(source(f"{name}.lua"), b"=sandbox"))
        return self._load(without_tail_calls(chunk))

    def _functions(self) -> Any:
        host = self._host
        convert = self.convert
        return self.runtime.table_from(
            {
                **{name.encode(): self._chunk(name) for name in ("replies", "api", "functions")},
                b"version": REDIS_VERSION,
                b"version_number": REDIS_VERSION_NUM,
                b"command": lambda *args: host.command(args, convert),
                b"without_tail_calls": without_tail_calls,
                b"on_step": host.on_step,
                b"killed": lambda: encoded(host.killed_text()),
                b"register": self._register,
                b"random": host.random.next,
                b"seed": host.random.seed,
                b"sha1hex": lambda text: hashlib.sha1(text).hexdigest().encode(),
                b"log": host.log,
                b"setresp": lambda version: _problem(host.set_resp(int(version))),
                b"set_repl": lambda flags: _problem(host.set_repl(int(flags))),
                b"acl_check_cmd": lambda *args: _pair(host.acl_check(args)),
            }
        )

    def _library_functions(self) -> Any:
        return self.runtime.table_from({**numbers.FUNCTIONS, b"library": self.lua[b"library"]})

    def compile(self, code: bytes, name: bytes) -> tuple[Function | None, str]:
        """The chunk as a function, or None and the compiler's message."""
        result = self._compile(code, name)
        if isinstance(result, tuple):
            return None, result[1].decode("utf-8", "surrogateescape")
        return result, ""

    def load_library(self, code: bytes, name: bytes) -> list[Registration]:
        """Run a library's code; the functions that it registers. Raises ReplyError."""
        function, problem = self.compile(code, name)
        if function is None:
            raise ReplyError(script_texts.function_compile_error(problem))
        found = self._registered = []
        try:
            failed = self.lua[b"load_library"](function)
        finally:
            self._registered = None
        if failed is not None:
            raise ReplyError(script_texts.function_register_error(_text(failed)))
        return found

    def _register(self, name: bytes, callback: Function, description: bytes | None, *flags: bytes) -> bytes | None:
        if self._registered is None:
            return encoded(script_texts.REGISTER_OUTSIDE)
        shown = name.decode("latin-1")
        words = {flag.decode("latin-1") for flag in flags}
        if not words <= set(FLAGS):
            return encoded(script_texts.UNKNOWN_FLAG)
        if not is_valid_name(shown):
            return encoded(script_texts.FUNCTION_NAME_INVALID)
        if any(other.name == shown for other in self._registered):
            return encoded(script_texts.FUNCTION_EXISTS_IN_LIBRARY)
        kept = tuple(flag for flag in FLAGS if flag in words)
        self._registered.append(Registration(shown, callback, description, kept))
        return None

    def set_arguments(self, keys: Sequence[bytes], argv: Sequence[bytes]) -> None:
        """Give scripts their globals KEYS and ARGV."""
        table = self.runtime.table_from
        self.lua[b"set_arguments"](table(keys), table(argv))

    def run(self, function: Function, resp: int, script_resp: Callable[[], int], name: str, *lists: Any) -> Reply:
        """Run a function; its value as a reply. Raises ReplyError for an error that the script raised or returned.

        `resp` is the client's version, `script_resp()` what the script has set. `lists` (keys and arguments)
        become tables that the function is called with.
        """
        tables = [self.runtime.table_from(items) for items in lists]
        ok, *found = self._run(function, resp, script_resp, *tables)
        if ok:
            data: bytes = found[0]
            if data[:1] == b"-":
                raise ReplyError(_text(data[1:-2]))
            return Raw(data)
        problem = _text(found[0])
        if len(found) > 2 and found[1] is not None:
            problem = script_texts.failed(problem, name, _text(found[1]), int(found[2]))
        raise ReplyError(problem)

    def close(self) -> None:
        """Free the runtime now: it and what it was lent hold each other. The world is of no use after that."""
        self.convert.close()
        vars(self).clear()

    @property
    def memory(self) -> int:
        """Bytes that the runtime uses."""
        return int(self.lua[b"memory"]() * 1024)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _problem(text: str | None) -> bytes | None:
    return None if text is None else encoded(text)


def _pair(found: tuple[bool | None, str | None]) -> tuple[bool | None, bytes | None]:
    return found[0], _problem(found[1])
