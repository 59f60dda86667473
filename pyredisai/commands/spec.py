"""What a command is: one declaration that dispatch, COMMAND, ACL and the docs read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from pyredisai.commands.help import help_reply
from pyredisai.commands.key_specs import KeySpec, legacy_range
from pyredisai.resp.replies import Reply

if TYPE_CHECKING:
    from pyredisai.commands.context import Context

Args: TypeAlias = "list[Any]"
Handler: TypeAlias = "Callable[[Context, Args], Reply]"
GetKeys: TypeAlias = "Callable[[list[bytes]], list[bytes] | list[tuple[bytes, str]]]"

MODULE_KEY_FLAGS = "RW access update"
NEVER_QUEUED = frozenset({"exec", "discard", "multi", "watch", "quit", "reset"})


@dataclass(slots=True, eq=False)
class Command:
    """A command or subcommand.

    `name` is lower case (`config|get` for a subcommand). `arity` as in Redis: negative means at least.
    `flags` are the words of COMMAND INFO (`write readonly denyoom fast noscript …`).

    Keys: `keys` is first, last and step, `key_flags` the words of that one key specification (`RO access`);
    `key_specs` in place of both where there are several or other than a plain range (then `keys` follows
    from them). `get_keys` finds them where no specification can (flag movablekeys is then implied): it is given
    the whole argument vector, returns keys or (key, flags) pairs, and raises ReplyError. `guarded_keys` finds
    those that permissions look at, where COMMAND GETKEYS tells fewer.

    `categories` are the ACL categories that no flag implies (`string`, `keyspace` …). `module` names the
    module that a command belongs to: Redis derives no categories for those, and their handlers check arity
    themselves (COMMAND INFO shows -1).

    `interruptible` commands may run a script, which is suspended when it takes too long (`lua.engine`).
    `plain` ones, neither of both, are what the short form of dispatch runs (the table sets it).
    `queueable` is False for the few that run at once inside MULTI. `histogram` counts calls by duration, see
    `timing`. `big` tells that arguments may be read-only memoryviews (large bulks received in place); for all
    other commands dispatch hands over bytes only.
    """

    name: str
    handler: Handler | None
    arity: int
    flags: frozenset[str]
    keys: tuple[int, int, int] = (0, 0, 0)
    key_flags: str = ""
    key_specs: tuple[KeySpec, ...] = ()
    categories: frozenset[str] = frozenset()
    group: str = "generic"
    since: str = "1.0.0"
    summary: str = ""
    complexity: str = ""
    syntax: str = ""
    tips: tuple[str, ...] = ()
    get_keys: GetKeys | None = None
    guarded_keys: GetKeys | None = None
    module: str = ""
    big: bool = False
    subcommands: dict[str, Command] = field(default_factory=dict)
    is_write: bool = False
    denyoom: bool = False
    no_auth: bool = False
    queueable: bool = True
    interruptible: bool = False
    plain: bool = False
    calls: int = 0
    ns: int = 0
    rejected: int = 0
    failed: int = 0
    histogram: list[int] | None = None

    def __post_init__(self) -> None:
        if self.module:
            self.flags |= {"module"}
        if self.key_specs:
            self.keys, movable = legacy_range(self.key_specs)
        else:
            movable = False
            if self.keys[0]:
                words = self.key_flags or _default_key_flags(self)
                self.key_specs = (KeySpec.span(words, *self.keys),)
        if movable or (self.get_keys is not None and (self.module or not self._varies)):
            self.flags |= {"movablekeys"}
        self.is_write = "write" in self.flags
        self.denyoom = "denyoom" in self.flags
        self.no_auth = "no_auth" in self.flags
        self.queueable = self.name not in NEVER_QUEUED
        if not self.module:
            self.categories = implied_categories(self.flags, self.categories)

    @property
    def _varies(self) -> bool:
        return bool(self.key_specs) and "variable_flags" in self.key_specs[0].flags

    @property
    def usec(self) -> int:
        """Microseconds spent in all calls."""
        return self.ns // 1000


def _default_key_flags(command: Command) -> str:
    if command.module:
        return MODULE_KEY_FLAGS + (" variable_flags" if command.get_keys else "")
    return "RW access update" if "write" in command.flags else "RO access"


def implied_categories(flags: frozenset[str], own: frozenset[str]) -> frozenset[str]:
    """A command's ACL categories: its own and those that Redis derives from its flags."""
    found = set(own)
    if "write" in flags:
        found.add("write")
    if "readonly" in flags and "scripting" not in own:
        found.add("read")
    if "admin" in flags:
        found |= {"admin", "dangerous"}
    if "pubsub" in flags:
        found.add("pubsub")
    if "blocking" in flags:
        found.add("blocking")
    found.add("fast" if "fast" in flags else "slow")
    return frozenset(found)


_FIELDS = tuple(each.name for each in fields(Command))


def _copy(command: Command) -> Command:
    """A shallow copy; copy.copy takes ten times as long, for each of 400 commands at the start."""
    own = Command.__new__(Command)
    for name in _FIELDS:
        setattr(own, name, getattr(command, name))
    return own


class Family:
    """The commands of one module, in the order in which they are declared.

        family = Family("string")

        @family.command("get", arity=2, flags="readonly fast", keys=(1, 1, 1), summary="…")
        def get(ctx: Context, args: Args) -> Reply: ...

    `args[0]` is the command's own name as the client wrote it.
    """

    def __init__(self, group: str, module: str = "") -> None:
        self.group = group
        self.module = module
        self.commands: list[Command] = []

    def command(
        self, name: str, *, arity: int, flags: str = "", categories: str = "", **rest: Any
    ) -> Callable[[Handler], Handler]:
        """Declare a command; `parent|sub` declares a subcommand of a parent declared before."""

        def declare(handler: Handler) -> Handler:
            self.add(name, handler, arity=arity, flags=flags, categories=categories, **rest)
            return handler

        return declare

    def add(
        self,
        name: str,
        handler: Handler | None,
        *,
        arity: int,
        flags: str = "",
        categories: str = "",
        **rest: Any,
    ) -> Command:
        """Declare a command without the decorator (a container of subcommands has handler None)."""
        rest.setdefault("group", self.group)
        rest.setdefault("module", self.module)
        command = Command(
            name, handler, arity, frozenset(flags.split()), categories=frozenset(categories.split()), **rest
        )
        parent, _, sub = name.partition("|")
        if sub:
            next(c for c in self.commands if c.name == parent).subcommands[sub] = command
        else:
            self.commands.append(command)
        return command

    def help(self, name: str, *, since: str = "5.0.0", flags: str = "loading stale", categories: str = "") -> None:
        """Declare `name|help`, which lists the subcommands as they are declared: syntax and summary."""

        def handler(ctx: Context, args: Args) -> Reply:
            subcommands = ctx.server.table.commands[name].subcommands.values()
            lines = {f"{c.name.partition('|')[2].upper()} {c.syntax}".rstrip(): c.summary for c in subcommands}
            return help_reply(name, {k: v for k, v in lines.items() if k != "HELP"})

        summary = "List the subcommands."
        self.add(f"{name}|help", handler, arity=2, flags=flags, categories=categories, since=since, summary=summary)


class Table:
    """All commands by name, for dispatch; names are matched in any case.

    `by_bytes` holds names in lower and in upper case: dispatch asks it first. Protected commands are not in it.
    Families may share a container: the subcommands that they declare for it are joined, and one declaration with
    a summary counts. The table has commands of its own (they count calls), the families' are the declarations.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self.commands: dict[str, Command] = {}
        for family in families:
            for command in family.commands:
                known = self.commands.get(command.name)
                own = _copy(command if known is None or not known.summary else known)
                both = {**(known.subcommands if known else {}), **command.subcommands}
                own.subcommands = {name: _copy(sub) for name, sub in both.items()}
                own.plain = not own.subcommands and not own.interruptible
                self.commands[command.name] = own
        self.by_bytes: dict[bytes, Command] = {}
        for name, command in self.commands.items():
            if "protected" not in command.flags:
                self.by_bytes[name.encode()] = self.by_bytes[name.upper().encode()] = command

    def rename(self, old: str, new: str) -> None:
        """Let a command answer to another name alone (`rename-command`); an empty one removes it."""
        command = self.commands.pop(old)
        self.by_bytes = {name: other for name, other in self.by_bytes.items() if other is not command}
        if new:
            self.commands[new] = command
            if "protected" not in command.flags:
                self.by_bytes[new.encode()] = self.by_bytes[new.upper().encode()] = command

    def find(self, name: bytes) -> Command | None:
        """The command called `name`, or None."""
        return self.by_bytes.get(name) or self.commands.get(name.lower().decode("latin-1"))

    def find_full(self, name: bytes) -> Command | None:
        """The command or subcommand called `name` (`config|get`), or None."""
        parent, bar, sub = name.lower().partition(b"|")
        command = self.find(parent)
        if bar and command is not None:
            return command.subcommands.get(sub.decode("latin-1"))
        return command

    def all(self) -> Iterable[Command]:
        """Every command, each followed by its subcommands."""
        for command in self.commands.values():
            yield command
            yield from command.subcommands.values()
