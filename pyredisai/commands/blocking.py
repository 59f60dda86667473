"""Clients that wait for a key: BLPOP and its siblings, and any later command that blocks on a value.

A waiter tries again whenever one of its keys was touched, after the command (EXEC or script as a whole) that
touched it, in the order in which the waiters came. While nobody waits, nothing listens and nothing costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from pyredisai import clock
from pyredisai.commands.context import Context, Services
from pyredisai.commands.longdouble import parse_long_double
from pyredisai.errors import ReplyError, texts
from pyredisai.journal import Effect
from pyredisai.resp.replies import NULL_ARRAY, Blocked, Error, Reply

Place: TypeAlias = "tuple[int, bytes]"
# tries one key: None where there is nothing to have, else the reply and what to journal in place of the command
Attempt: TypeAlias = "Callable[[Context, bytes], tuple[Reply, list[Effect]] | None]"

MAX_TIMEOUT_MS = 2**63 - 1
LONGEST_WAIT = 10.0 * 365 * 86400


def parse_timeout(text: bytes) -> float:
    """Seconds to wait, 0 for ever. Raises ReplyError."""
    milliseconds = parse_long_double(text, texts.TIMEOUT_NOT_FLOAT) * 1000
    if not 0 <= milliseconds <= MAX_TIMEOUT_MS - clock.now_ms():
        raise ReplyError(texts.TIMEOUT_NEGATIVE)
    return float(milliseconds) / 1000


class Waiter:
    """One blocked request. `kind` is the class of the values that it waits for; others are left alone.

    `on_gone` ends it when a key has no such value any more; None waits on.
    """

    __slots__ = ("attempt", "blocked", "ctx", "kind", "on_gone", "on_timeout", "places", "timer")

    def __init__(
        self,
        ctx: Context,
        places: list[Place],
        kind: type,
        attempt: Attempt,
        on_timeout: Reply,
        on_gone: Error | None = None,
    ) -> None:
        self.ctx = ctx
        self.places = places
        self.kind = kind
        self.attempt = attempt
        self.on_timeout = on_timeout
        self.on_gone = on_gone
        self.blocked = Blocked()
        self.timer: asyncio.TimerHandle | None = None


class WaitTable:
    """Who waits for which key of which database."""

    def __init__(self, server: Services) -> None:
        self._server = server
        self._waiters: dict[Place, dict[Waiter, None]] = {}
        self._ready: dict[Place, None] = {}

    def add(self, waiter: Waiter, seconds: float) -> Blocked:
        """Let a waiter wait, `seconds` at most (0: for ever)."""
        if not self._waiters:
            self._server.events.on_key.append(self.look_at)
            self._server.events.on_swap.append(self._swapped)
            self._server.events.on_flush.append(self._flushed)
        for place in waiter.places:
            self._waiters.setdefault(place, {})[waiter] = None
        if seconds:
            loop = asyncio.get_running_loop()
            waiter.blocked.timed = True
            waiter.timer = loop.call_later(min(seconds, LONGEST_WAIT), self.end, waiter, waiter.on_timeout)
        waiter.blocked.on_cancel = lambda: self._remove(waiter)
        waiter.blocked.on_unblock = lambda error: self.end(
            waiter, Error(texts.UNBLOCKED) if error else waiter.on_timeout
        )
        return waiter.blocked

    def __len__(self) -> int:
        return len(self.waiters())

    def waiters(self) -> list[Waiter]:
        """Everyone who waits, each once."""
        return list({waiter: None for waiters in self._waiters.values() for waiter in waiters})

    def end(self, waiter: Waiter, reply: Reply) -> None:
        """Give a waiter its reply."""
        self._remove(waiter)
        waiter.blocked.resolve(reply)

    def _remove(self, waiter: Waiter) -> None:
        if waiter.timer is not None:
            waiter.timer.cancel()
        waiter.blocked.on_cancel = waiter.blocked.on_unblock = None  # they know the waiter, as it knows them
        for place in waiter.places:
            waiters = self._waiters.get(place, {})
            waiters.pop(waiter, None)
            if not waiters:
                self._waiters.pop(place, None)
        events = self._server.events
        if not self._waiters and self.look_at in events.on_key:
            events.on_key.remove(self.look_at)
            events.on_swap.remove(self._swapped)
            events.on_flush.remove(self._flushed)

    def look_at(self, database: int, key: bytes) -> None:
        """Let those who wait for a key try again once the present command is done."""
        place = (database, key)
        if place in self._waiters:
            if not self._ready:
                self._server.deferred.append(self._serve)
            self._ready[place] = None

    def _swapped(self, first: int, second: int) -> None:
        for database, key in list(self._waiters):
            if database in (first, second):
                self.look_at(database, key)

    def _flushed(self, database: int) -> None:
        for place in list(self._waiters):
            if place[0] == database:
                self.look_at(*place)

    def _serve(self) -> None:
        ready, self._ready = self._ready, {}
        for place in ready:
            for waiter in list(self._waiters.get(place, ())):
                self._try(waiter, place[1])

    def _try(self, waiter: Waiter, key: bytes) -> None:
        """Run one attempt; an error ends the waiting too."""
        ctx = waiter.ctx
        if type(ctx.db.get(key)) is not waiter.kind:
            if waiter.on_gone is not None:
                self.end(waiter, waiter.on_gone)
            return
        try:
            found = waiter.attempt(ctx, key)
        except ReplyError as error:
            self.end(waiter, Error(error.text))
            return
        if found is None:
            return
        reply, effects = found
        journal = self._server.journal
        if effects and journal.subscribers:
            journal.append(ctx.db.index, effects)
        self.end(waiter, reply)


_NAME: Final = "blocked_on_keys"


def wait_table(server: Services) -> WaitTable:
    """The server's table of waiters."""
    table: WaitTable | None = server.extra.get(_NAME)
    if table is None:
        table = server.extra[_NAME] = WaitTable(server)
    return table


def try_or_wait(
    ctx: Context, keys: Iterable[bytes], kind: type, attempt: Attempt, seconds: float, denied: Reply = NULL_ARRAY
) -> Reply:
    """The reply of the first key that has something to give; else wait, or `denied` where that is not allowed."""
    keys = list(dict.fromkeys(keys))
    for key in keys:
        found = attempt(ctx, key)
        if found is not None:
            reply, effects = found
            ctx.propagate(*effects)
            return reply
    if not ctx.client.may_block:
        return denied
    places = [(ctx.db.index, key) for key in keys]
    return wait_table(ctx.server).add(Waiter(ctx, places, kind, attempt, NULL_ARRAY), seconds)
