"""AI.MODELSTORE, AI.MODELGET, AI.MODELDEL, AI.MODELEXECUTE and AI._MODELSCAN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from pyredisai.ai.model import Model
from pyredisai.backends.opening import open_model
from pyredisai.commands.ai.cursor import is_keyword
from pyredisai.commands.ai.model_args import (
    StoreRequest,
    find_model,
    model_execute_keys,
    parse_model_execute,
    parse_model_store,
)
from pyredisai.commands.ai.running import refuse_unless_blocking, run_model, tensors_of
from pyredisai.commands.ai.storing import check_overwritable, put_ready, store_when_ready
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply

T = TypeVar("T")
family = Family("module", module="ai")


@family.command("ai.modelstore", arity=-1, flags="write denyoom", keys=(1, 1, 1), big=True)
def modelstore(ctx: Context, args: Args) -> Reply:
    """AI.MODELSTORE key backend device [TAG tag] [batch options] [INPUTS n … OUTPUTS n …] [WARMUP n] BLOB piece …"""
    if len(args) < 6:
        raise ReplyError(texts.wrong_arity("ai.modelstore"))
    return store_model(ctx, parse_model_store(args, ctx.server.loader.names()), args)


def store_model(ctx: Context, request: StoreRequest, args: Args) -> Reply:
    """Open the model and store it. A model that does not open leaves the key as it was."""
    services = ctx.server
    check_overwritable(ctx.db, request.key, Model)

    def opened() -> Model:
        blob, options = request.blob, request.options
        return open_model(services.loader, request.backend, request.device, blob, options, request.warm_up)

    return store_when_ready(ctx, args, opened, lambda db, model: put_ready(services, db, request.key, model))


@family.command("ai.modelget", arity=-1, flags="readonly", keys=(1, 1, 1))
def modelget(ctx: Context, args: Args) -> Reply:
    """AI.MODELGET key [META] [BLOB]; neither means both, other words mean nothing."""
    if not 2 <= len(args) <= 4:
        raise ReplyError(texts.wrong_arity("ai.modelget"))
    model = find_model(ctx.db, args[1])
    meta = any(is_keyword(word, b"META") for word in args[2:])
    blob = any(is_keyword(word, b"BLOB") for word in args[2:])
    chunk_size = ctx.server.config["ai.model-chunk-size"]
    if blob and not meta:
        return chunked(model.blob, chunk_size)
    reply = model_meta(model)
    if blob or not meta:
        reply += b"blob", chunked(model.blob, chunk_size)
    return reply


def model_meta(model: Model) -> list[Reply]:
    """The fields of AI.MODELGET META."""
    options = model.options
    return [
        *(b"backend", model.backend),
        *(b"device", model.device),
        *(b"tag", options.tag),
        *(b"batchsize", options.batch_size),
        *(b"minbatchsize", options.min_batch_size),
        *(b"inputs", options.inputs),
        *(b"outputs", options.outputs),
        *(b"minbatchtimeout", options.min_batch_timeout),
    ]


def chunked(blob: bytes | memoryview, size: int) -> Reply:
    """A blob as MODELGET gives it: one bulk below the chunk size, else all its chunks and a last, shorter one.

    The last is empty where the length is a multiple of the size; RedisAI does so.
    """
    if len(blob) < size:
        return blob
    view = memoryview(blob)
    return [view[start : start + size] for start in range(0, len(blob) + 1, size)]


@family.command("ai.modeldel", arity=-1, flags="write", keys=(1, 1, 1))
def modeldel(ctx: Context, args: Args) -> Reply:
    """AI.MODELDEL key; runs that are queued go on."""
    if len(args) != 2:
        raise ReplyError(texts.wrong_arity("ai.modeldel"))
    find_model(ctx.db, args[1])
    ctx.db.delete(args[1])
    return OK


@family.command("ai._modelscan", arity=-1, flags="readonly")
def modelscan(ctx: Context, args: Args) -> Reply:
    """AI._MODELSCAN: key and tag of every model, whatever database it is in."""
    if len(args) != 1:
        raise ReplyError(texts.wrong_arity("ai._modelscan"))
    return [[key, model.options.tag] for key, model in scan(ctx, Model)]


def scan(ctx: Context, kind: type[T]) -> Iterator[tuple[bytes, T]]:
    """Every value of a class with its key; a key that several databases have counts once, as in RedisAI."""
    seen: set[bytes] = set()
    for database in ctx.server.databases:
        for key in [key for key, value in database.data.items() if type(value) is kind]:
            value = database.peek(key)
            if value is not None and key not in seen:
                seen.add(key)
                yield key, value


@family.command(
    "ai.modelexecute",
    arity=-1,
    flags="write denyoom",
    keys=(4, 4, 1),
    get_keys=model_execute_keys,
)
def modelexecute(ctx: Context, args: Args) -> Reply:
    """AI.MODELEXECUTE key INPUTS n key … OUTPUTS n key … [TIMEOUT ms]."""
    refuse_unless_blocking(ctx.client)
    database = ctx.db
    request = parse_model_execute(database, args)
    inputs = tensors_of(database, request.inputs)
    return run_model(ctx, request.model, inputs, request.outputs, request.timeout_ms)
