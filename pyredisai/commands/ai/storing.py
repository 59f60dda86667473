"""Models and scripts into the keyspace: made ready on a helper thread, stored and journalled when that is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.commands.ai.running import late_refusal, outcome_error
from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.database import Database
from pyredisai.resp.replies import OK, Blocked, Error, Reply

T = TypeVar("T", bound="Model | Script")
Describe = Callable[[Services, BaseException], str]


def store_when_ready(
    ctx: Context,
    args: Args,
    make: Callable[[], T],
    put: Callable[[Database, T], None],
    describe: Describe = outcome_error,
) -> Reply:
    """Call `make` on a helper thread, then `put` its value into the selected database; others are served meanwhile.

    Where nothing may block, the loop does it. What fails leaves the key as it was and gives the error that `describe`
    makes of it, or `put` raises; the command is journalled (`args`) when the value is stored.
    """
    services, database = ctx.server, ctx.client.db
    if not ctx.client.may_block:
        try:
            value = make()
        except Exception as error:
            raise ReplyError(describe(services, error)) from error
        put(ctx.db, value)
        return OK
    blocked = Blocked()

    def done(result: T | BaseException) -> None:
        if isinstance(result, BaseException):
            blocked.resolve(Error(describe(services, result)))
            return
        if (refused := late_refusal(services, ctx.client, args[1:2])) is not None:
            blocked.resolve(Error(refused))
            return
        try:
            put(services.databases[database], result)
        except ReplyError as error:
            blocked.resolve(Error(error.text))
            return
        blocked.resolve(_journalled(services, database, args))

    services.scheduler.run_in_background(make, done)
    return blocked


def _journalled(services: Services, database: int, args: Args) -> Reply:
    if services.journal.subscribers:
        services.journal.append(database, [args])
        if services.append_log.unwritten:
            return Error(services.append_log.refusal)
    return OK


def put_ready(services: Services, database: Database, key: bytes, value: Model | Script) -> None:
    """Store a model or script that is ready, and make its device's queue. Raises ReplyError as `check_overwritable`."""
    check_overwritable(database, key, type(value))
    services.scheduler.ensure_queue(value.device)
    database.set(key, value)


def check_overwritable(database: Database, key: bytes, kind: type) -> None:
    """A model may replace a model or nothing, a script likewise. Raises ReplyError."""
    old = database.get(key)
    if old is not None and type(old) is not kind:
        raise ReplyError(texts.WRONGTYPE)
