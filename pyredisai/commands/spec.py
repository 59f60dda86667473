"""What a command is: one declaration that dispatch, COMMAND, ACL and the docs read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pyredisai.resp.replies import Reply

if TYPE_CHECKING:
    from pyredisai.commands.context import Context

Args: TypeAlias = "list[Any]"
Handler: TypeAlias = "Callable[[Context, Args], Reply]"
GetKeys: TypeAlias = "Callable[[list[bytes]], list[bytes]]"


@dataclass(slots=True, eq=False)
class Command:
    """A command or subcommand.

    `name` is lower case (`config|get` for a subcommand). `arity` as in Redis: negative means at least.
    `flags` are the words of COMMAND INFO (`write readonly denyoom fast noscript …`). `keys` is first,
    last and step; `get_keys` finds the rest (flag movablekeys) and raises ReplyError.
    `big` tells that arguments may be read-only memoryviews (large bulks received in place); for all
    other commands dispatch hands over bytes only.
    """

    name: str
    handler: Handler | None
    arity: int
    flags: frozenset[str]
    keys: tuple[int, int, int] = (0, 0, 0)
    key_flags: str = ""
    categories: frozenset[str] = frozenset()
    group: str = "generic"
    since: str = "1.0.0"
    summary: str = ""
    complexity: str = ""
    syntax: str = ""
    tips: tuple[str, ...] = ()
    get_keys: GetKeys | None = None
    big: bool = False
    subcommands: dict[str, Command] = field(default_factory=dict)
    is_write: bool = False
    calls: int = 0
    usec: int = 0
    rejected: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self.is_write = "write" in self.flags


class Family:
    """The commands of one module, in the order in which they are declared.

        family = Family("string")

        @family.command("get", arity=2, flags="readonly fast", keys=(1, 1, 1), summary="…")
        def get(ctx: Context, args: Args) -> Reply: ...

    `args[0]` is the command's own name as the client wrote it.
    """

    def __init__(self, group: str) -> None:
        self.group = group
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
        command = Command(
            name, handler, arity, frozenset(flags.split()), categories=frozenset(categories.split()), **rest
        )
        parent, _, sub = name.partition("|")
        if sub:
            next(c for c in self.commands if c.name == parent).subcommands[sub] = command
        else:
            self.commands.append(command)
        return command


class Table:
    """All commands by name, for dispatch; names are matched in any case."""

    def __init__(self, families: Iterable[Family]) -> None:
        self.commands: dict[str, Command] = {c.name: c for f in families for c in f.commands}
        self._by_bytes: dict[bytes, Command] = {}
        for name, command in self.commands.items():
            self._by_bytes[name.encode()] = self._by_bytes[name.upper().encode()] = command

    def find(self, name: bytes) -> Command | None:
        """The command called `name`, or None."""
        return self._by_bytes.get(name) or self._by_bytes.get(name.lower())
