"""HyperLogLog commands: how many different elements, in 12 kilobytes at most."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace import hll_dense
from pyredisai.keyspace.hll_sparse import REGISTERS
from pyredisai.keyspace.hyperloglog import HyperLogLog, MalformedRuns, NotHyperLogLog, estimate_registers
from pyredisai.keyspace.types import raw_string
from pyredisai.resp.replies import OK, Reply, Status

if TYPE_CHECKING:
    pass

family = Family("hyperloglog")


def _declare(
    name: str, arity: int, flags: str, syntax: str, summary: str, **rest: object
) -> Callable[[Handler], Handler]:
    return family.command(
        name,
        arity=arity,
        flags=flags,
        categories="hyperloglog",
        since="2.8.9",
        syntax=syntax,
        summary=summary,
        **rest,
    )


def _opened(value: object) -> HyperLogLog | None:
    """The HyperLogLog of a value; None for none. Raises ReplyError."""
    if value is None:
        return None
    if not isinstance(value, bytes | memoryview):
        raise ReplyError(texts.WRONGTYPE)
    try:
        return HyperLogLog(value)
    except NotHyperLogLog:
        raise ReplyError(texts.NOT_HYPERLOGLOG) from None


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except MalformedRuns:
        raise ReplyError(texts.CORRUPT_HYPERLOGLOG) from None


def _store(ctx: Context, key: bytes, found: HyperLogLog) -> None:
    ctx.db.set(key, raw_string(bytes(found.data)), keep_ttl=True)


@_declare(
    "pfadd",
    -2,
    "write denyoom fast",
    "key [element [element ...]]",
    "Add elements to a HyperLogLog.",
    complexity="O(1) for each element",
    keys=(1, 1, 1),
    key_flags="RW insert",
)
def pfadd(ctx: Context, args: Args) -> Reply:
    """PFADD key [element…]: 1 when it is new or its estimate may have changed, else 0."""
    key = args[1]
    found = _opened(ctx.db.get(key))
    changed = found is None
    if found is None:
        found = HyperLogLog()
    max_bytes = ctx.server.config["hll-sparse-max-bytes"]
    with _well_formed():
        for element in args[2:]:
            changed = found.add(element, max_bytes) or changed
    if not changed:
        return 0
    found.forget()
    _store(ctx, key, found)
    ctx.notify("$", "pfadd", key)
    return 1


def _union(ctx: Context, keys: Iterable[bytes]) -> tuple[hll_dense.Registers, bool]:
    """The registers of several keys together, and whether one of them has the full form."""

    import numpy as np

    registers = np.zeros(REGISTERS, np.uint8)
    dense = False
    for key in keys:
        found = _opened(ctx.db.lookup(key))
        if found is not None:
            dense = dense or not found.is_sparse
            with _well_formed():
                np.maximum(registers, found.registers(), out=registers)
    return registers, dense


@_declare(
    "pfcount",
    -2,
    "readonly may_replicate",
    "key [key ...]",
    "How many different elements were added, about.",
    complexity="O(1) with one key, whose estimate is kept; O(N) in the keys",
    key_specs=(
        KeySpec.span(
            "RW access",
            1,
            -1,
            1,
            notes="RW because the estimate that is kept with the value may change, which is replicated",
        ),
    ),
)
def pfcount(ctx: Context, args: Args) -> Reply:
    """PFCOUNT key…: the estimate for one, or for all of them together. One key keeps its estimate."""
    if len(args) > 2:
        return estimate_registers(_union(ctx, args[1:])[0])
    key = args[1]
    found = _opened(ctx.db.lookup(key))
    if found is None:
        return 0
    count = found.cached
    if count is None:
        with _well_formed():
            count = found.estimate()
        found.keep(count)
        _store(ctx, key, found)
        ctx.propagate(args)
    return count


@_declare(
    "pfmerge",
    -2,
    "write denyoom",
    "destkey [sourcekey [sourcekey ...]]",
    "Make one HyperLogLog of several.",
    complexity="O(N) in the keys",
    key_specs=(KeySpec.span("RW access insert", 1, 1, 1), KeySpec.span("RO access", 2, -1, 1)),
)
def pfmerge(ctx: Context, args: Args) -> Reply:
    """PFMERGE destination [source…]: the destination counts too."""
    key = args[1]
    registers, dense = _union(ctx, args[1:])
    found = _opened(ctx.db.get(key)) or HyperLogLog()
    with _well_formed():
        if dense:
            found.to_dense()
        found.merge(registers, ctx.server.config["hll-sparse-max-bytes"])
    found.forget()
    _store(ctx, key, found)
    ctx.notify("$", "pfadd", key)
    return OK


def _getreg(ctx: Context, key: bytes, found: HyperLogLog) -> Reply:
    if found.to_dense():
        _store(ctx, key, found)
    return found.registers().tolist()


def _todense(ctx: Context, key: bytes, found: HyperLogLog) -> Reply:
    changed = found.to_dense()
    if changed:
        _store(ctx, key, found)
    return int(changed)


def _encoding(ctx: Context, key: bytes, found: HyperLogLog) -> Reply:
    return Status("sparse" if found.is_sparse else "dense")


def _decode(ctx: Context, key: bytes, found: HyperLogLog) -> Reply:
    if not found.is_sparse:
        raise ReplyError(texts.HYPERLOGLOG_NOT_SPARSE)
    return found.decode()


_DEBUG: dict[bytes, Callable[[Context, bytes, HyperLogLog], Reply]] = {
    b"getreg": _getreg,
    b"todense": _todense,
    b"encoding": _encoding,
    b"decode": _decode,
}


@_declare(
    "pfdebug",
    3,
    "write denyoom admin",
    "subcommand key",
    "Look into a HyperLogLog.",
    complexity="O(N) in its size",
    keys=(2, 2, 1),
    key_flags="RW access",
)
def pfdebug(ctx: Context, args: Args) -> Reply:
    """PFDEBUG GETREG | DECODE | ENCODING | TODENSE key; the first and the last convert it to the full form."""
    found = _opened(ctx.db.get(args[2]))
    if found is None:
        raise ReplyError(texts.NO_SUCH_HYPERLOGLOG)
    run = _DEBUG.get(args[1].lower())
    if run is None:
        raise ReplyError(texts.unknown_pfdebug(args[1]))
    with _well_formed():
        return run(ctx, args[2], found)


@_declare(
    "pfselftest", 1, "admin", "", "Test the HyperLogLog of this server.", complexity="O(1), some tens of milliseconds"
)
def pfselftest(ctx: Context, args: Args) -> Reply:
    """PFSELFTEST: OK, or what failed."""

    import numpy as np

    registers = np.random.default_rng().integers(0, 64, REGISTERS, np.uint8)
    packed = bytearray(hll_dense.pack(registers))
    if not np.array_equal(hll_dense.unpack(packed), registers):
        raise ReplyError(texts.selftest_failed("packed registers are not those that were stored"))
    sparse, dense = HyperLogLog(), HyperLogLog()
    dense.to_dense()
    number = random.getrandbits(48)
    for added in range(1, 1001):
        element = b"%d" % (number + added)
        changed = [found.add(element, 1 << 20) for found in (sparse, dense)]
        if changed[0] != changed[1]:
            raise ReplyError(texts.selftest_failed("the two forms differ"))
    count = dense.estimate()
    if sparse.estimate() != count:
        raise ReplyError(texts.selftest_failed("the two forms have different estimates"))
    # the standard error is 0.81 per cent
    if abs(count - 1000) > 1000 * 0.0081 * 6:
        raise ReplyError(texts.selftest_failed(f"the estimate for 1000 elements is {count}"))
    return OK
