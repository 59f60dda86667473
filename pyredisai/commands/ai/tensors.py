"""AI.TENSORSET and AI.TENSORGET; parsing and replies are shared with the DAG commands."""

from __future__ import annotations

import os
from typing import Final

from pyredisai.ai.dtype import DTYPES, WIDE_UINTS, DType
from pyredisai.ai.tensor import Tensor, shared_shape
from pyredisai.ai.values import BadValue, NullInString, parse_values
from pyredisai.commands.ai.cursor import SMALL_NUMBERS, as_keyword
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.config.registry import Registry
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.keyspace.database import Database
from pyredisai.persistence.aof.commands import tensor_command
from pyredisai.resp.replies import OK, Reply

family = Family("module", module="ai")

META: Final = 1
BLOB: Final = 2
VALUES: Final = 4

# A client's wide integers are taken only where `ai.accept-wide-uint` says so.
_WIDE: Final = {name.encode(): DTYPES[name] for name in WIDE_UINTS}
_DTYPES: Final = {name.encode(): dtype for name, dtype in DTYPES.items() if name not in WIDE_UINTS}
_FORMATS: Final = {b"META": META, b"BLOB": BLOB, b"VALUES": VALUES}
_MAX_DIGITS: Final = 18
_INT64_MAX: Final = 2**63 - 1
_MEMORY: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@family.command("ai.tensorset", arity=-1, flags="write denyoom", keys=(1, 1, 1), big=True)
def tensorset(ctx: Context, args: Args) -> Reply:
    """AI.TENSORSET key dtype [dim …] [BLOB data | VALUES value …]; without data, zeros."""
    if len(args) < 4:
        raise ReplyError(texts.wrong_arity("ai.tensorset"))
    key = args[1]
    if type(key) is not bytes:
        key = bytes(key)
    database = ctx.db
    old = database.get(key)
    if old is not None and type(old) is not Tensor:
        raise ReplyError(texts.WRONGTYPE)
    tensor = parse_tensor(args, ctx.server.config, obeyed=ctx.client.obeyed)
    database.set(key, tensor)
    if ctx.journaled:
        _propagate(ctx, key, tensor, args)
    return OK


def _propagate(ctx: Context, key: bytes, tensor: Tensor, args: Args) -> None:
    """VALUES go on as the BLOB that they are: shorter, and a RedisAI that refuses some of them takes it."""
    form = 3 + len(tensor.shape)
    if tensor.dtype.name in WIDE_UINTS or (len(args) > form and as_keyword(args[form]) == b"VALUES"):
        ctx.propagate(tensor_command(key, tensor))


@family.command("ai.tensorget", arity=-1, flags="readonly", keys=(1, 1, 1))
def tensorget(ctx: Context, args: Args) -> Reply:
    """AI.TENSORGET key [META] [BLOB | VALUES]."""
    if not 2 <= len(args) <= 4:
        raise ReplyError(texts.wrong_arity("ai.tensorget"))
    tensor = find_tensor(ctx.db, args[1])
    return tensor_reply(tensor, parse_format(args))


def find_tensor(database: Database, key: bytes) -> Tensor:
    """The tensor under a key. Raises ReplyError when there is none."""
    tensor = database.get(key)
    if type(tensor) is Tensor:
        return tensor
    raise ReplyError(ai_texts.TENSOR_KEY_EMPTY if tensor is None else texts.WRONGTYPE)


def parse_tensor(args: Args, config: Registry, *, obeyed: bool = False) -> Tensor:
    """The tensor that the arguments of AI.TENSORSET describe, from args[2] on. Raises ReplyError.

    RedisAI writes outputs without elements so too, into its log and to its replicas: `obeyed` takes dimensions of 0.
    """
    end = len(args)
    if end < 4:
        raise ReplyError(ai_texts.TENSORSET_ARITY)
    dtype = _DTYPES.get(args[2]) or _rare_dtype(as_keyword(args[2]), config)
    shape: list[int] = []
    size = 1
    for i in range(3, end):
        word = args[i]
        known = SMALL_NUMBERS.get(word)
        if known is not None:
            shape.append(known)
            size *= known
            continue
        if word == b"BLOB" or word == b"VALUES":
            keyword = word
        elif type(word) is bytes and word.isdigit() and len(word) <= _MAX_DIGITS and word[0] != 48:
            dim = int(word)
            shape.append(dim)
            size *= dim
            continue
        else:
            keyword = as_keyword(word)
        if keyword == b"BLOB":
            if end - i != 2:
                raise ReplyError(ai_texts.ONE_BLOB)
            return _from_blob(dtype, shared_shape(shape), size, args[i + 1])
        if keyword == b"VALUES":
            if end - 1 - i != size:
                raise ReplyError(ai_texts.VALUES_COUNT)
            return _from_values(dtype, shared_shape(shape), args[i + 1 :])
        dim = 0 if obeyed and word == b"0" else _long_dim(word)
        shape.append(dim)
        size *= dim
    return _zeros(dtype, shared_shape(shape), size)


def _rare_dtype(name: bytes, config: Registry) -> DType:
    """A name that was not written in capitals, or a wide integer's. Raises ReplyError for an unknown one."""
    dtype = _WIDE.get(name) if config["ai.accept-wide-uint"] else None
    dtype = dtype or _DTYPES.get(name)
    if dtype is None:
        raise ReplyError(ai_texts.INVALID_DTYPE)
    return dtype


def _long_dim(word: bytes | memoryview) -> int:
    """A dimension of 19 digits, the rare case. Raises ReplyError for all that is none."""
    if len(word) == _MAX_DIGITS + 1 and word[0] != 48 and bytes(word).isdigit() and int(word) <= _INT64_MAX:
        return int(word)
    raise ReplyError(ai_texts.INVALID_SHAPE)


def _from_blob(dtype: DType, shape: tuple[int, ...], size: int, blob: bytes | memoryview) -> Tensor:
    if dtype.itemsize:
        if len(blob) != size * dtype.itemsize:
            raise ReplyError(ai_texts.BLOB_LENGTH)
        # RedisAI does not look at the last byte.
        if dtype.kind == "bool" and bytes(blob[:-1]).translate(None, b"\0\1"):
            raise ReplyError(ai_texts.BOOL_BYTES)
    else:
        blob = bytes(blob)
        if blob.count(b"\0") != size or (blob and blob[-1] != 0):
            raise ReplyError(ai_texts.STRING_COUNT)
    return Tensor(dtype, shape, blob)


def _from_values(dtype: DType, shape: tuple[int, ...], values: list[bytes]) -> Tensor:
    try:
        return Tensor(dtype, shape, parse_values(dtype, values))
    except BadValue:
        raise ReplyError(ai_texts.INVALID_VALUE) from None
    except NullInString:
        raise ReplyError(ai_texts.NULL_IN_STRING) from None


def _zeros(dtype: DType, shape: tuple[int, ...], size: int) -> Tensor:
    length = size * (dtype.itemsize or 1)
    if length > _MEMORY:
        raise ReplyError(ai_texts.TENSOR_TOO_LARGE)
    try:
        return Tensor(dtype, shape, blob=bytes(length))
    except MemoryError:
        raise ReplyError(ai_texts.TENSOR_TOO_LARGE) from None


def parse_format(args: Args) -> int:
    """The wanted parts (META, BLOB, VALUES) that AI.TENSORGET names from args[2] on. Raises ReplyError."""
    if not 2 <= len(args) <= 4:
        raise ReplyError(ai_texts.TENSORGET_ARITY)
    wanted = 0
    for word in args[2:]:
        part = _FORMATS.get(word) or _FORMATS.get(as_keyword(word))
        if part is None:
            raise ReplyError(ai_texts.UNSUPPORTED_FORMAT)
        wanted |= part
    if wanted == BLOB | VALUES:
        raise ReplyError(ai_texts.BLOB_AND_VALUES)
    return wanted or META | BLOB


def tensor_reply(tensor: Tensor, wanted: int) -> Reply:
    """The reply of AI.TENSORGET for the wanted parts."""
    if not wanted & META:
        return tensor.blob if wanted & BLOB else tensor.values()
    reply: list[Reply] = [b"dtype", tensor.dtype.name_bytes, b"shape", tensor.shape]
    if wanted & BLOB:
        reply += b"blob", tensor.blob
    elif wanted & VALUES:
        reply += b"values", tensor.values()
    return reply
