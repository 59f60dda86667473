"""SLOWLOG: the commands that took longer than `slowlog-log-slower-than`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from pyredisai.commands.args import parse_int
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.redact import redacted
from pyredisai.commands.spec import Args, Command, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply

family = Family("server")

_MAX_ARGS = 32
_MAX_LENGTH = 128


class Entry(NamedTuple):
    """One slow command: Unix seconds, duration in microseconds, shortened arguments."""

    id: int
    when: int
    usec: int
    args: tuple[bytes, ...]
    addr: str
    name: bytes


class SlowLog:
    """The newest entries first, at most `slowlog-max-len`."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self._next = 0

    def add(self, client: Client, command: Command, args: Sequence[bytes], usec: int, limit: int) -> None:
        """Log a command."""
        shown = shortened(redacted(command, args))
        self.entries.appendleft(Entry(self._next, int(time.time()), usec, shown, client.addr, client.name))
        self._next += 1
        while len(self.entries) > limit:
            self.entries.pop()


def shortened(args: Sequence[bytes]) -> tuple[bytes, ...]:
    """At most 32 arguments of at most 128 bytes; what is left out is counted in words."""
    count = len(args)
    kept = args if count <= _MAX_ARGS else args[: _MAX_ARGS - 1]
    shown = [
        bytes(arg)
        if len(arg) <= _MAX_LENGTH
        else bytes(arg[:_MAX_LENGTH]) + b"... (%d more bytes)" % (len(arg) - _MAX_LENGTH)
        for arg in kept
    ]
    if count > _MAX_ARGS:
        shown.append(b"... (%d more arguments)" % (count - _MAX_ARGS + 1))
    return tuple(shown)


def slow_log(services: Services) -> SlowLog:
    """The server's slow log."""
    found = services.extra.get("slowlog")
    if found is None:
        found = services.extra["slowlog"] = SlowLog()
    assert isinstance(found, SlowLog)
    return found


family.add("slowlog", None, arity=-2, since="2.2.12", summary="Commands about the slow log.")
_SHARDS = "request_policy:all_nodes"


@family.command(
    "slowlog|get",
    arity=-2,
    flags="admin loading stale",
    since="2.2.12",
    syntax="[count]",
    summary="The newest entries.",
    complexity="O(N), the number of entries",
    tips=(_SHARDS, "nondeterministic_output"),
)
def slowlog_get(ctx: Context, args: Args) -> Reply:
    """SLOWLOG GET [count]; -1 for all."""
    if len(args) > 3:
        raise ReplyError(texts.unknown_or_arity(args[1].decode("latin-1"), "SLOWLOG"))
    count = parse_int(args[2], texts.SLOWLOG_COUNT) if len(args) == 3 else 10
    if count < -1:
        raise ReplyError(texts.SLOWLOG_COUNT)
    entries = list(slow_log(ctx.server).entries)
    chosen = entries if count == -1 else entries[:count]
    return [[e.id, e.when, e.usec, list(e.args), e.addr.encode("latin-1"), e.name] for e in chosen]


@family.command(
    "slowlog|len",
    arity=2,
    flags="admin loading stale",
    since="2.2.12",
    summary="How many entries there are.",
    complexity="O(1)",
    tips=(_SHARDS, "response_policy:agg_sum", "nondeterministic_output"),
)
def slowlog_len(ctx: Context, args: Args) -> Reply:
    """SLOWLOG LEN."""
    return len(slow_log(ctx.server).entries)


@family.command(
    "slowlog|reset",
    arity=2,
    flags="admin loading stale",
    since="2.2.12",
    summary="Forget all entries.",
    complexity="O(N), the number of entries",
    tips=(_SHARDS, "response_policy:all_succeeded"),
)
def slowlog_reset(ctx: Context, args: Args) -> Reply:
    """SLOWLOG RESET."""
    slow_log(ctx.server).entries.clear()
    return OK


family.help("slowlog", since="6.2.0")
