"""The append-only log at the start: its base, then its commands, each run as it once was."""

from __future__ import annotations

import asyncio
import os
import time

from pyredisai.ai.model import Model
from pyredisai.backends.opening import unopened
from pyredisai.commands.ai.deprecated import parse_modelset
from pyredisai.commands.ai.model_args import StoreRequest, parse_model_store
from pyredisai.commands.client import NO_LINK, Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.loading import Loading, loading_state, read_rdb
from pyredisai.commands.unexpected import PropagationPanicError, report
from pyredisai.errors import PersistenceError, ReplyError, replication_texts, texts
from pyredisai.persistence.aof.manifest import Entry, Manifest
from pyredisai.persistence.aof.reading import Truncated, batches
from pyredisai.persistence.loading import SLICE_S, map_file
from pyredisai.persistence.rdb.opcodes import MAGIC
from pyredisai.persistence.snapshot import delay_s
from pyredisai.resp.replies import Blocked, Error, Reply

STORES = {b"AI.MODELSTORE": parse_model_store, b"AI.MODELSET": parse_modelset}


class UnknownInLogError(Exception):
    """The log holds a command, its name is the message, that this server does not have."""


async def load_log(services: Services, manifest: Manifest) -> None:
    """Load every file of the log in order. Raises OSError, PersistenceError.

    The last file may end too early (aof-load-truncated): it is cut off where it is whole.
    """
    state = loading_state(services)
    files = manifest.files
    for entry in files:
        path = services.append_log.path(entry.name)
        services.log("notice", f"Loading the append-only file {entry.name}")
        try:
            await _load_file(services, state, path)
        except UnknownInLogError as error:
            raise PersistenceError(replication_texts.unknown_in_log(str(error), entry.name)) from None
        except Truncated as error:
            _cut(services, entry, path, error, last=entry is files[-1])
    services.log("notice", f"Append-only log loaded, keys: {sum(len(db.data) for db in services.databases)}")


async def _load_file(services: Services, state: Loading, path: str) -> None:
    data = memoryview(map_file(path))
    position = 0
    if bytes(data[:5]) == MAGIC:
        for progress in read_rdb(services, data, checksum=path.endswith(".rdb")):
            position = progress.loaded
            await asyncio.sleep(0)
    ctx = Context(Client(0, NO_LINK, obeyed=True), services)
    until = time.perf_counter() + SLICE_S
    for logged in batches(data, position):
        for args in logged.commands:
            reply = _apply(ctx, args)
            if reply is not None:
                await _judge(ctx, args, reply)
            if delay_us := services.config["key-load-delay"]:
                time.sleep(delay_s(delay_us))
            if time.perf_counter() >= until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE_S
        state.progress.loaded = logged.end


def _apply(ctx: Context, args: list[bytes]) -> Reply:
    """Run a command of the log: its reply where somebody has to look at it, otherwise None.

    Nobody asks how long a plain write took, watches it or journals it: its handler is called without dispatch.
    """
    services = ctx.server
    command = services.table.by_bytes.get(args[0])
    if command is not None and command.plain and command.is_write and not command.module:
        arity = command.arity
        if command.handler is not None and (len(args) == arity or (arity < 0 and len(args) >= -arity)):
            try:
                reply = command.handler(ctx, args)
            except ReplyError as error:
                return Error(error.text)
            except Exception as error:  # a handler's own mistake must not end the start
                return Error(texts.internal_error(error))
            return reply if type(reply) is Blocked else None
    _check_known(services, args)
    reply = services.call(ctx, args)
    return reply if type(reply) in (Blocked, Error) else None


async def _judge(ctx: Context, args: list[bytes], reply: Reply) -> None:
    """Wait for a reply that is not there yet; log an error."""
    if isinstance(reply, Blocked):
        reply = await _answer(reply)
    if isinstance(reply, Error):
        word, services = args[0].upper(), ctx.server
        if word in STORES and keep_unopened(ctx, word, args):
            services.log("warning", f"A model of the log does not open, its bytes are kept: {reply.text}")
        else:
            try:
                report(ctx, args[0], reply.text, from_log=True)
            except PropagationPanicError as panic:
                raise PersistenceError(str(panic)) from None


def _check_known(services: Services, args: list[bytes]) -> None:
    """Raises UnknownInLogError: what such a command did would be missing."""
    command = services.table.find(args[0])
    known = command is not None
    if command is not None and command.subcommands and len(args) > 1:
        known = args[1].lower().decode("latin-1") in command.subcommands
    if not known:
        name = args[0] if command is None else b"|".join(args[:2])
        raise UnknownInLogError(name.decode("utf-8", "backslashreplace"))


async def _answer(blocked: Blocked) -> Reply:
    future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    blocked.then(future.set_result)
    return await future


def keep_unopened(ctx: Context, word: bytes, args: list[bytes]) -> bool:
    """Store a model that did not open, so that it is there again once its backend is."""
    try:
        request: StoreRequest = STORES[word](args, ctx.server.loader.names())
    except ReplyError:
        return False
    model = Model(request.backend, request.device, request.blob, request.options, None)
    ctx.server.scheduler.ensure_queue(model.device)
    ctx.db.set(request.key, unopened(ctx.server.loader, model))
    return True


def _cut(services: Services, entry: Entry, path: str, error: Truncated, *, last: bool) -> None:
    if not last or not services.config["aof-load-truncated"]:
        raise PersistenceError(f"{entry.name}: {error}")
    services.log("warning", f"!!! Warning: short read while loading the AOF file {entry.name}!!!")
    services.log("warning", f"Truncating the AOF {entry.name} at offset {error.whole}")
    os.truncate(path, error.whole)
