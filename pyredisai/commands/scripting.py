"""EVAL and its siblings, and SCRIPT: Lua scripts by their text or its SHA1."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context, Services
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.lua.engine import Run, engine
from pyredisai.commands.lua.world import FLAGS, Function, World
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, replication_texts, script_texts, texts
from pyredisai.resp.replies import OK, Reply

family = Family("scripting")
declare = partial(family.command, categories="scripting")
declare_eval = partial(declare, arity=-3, interruptible=True)

CHUNK_NAME = b"@user_script"


class Script(NamedTuple):
    """A compiled script. `flags` are those of its shebang line, None where it has none (then it may write)."""

    body: bytes
    function: Function
    flags: frozenset[str] | None


@dataclass(slots=True, eq=False)
class Scripts:
    """The scripts that a server knows, by SHA1 in lower case, and the world that they run in."""

    by_sha: dict[bytes, Script] = field(default_factory=dict)
    world: World | None = None


def scripts(services: Services) -> Scripts:
    """The server's scripts; made at the first call."""
    found: Scripts = services.extra.setdefault("scripts", Scripts())
    return found


def _world(services: Services) -> World:
    state = scripts(services)
    if state.world is None:
        state.world = World(engine(services))
    return state.world


def load(services: Services, body: bytes) -> bytes:
    """Compile a script, or find it; its SHA1. Raises ReplyError."""
    sha = hashlib.sha1(body).hexdigest().encode()
    known = scripts(services).by_sha
    if sha not in known:
        code, flags = shebang(body)
        function, problem = _world(services).compile(code, CHUNK_NAME)
        if function is None:
            raise ReplyError(script_texts.compile_error(problem))
        known[sha] = Script(body, function, flags)
    return sha


def shebang(body: bytes) -> tuple[bytes, frozenset[str] | None]:
    """The code behind `#!lua flags=a,b` (its line end stays, so that lines keep their numbers), and the flags."""
    if not body.startswith(b"#!"):
        return body, None
    end = body.find(b"\n")
    if end < 0:
        raise ReplyError(script_texts.INVALID_SHEBANG)
    words = body[:end].decode("latin-1").split()
    if words[0] != "#!lua":
        raise ReplyError(script_texts.unexpected_engine(words[0]))
    flags: set[str] = set()
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if name != "flags" or not equals:
            raise ReplyError(script_texts.unknown_shebang_option(word))
        for flag in filter(None, value.split(",")):
            if flag not in FLAGS:
                raise ReplyError(script_texts.unexpected_flag(flag))
            flags.add(flag)
    return body[end:], frozenset(flags)


def check_flags(ctx: Context, flags: frozenset[str], *, read_only: bool) -> None:
    """Refuse a script or function whose flags do not fit the server's state. Raises ReplyError."""
    config = ctx.server.config
    if config["cluster-enabled"] and "no-cluster" in flags:
        raise ReplyError(script_texts.CLUSTER_REFUSED)
    if "no-writes" not in flags:
        if read_only:
            raise ReplyError(script_texts.RO_CALL_OF_WRITER)
        if ctx.server.primary.is_replica and config["replica-read-only"] and "M" not in ctx.client.flags:
            raise ReplyError(replication_texts.READONLY_SCRIPT)
        guard = ctx.server.guard
        if "allow-oom" not in flags and guard.memory_limited and not guard.make_room():
            raise ReplyError(script_texts.OOM_REFUSED)


def declared_flags(services: Services, args: Args) -> frozenset[str] | None:
    """The flags of the script that EVAL or EVALSHA names; None where it has no shebang line, or is not known."""
    if args[0].lower().startswith(b"evalsha"):
        script = scripts(services).by_sha.get(args[1].lower())
        return None if script is None else script.flags
    try:
        return shebang(args[1])[1]
    except ReplyError:
        return None


def split_keys(args: Args, error: str = texts.NOT_INTEGER) -> tuple[list[bytes], list[bytes]]:
    """Keys and arguments of `name what numkeys key… arg…`. Raises ReplyError."""
    count = parse_int(args[2], error)
    if count > len(args) - 3:
        raise ReplyError(script_texts.TOO_MANY_KEYS)
    if count < 0:
        raise ReplyError(script_texts.NEGATIVE_KEYS)
    return args[3 : 3 + count], args[3 + count :]


def _run(ctx: Context, args: Args, sha: bytes, keys: Sequence[bytes], argv: Sequence[bytes], read_only: bool) -> Reply:
    script = scripts(ctx.server).by_sha[sha]
    allow_oom, may_cross = False, True
    if script.flags is not None:
        check_flags(ctx, script.flags, read_only=read_only)
        read_only = read_only or "no-writes" in script.flags
        allow_oom = "allow-oom" in script.flags
        may_cross = "allow-cross-slot-keys" in script.flags
    world = _world(ctx.server)
    world.set_arguments(keys, argv)
    run = Run("script", sha.decode(), args, read_only, allow_oom, may_cross)
    return engine(ctx.server).run(ctx, run, world, script.function)


def _eval(ctx: Context, args: Args, *, read_only: bool) -> Reply:
    keys, argv = split_keys(args)
    return _run(ctx, args, load(ctx.server, args[1]), keys, argv, read_only)


def _evalsha(ctx: Context, args: Args, *, read_only: bool) -> Reply:
    sha = args[1].lower()
    if len(sha) != 40:
        raise ReplyError(script_texts.NOSCRIPT)
    keys, argv = split_keys(args)
    if sha not in scripts(ctx.server).by_sha:
        raise ReplyError(script_texts.NOSCRIPT)
    return _run(ctx, args, sha, keys, argv, read_only)


_SPECS = {
    "RW": KeySpec.number(
        "RW access update", 2, "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"
    ),
    "RO": KeySpec.number(
        "RO access", 2, "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"
    ),
    "RW sha": KeySpec.number("RW access update", 2),
    "RO sha": KeySpec.number("RO access", 2),
}
_EVAL_FLAGS = "noscript stale skip_monitor no_mandatory_keys"


@declare_eval("eval", flags=_EVAL_FLAGS + " may_replicate", key_specs=(_SPECS["RW"],), since="2.6.0")
def eval_(ctx: Context, args: Args) -> Reply:
    """EVAL script numkeys key… arg…: what the script returns."""
    return _eval(ctx, args, read_only=False)


@declare_eval("evalsha", flags=_EVAL_FLAGS + " may_replicate", key_specs=(_SPECS["RW sha"],), since="2.6.0")
def evalsha(ctx: Context, args: Args) -> Reply:
    """EVALSHA sha1 numkeys key… arg…: as EVAL, with a script that the server knows."""
    return _evalsha(ctx, args, read_only=False)


@declare_eval("eval_ro", flags=_EVAL_FLAGS + " readonly", key_specs=(_SPECS["RO"],), since="7.0.0")
def eval_ro(ctx: Context, args: Args) -> Reply:
    """EVAL_RO script numkeys key… arg…: as EVAL, without writes."""
    return _eval(ctx, args, read_only=True)


@declare_eval("evalsha_ro", flags=_EVAL_FLAGS + " readonly", key_specs=(_SPECS["RO sha"],), since="7.0.0")
def evalsha_ro(ctx: Context, args: Args) -> Reply:
    """EVALSHA_RO sha1 numkeys key… arg…: as EVALSHA, without writes."""
    return _evalsha(ctx, args, read_only=True)


family.add("script", None, arity=-2, since="2.6.0")


@declare(
    "script|load",
    arity=3,
    flags="noscript stale",
    since="2.6.0",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
    syntax="<script>",
    summary="Compile and keep a script.",
)
def script_load(ctx: Context, args: Args) -> Reply:
    """SCRIPT LOAD script: its SHA1."""
    return load(ctx.server, args[2])


@declare(
    "script|exists",
    arity=-3,
    flags="noscript",
    since="2.6.0",
    tips=("request_policy:all_shards", "response_policy:agg_logical_and"),
    syntax="<sha1> [<sha1> ...]",
    summary="Which scripts the server knows.",
)
def script_exists(ctx: Context, args: Args) -> Reply:
    """SCRIPT EXISTS sha1…: 1 or 0 each."""
    known = scripts(ctx.server).by_sha
    return [int(sha.lower() in known) for sha in args[2:]]


@declare(
    "script|flush",
    arity=-2,
    flags="noscript",
    since="2.6.0",
    tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
    syntax="[ASYNC|SYNC]",
    summary="Forget all scripts.",
)
def script_flush(ctx: Context, args: Args) -> Reply:
    """SCRIPT FLUSH [ASYNC|SYNC]: forget all scripts, and their world's state."""
    if len(args) > 3 or (len(args) == 3 and args[2].lower() not in (b"sync", b"async")):
        raise ReplyError(script_texts.FLUSH_OPTION)
    state: Scripts | None = ctx.server.extra.pop("scripts", None)
    if state is not None:
        engine(ctx.server).discard(state.world)
    return OK


@declare(
    "script|kill",
    arity=2,
    flags="noscript allow_busy",
    since="2.6.0",
    tips=("request_policy:all_shards", "response_policy:one_succeeded"),
    summary="Stop the running script, if it has written nothing.",
)
def script_kill(ctx: Context, args: Args) -> Reply:
    """SCRIPT KILL."""
    engine(ctx.server).kill("script")
    return OK


@declare(
    "script|debug",
    arity=3,
    flags="noscript",
    since="3.2.0",
    syntax="(YES|SYNC|NO)",
    summary="The debugger: NO alone is accepted.",
)
def script_debug(ctx: Context, args: Args) -> Reply:
    """SCRIPT DEBUG NO; the other modes would begin a session of Redis' debugger, which is not there."""
    mode = args[2].lower()
    if mode == b"no":
        return OK
    if mode in (b"yes", b"sync"):
        raise ReplyError(script_texts.DEBUG_UNSUPPORTED)
    raise ReplyError(script_texts.DEBUG_OPTION)


family.help("script", categories="scripting")
