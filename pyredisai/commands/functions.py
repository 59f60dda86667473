"""FUNCTION and FCALL: libraries of Lua functions that the server keeps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from pyredisai import clock
from pyredisai.commands.context import Context, Services
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.lua.engine import Run, engine
from pyredisai.commands.lua.world import Registration, World, is_valid_name
from pyredisai.commands.scripting import check_flags, split_keys
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import PersistenceError, ReplyError, script_texts, texts
from pyredisai.glob import compile_glob
from pyredisai.persistence.rdb import payload
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import OK, Reply, Status

family = Family("scripting")
declare = partial(family.command, categories="scripting", since="7.0.0")

CHUNK_NAME = b"@user_function"


class Library(NamedTuple):
    """A loaded library: its code with the first line, and its functions in the order of registration."""

    name: str
    code: bytes
    functions: tuple[Registration, ...]


@dataclass(slots=True, eq=False)
class Libraries:
    """The libraries of a server by name, all their functions, and the world that they run in.

    `unusable` is the code of libraries out of a file that do not load here; it is kept and saved again.
    """

    by_name: dict[str, Library] = field(default_factory=dict)
    functions: dict[str, Registration] = field(default_factory=dict)
    world: World | None = None
    unusable: list[bytes] = field(default_factory=list)

    def copy(self) -> Libraries:
        """The same libraries, to be changed apart."""
        return Libraries(dict(self.by_name), dict(self.functions), self.world, list(self.unusable))

    def remove(self, name: str) -> None:
        """Forget a library and its functions."""
        for function in self.by_name.pop(name).functions:
            del self.functions[function.name]


def libraries(services: Services) -> Libraries:
    """The server's libraries; made at the first call."""
    found: Libraries = services.extra.setdefault("functions", Libraries())
    return found


def forget_all(services: Services) -> None:
    """Have no libraries any more."""
    state: Libraries | None = services.extra.pop("functions", None)
    if state is not None:
        engine(services).discard(state.world)


def dump_code(services: Services) -> list[bytes]:
    """The code of every library, for RDB files and FUNCTION DUMP."""
    state = libraries(services)
    return [library.code for library in state.by_name.values()] + state.unusable


def adopt(services: Services, codes: Sequence[bytes]) -> None:
    """Take over the libraries of a loaded file; what does not load is logged."""
    state = libraries(services)
    for code in codes:
        try:
            _load_into(services, state, code, replace=True)
        except ReplyError as error:
            state.unusable.append(code)
            services.log("warning", f"A library of functions was loaded but cannot run: {error.text}")


def load(services: Services, code: bytes, *, replace: bool = False) -> str:
    """Load a library's code (FUNCTION LOAD, RDB files); its name. Raises ReplyError."""
    state = libraries(services)
    _load_into(services, state, code, replace=replace)
    services.events.dirty += 1
    return list(state.by_name)[-1]


def _load_into(services: Services, state: Libraries, code: bytes, *, replace: bool) -> None:
    name, engine_name, body = metadata(code)
    if not is_valid_name(name):
        raise ReplyError(script_texts.LIBRARY_NAME_INVALID)
    if engine_name.lower() != "lua":
        raise ReplyError(script_texts.engine_not_found(engine_name))
    old = state.by_name.get(name)
    if old is not None and not replace:
        raise ReplyError(script_texts.library_exists(name))
    if state.world is None:
        state.world = World(engine(services), b"function")
    found = engine(services).load_library(state.world, body, CHUNK_NAME)
    if not found:
        raise ReplyError(script_texts.NO_FUNCTIONS)
    own = {function.name for function in old.functions} if old is not None else set()
    for function in found:
        if function.name in state.functions and function.name not in own:
            raise ReplyError(script_texts.function_exists(function.name))
    if old is not None:
        state.remove(name)
    state.by_name[name] = Library(name, code, tuple(found))
    state.functions.update((function.name, function) for function in found)


def metadata(code: bytes) -> tuple[str, str, bytes]:
    """Name, engine and body of a library, from its first line `#!lua name=x` (whose end stays in the body)."""
    if not code.startswith(b"#!"):
        raise ReplyError(script_texts.LIBRARY_META_MISSING)
    end = code.find(b"\n")
    if end < 0:
        raise ReplyError(script_texts.LIBRARY_META_INVALID)
    try:
        words = shlex.split(code[:end].decode("latin-1"))
    except ValueError:
        raise ReplyError(script_texts.LIBRARY_META_INVALID) from None
    name = None
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if key.lower() != "name" or not equals:
            raise ReplyError(script_texts.invalid_metadata(word))
        if name is not None:
            raise ReplyError(script_texts.LIBRARY_NAME_TWICE)
        name = value
    if name is None:
        raise ReplyError(script_texts.LIBRARY_NAME_MISSING)
    return name, words[0][2:], code[end:]


_NOTE = "We cannot tell how the keys will be used so we assume the worst, "
_declare_call = partial(declare, arity=-3, interruptible=True)
_CALL_FLAGS = "noscript stale skip_monitor no_mandatory_keys"


@_declare_call(
    "fcall",
    flags=_CALL_FLAGS + " may_replicate",
    key_specs=(KeySpec.number("RW access update", 2, _NOTE + "RW and UPDATE"),),
)
def fcall(ctx: Context, args: Args) -> Reply:
    """FCALL function numkeys key… arg…: what the function returns."""
    return _call(ctx, args, read_only=False)


@_declare_call(
    "fcall_ro", flags=_CALL_FLAGS + " readonly", key_specs=(KeySpec.number("RO access", 2, _NOTE + "RO and ACCESS"),)
)
def fcall_ro(ctx: Context, args: Args) -> Reply:
    """FCALL_RO function numkeys key… arg…: as FCALL, for functions that do not write."""
    return _call(ctx, args, read_only=True)


def declared_flags(services: Services, args: Args) -> frozenset[str] | None:
    """The flags of the function that FCALL names; None where it is not known."""
    function = libraries(services).functions.get(args[1].decode("latin-1"))
    return None if function is None else frozenset(function.flags)


def _call(ctx: Context, args: Args, *, read_only: bool) -> Reply:
    state = libraries(ctx.server)
    function = state.functions.get(args[1].decode("latin-1"))
    if function is None or state.world is None:
        raise ReplyError(script_texts.FUNCTION_NOT_FOUND)
    keys, argv = split_keys(args, script_texts.BAD_KEYS_NUMBER)
    flags = frozenset(function.flags)
    check_flags(ctx, flags, read_only=read_only)
    read_only, may_cross = "no-writes" in flags, "allow-cross-slot-keys" in flags
    run = Run("function", function.name, args, read_only, "allow-oom" in flags, may_cross)
    return engine(ctx.server).run(ctx, run, state.world, function.callback, keys, argv)


family.add("function", None, arity=-2, since="7.0.0")


@declare(
    "function|load",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
    arity=-3,
    flags="write denyoom noscript",
    syntax="[REPLACE] <FUNCTION CODE>",
    summary="Load a library from its code, in place of one of its name if REPLACE is given.",
)
def function_load(ctx: Context, args: Args) -> Reply:
    """FUNCTION LOAD [REPLACE] code: the library's name."""
    for word in args[2:-1]:
        if word.lower() != b"replace":
            raise ReplyError(script_texts.unknown_option(word.decode("latin-1")))
    return load(ctx.server, args[-1], replace=len(args) > 3)


@declare(
    "function|delete",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
    arity=3,
    flags="write noscript",
    syntax="<LIBRARY NAME>",
    summary="Forget a library.",
)
def function_delete(ctx: Context, args: Args) -> Reply:
    """FUNCTION DELETE library."""
    name = args[2].decode("latin-1")
    if name not in libraries(ctx.server).by_name:
        raise ReplyError(script_texts.LIBRARY_NOT_FOUND)
    libraries(ctx.server).remove(name)
    ctx.server.events.dirty += 1
    return OK


@declare(
    "function|flush",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
    arity=-2,
    flags="write noscript",
    syntax="[ASYNC|SYNC]",
    summary="Forget all libraries.",
)
def function_flush(ctx: Context, args: Args) -> Reply:
    """FUNCTION FLUSH [ASYNC|SYNC]."""
    if len(args) > 3:
        raise ReplyError(texts.subcommand_arguments(args[1], "function"))
    if len(args) == 3 and args[2].lower() not in (b"sync", b"async"):
        raise ReplyError(script_texts.FUNCTION_FLUSH_OPTION)
    forget_all(ctx.server)
    ctx.server.events.dirty += 1
    return OK


@declare(
    "function|list",
    arity=-2,
    flags="noscript",
    syntax="[LIBRARYNAME PATTERN] [WITHCODE]",
    summary="Libraries, all or those that match, with their functions.",
    tips=("nondeterministic_output_order",),
)
def function_list(ctx: Context, args: Args) -> Reply:
    """FUNCTION LIST [LIBRARYNAME pattern] [WITHCODE]."""
    pattern: bytes | None = None
    with_code = False
    words = iter(args[2:])
    for word in words:
        if word.lower() == b"withcode" and not with_code:
            with_code = True
        elif word.lower() == b"libraryname" and pattern is None:
            pattern = next(words, None)
            if pattern is None:
                raise ReplyError(script_texts.LIBRARY_NAME_ARGUMENT)
        else:
            raise ReplyError(script_texts.unknown_argument(word.decode("latin-1")))
    matches = compile_glob(b"*" if pattern is None else pattern, ignore_case=True)
    found = (lib for lib in libraries(ctx.server).by_name.values() if matches(lib.name.encode("latin-1")))
    return [_shown(library, with_code=with_code) for library in found]


def _shown(library: Library, *, with_code: bool) -> Reply:
    functions: list[Reply] = [
        {b"name": function.name, b"description": function.description, b"flags": RespSet(map(Status, function.flags))}
        for function in library.functions
    ]
    reply: dict[Reply, Reply] = {b"library_name": library.name, b"engine": b"LUA", b"functions": functions}
    if with_code:
        reply[b"library_code"] = library.code
    return reply


@declare(
    "function|stats",
    arity=2,
    flags="noscript allow_busy",
    summary="The function that runs now, and how many there are.",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)
def function_stats(ctx: Context, args: Args) -> Reply:
    """FUNCTION STATS."""
    run = engine(ctx.server).running
    running: Reply = None
    if run is not None:
        if run.kind == "script":
            raise ReplyError(script_texts.BUSY_SCRIPT)
        milliseconds = (clock.monotonic_ns() - run.started_ns) // 1_000_000
        running = {b"name": run.name, b"command": list(run.command), b"duration_ms": milliseconds}
    state = libraries(ctx.server)
    counts: Reply = {b"libraries_count": len(state.by_name), b"functions_count": len(state.functions)}
    return {b"running_script": running, b"engines": {b"LUA": counts}}


@declare(
    "function|kill",
    tips=("request_policy:all_shards", "response_policy:one_succeeded"),
    arity=2,
    flags="noscript allow_busy",
    summary="Stop the running function, if it has written nothing.",
)
def function_kill(ctx: Context, args: Args) -> Reply:
    """FUNCTION KILL."""
    engine(ctx.server).kill("function")
    return OK


@declare("function|dump", arity=2, flags="noscript", summary="All libraries as a payload for FUNCTION RESTORE.")
def function_dump(ctx: Context, args: Args) -> Reply:
    """FUNCTION DUMP."""
    return payload.dump_functions(dump_code(ctx.server))


@declare(
    "function|restore",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
    arity=-3,
    flags="write denyoom noscript",
    syntax="<PAYLOAD> [FLUSH|APPEND|REPLACE]",
    summary="Load the libraries of a payload.\nFLUSH: in place of all others. APPEND (default): beside them, if none "
    "is there already.\nREPLACE: in place of those of the same names.",
)
def function_restore(ctx: Context, args: Args) -> Reply:
    """FUNCTION RESTORE payload [FLUSH|APPEND|REPLACE]: all libraries or none."""
    if len(args) > 4:
        raise ReplyError(texts.subcommand_arguments(args[1], "function"))
    policy = args[3].lower() if len(args) == 4 else b"append"
    if policy not in (b"flush", b"append", b"replace"):
        raise ReplyError(script_texts.RESTORE_POLICY)
    try:
        codes = payload.restore_functions(args[2])
    except payload.BadPayload:
        raise ReplyError(script_texts.BAD_PAYLOAD) from None
    except PersistenceError:
        raise ReplyError(script_texts.PAYLOAD_FAILED) from None
    state = Libraries() if policy == b"flush" else libraries(ctx.server).copy()
    for code in codes:
        _load_into(ctx.server, state, code, replace=policy == b"replace")
    ctx.server.extra["functions"] = state
    ctx.server.events.dirty += 1
    return OK


family.help("function", categories="scripting")
