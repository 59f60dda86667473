"""COMMAND: what the server's commands are, from their own declarations."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyredisai.commands.acl.rules import CATEGORIES
from pyredisai.commands.context import Context
from pyredisai.commands.key_lookup import keys_with_flags
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Command, Family, Table
from pyredisai.commands.syntax import parse_syntax
from pyredisai.errors import ReplyError, texts
from pyredisai.glob import compile_glob
from pyredisai.resp.aggregates import RespSet
from pyredisai.resp.replies import Reply, Status

family = Family("server")

# The order in which Redis shows flags; flags that are not here it keeps to itself.
_FLAG_WORDS = (
    "write readonly denyoom module admin pubsub noscript blocking loading stale skip_monitor skip_slowlog asking fast "
    "no_auth no_mandatory_keys no_async_loading no_multi movablekeys allow_busy"
)
SHOWN_FLAGS = tuple(_FLAG_WORDS.split())
_OWN = "loading stale"


def _words(words: Iterable[str]) -> RespSet:
    return RespSet(Status(word) for word in words)


def describe_spec(spec: KeySpec) -> Reply:
    """A key specification, as COMMAND INFO shows it."""
    shown: dict[Reply, Reply] = {}
    if spec.notes:
        shown[b"notes"] = spec.notes
    shown[b"flags"] = _words(spec.flags.split())
    shown[b"begin_search"] = _typed("unknown", {})
    if spec.index:
        shown[b"begin_search"] = _typed("index", {b"index": spec.index})
    elif spec.keyword:
        shown[b"begin_search"] = _typed("keyword", {b"keyword": spec.keyword, b"startfrom": spec.start})
    shown[b"find_keys"] = _typed("unknown", {})
    if spec.range:
        shown[b"find_keys"] = _typed("range", dict(zip((b"lastkey", b"keystep", b"limit"), spec.range, strict=True)))
    elif spec.counted:
        names = (b"keynumidx", b"firstkey", b"keystep")
        shown[b"find_keys"] = _typed("keynum", dict(zip(names, spec.counted, strict=True)))
    return shown


def _typed(kind: str, spec: dict[Reply, Reply] | dict[bytes, int] | dict[bytes, object]) -> Reply:
    return {b"type": kind, b"spec": spec}


def describe_command(command: Command) -> Reply:
    """The ten elements of COMMAND INFO."""
    return [
        command.name,
        command.arity,
        _words(flag for flag in SHOWN_FLAGS if flag in command.flags),
        *command.keys,
        _words(f"@{category}" for category in CATEGORIES if category in command.categories),
        RespSet(command.tips),
        RespSet(describe_spec(spec) for spec in command.key_specs),
        RespSet(describe_command(sub) for sub in command.subcommands.values()),
    ]


def document_command(command: Command) -> Reply:
    """What COMMAND DOCS says of a command."""
    if command.module:
        return {b"group": b"module", b"module": command.module, **_text(b"summary", command.summary)}
    shown: dict[Reply, Reply] = {
        b"summary": command.summary,
        b"since": command.since,
        b"group": command.group,
        **_text(b"complexity", command.complexity),
    }
    arguments = parse_syntax(command.syntax)
    if arguments:
        shown[b"arguments"] = [argument.describe() for argument in arguments]
    if command.subcommands:
        shown[b"subcommands"] = {sub.name: document_command(sub) for sub in command.subcommands.values()}
    return shown


def _text(name: bytes, text: str) -> dict[Reply, Reply]:
    return {name: text} if text else {}


def _chosen(table: Table, names: Args) -> list[Command | None]:
    if not names:
        return list(table.commands.values())
    return [table.find_full(name) for name in names]


@family.command(
    "command",
    arity=-1,
    flags=_OWN,
    categories="connection",
    since="2.8.13",
    summary="What all commands are.",
    complexity="O(N), the number of commands",
    tips=("nondeterministic_output_order",),
)
def command_(ctx: Context, args: Args) -> Reply:
    """COMMAND."""
    return [describe_command(command) for command in ctx.server.table.commands.values()]


def _sub(sub: str, arity: int, since: str, summary: str, syntax: str = "") -> Callable[..., Callable[..., Reply]]:
    tips = ("nondeterministic_output_order",) if sub in ("docs", "info", "list") else ()
    return family.command(
        f"command|{sub}",
        arity=arity,
        flags=_OWN,
        categories="connection",
        since=since,
        summary=summary,
        syntax=syntax,
        tips=tips,
    )


@_sub("count", 2, "2.8.13", "How many commands there are.")
def command_count(ctx: Context, args: Args) -> Reply:
    """COMMAND COUNT."""
    return len(ctx.server.table.commands)


@_sub("info", -2, "2.8.13", "What some commands are.", "[command-name [command-name ...]]")
def command_info(ctx: Context, args: Args) -> Reply:
    """COMMAND INFO [name…]; null for an unknown one."""
    chosen = _chosen(ctx.server.table, args[2:])
    return [None if command is None else describe_command(command) for command in chosen]


@_sub("docs", -2, "7.0.0", "What commands do and how they are written.", "[command-name [command-name ...]]")
def command_docs(ctx: Context, args: Args) -> Reply:
    """COMMAND DOCS [name…]; unknown ones are left out."""
    chosen = _chosen(ctx.server.table, args[2:])
    return {command.name: document_command(command) for command in chosen if command is not None}


@_sub(
    "list",
    -2,
    "7.0.0",
    "The names of commands.",
    "[FILTERBY (MODULE module-name | ACLCAT category | PATTERN pattern)]",
)
def command_list(ctx: Context, args: Args) -> Reply:
    """COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN glob]."""
    table = ctx.server.table
    if len(args) == 2:
        return [command.name for command in table.all()]
    if len(args) != 5 or args[2].lower() != b"filterby":
        raise ReplyError(texts.SYNTAX)
    kind, value = args[3].lower(), args[4]
    text = value.decode("latin-1")
    if kind == b"module":
        return [name for name, command in table.commands.items() if command.module == text]
    if kind == b"aclcat":
        return [command.name for command in table.all() if text.lower() in command.categories]
    if kind == b"pattern":
        matches = compile_glob(value.lower())
        return [command.name for command in table.all() if matches(command.name.encode())]
    raise ReplyError(texts.SYNTAX)


@_sub("getkeys", -4, "2.8.13", "The keys of a whole command.", "command [arg [arg ...]]")
def command_getkeys(ctx: Context, args: Args) -> Reply:
    """COMMAND GETKEYS command [argument…]."""
    return [key for key, _ in _found_keys(ctx.server.table, args[2:])]


@_sub("getkeysandflags", -4, "7.0.0", "The keys of a whole command and how it uses them.", "command [arg [arg ...]]")
def command_getkeysandflags(ctx: Context, args: Args) -> Reply:
    """COMMAND GETKEYSANDFLAGS command [argument…]."""
    return [[key, _words(flags.split())] for key, flags in _found_keys(ctx.server.table, args[2:])]


def _found_keys(table: Table, request: list[bytes]) -> list[tuple[bytes, str]]:
    command = table.find(request[0])
    if command is not None and command.subcommands and len(request) > 1:
        command = command.subcommands.get(request[1].lower().decode("latin-1"))
    if command is None:
        raise ReplyError(texts.INVALID_COMMAND)
    if not command.get_keys and all("not_key" in spec.flags for spec in command.key_specs):
        raise ReplyError(texts.NO_KEYS)
    if len(request) < abs(command.arity) or 0 < command.arity != len(request):
        raise ReplyError(texts.INVALID_COMMAND_ARITY)
    try:
        keys = keys_with_flags(command, request)
    except ReplyError:
        if "no_mandatory_keys" not in command.flags:
            raise
        keys = []
    if not keys and "no_mandatory_keys" not in command.flags:
        raise ReplyError(texts.INVALID_COMMAND_ARGUMENTS)
    return keys


family.help("command", categories="connection")
