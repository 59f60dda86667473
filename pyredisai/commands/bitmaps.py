"""Commands on the bits of strings, the first being the most significant one of the first byte; see also `bitfield`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import edit_string, read_string
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.types import raw_string
from pyredisai.resp.replies import Reply

family = Family("bitmap")

JOIN: dict[bytes, Callable[[int, int], int]] = {b"AND": operator.and_, b"OR": operator.or_, b"XOR": operator.xor}


def parse_offset(ctx: Context, text: bytes, width: int = 0) -> int:
    """A bit's offset; with a width `#n` is the n-th field of that width. Raises ReplyError."""
    if width and text[:1] == b"#":
        offset = parse_int(text[1:], texts.BIT_OFFSET) * width
    else:
        offset = parse_int(text, texts.BIT_OFFSET)
    if offset < 0 or offset >> 3 >= ctx.server.config["proto-max-bulk-len"]:
        raise ReplyError(texts.BIT_OFFSET)
    return offset


@family.command(
    "setbit",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="RW access update",
    categories="bitmap",
    since="2.2.0",
    summary="Set a bit; the string grows as needed.",
    complexity="O(N) in the length of the string that results",
    syntax="key offset value",
)
def setbit(ctx: Context, args: Args) -> Reply:
    """SETBIT key offset 0|1: the bit before."""
    key, offset = args[1], parse_offset(ctx, args[2])
    if args[3] not in (b"0", b"1"):
        raise ReplyError(texts.BIT_VALUE)
    value = edit_string(ctx, key) or b""
    data = bytearray(max(len(value), (offset >> 3) + 1))
    data[: len(value)] = value
    mask = 0x80 >> (offset & 7)
    old = data[offset >> 3] & mask
    if args[3] == b"1":
        data[offset >> 3] |= mask
    else:
        data[offset >> 3] &= ~mask
    ctx.db.set(key, raw_string(bytes(data)), keep_ttl=True)
    ctx.notify("$", "setbit", key)
    return int(old != 0)


@family.command(
    "getbit",
    arity=3,
    flags="readonly fast",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="bitmap",
    since="2.2.0",
    summary="A bit of a string; 0 beyond its end.",
    complexity="O(1)",
    syntax="key offset",
)
def getbit(ctx: Context, args: Args) -> Reply:
    """GETBIT key offset: the bit."""
    offset = parse_offset(ctx, args[2])
    value = read_string(ctx, args[1]) or b""
    at = offset >> 3
    return value[at] >> (7 - (offset & 7)) & 1 if at < len(value) else 0


def _bit_range(start: int, end: int, length: int, *, bits: bool) -> tuple[int, int]:
    """The first bit and the one after the last of a range in bytes or bits; an empty range is (0, 0)."""
    total = length * 8 if bits else length
    start = max(start + total, 0) if start < 0 else start
    end = max(end + total, 0) if end < 0 else min(end, total - 1)
    if start > end or not total:
        return 0, 0
    return (start, end + 1) if bits else (start * 8, (end + 1) * 8)


def _unit(word: bytes) -> bool:
    """Whether a range counts bits. Raises the syntax error."""
    unit = word.upper()
    if unit not in (b"BYTE", b"BIT"):
        raise ReplyError(texts.SYNTAX)
    return unit == b"BIT"


def _bits(value: bytes | memoryview, start: int, stop: int) -> int:
    """The bits from `start` up to `stop` as one number."""
    last = (stop + 7) >> 3
    number = int.from_bytes(value[start >> 3 : last], "big") >> (last * 8 - stop)
    return number & ((1 << (stop - start)) - 1)


@family.command(
    "bitcount",
    arity=-2,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="bitmap",
    since="2.6.0",
    summary="How many bits of a string are set.",
    complexity="O(N) in the string's length",
    syntax="key [start end [BYTE | BIT]]",
)
def bitcount(ctx: Context, args: Args) -> Reply:
    """BITCOUNT key [start end [BYTE|BIT]]: the number of ones."""
    value = read_string(ctx, args[1])
    if value is None:
        return 0
    if len(args) == 2:
        return int.from_bytes(value, "big").bit_count()
    if len(args) not in (4, 5):
        raise ReplyError(texts.SYNTAX)
    start, end = parse_int(args[2]), parse_int(args[3])
    bits = len(args) == 5 and _unit(args[4])
    if start < 0 and end < 0 and start > end:
        return 0
    first, stop = _bit_range(start, end, len(value), bits=bits)
    return _bits(value, first, stop).bit_count()


@family.command(
    "bitpos",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="bitmap",
    since="2.8.7",
    summary="Where the first bit of a kind stands.",
    complexity="O(N) in the string's length",
    syntax="key bit [start [end [BYTE | BIT]]]",
)
def bitpos(ctx: Context, args: Args) -> Reply:
    """BITPOS key bit [start [end [BYTE|BIT]]]: the bit's offset, or -1."""
    bit = parse_int(args[2])
    if bit not in (0, 1):
        raise ReplyError(texts.BIT_ARGUMENT)
    value = read_string(ctx, args[1])
    if value is None:
        return -1 if bit else 0
    if len(args) > 6:
        raise ReplyError(texts.SYNTAX)
    start = parse_int(args[3]) if len(args) > 3 else 0
    bits = len(args) == 6 and _unit(args[5])
    end = parse_int(args[4]) if len(args) > 4 else -1
    first, stop = _bit_range(start, end, len(value), bits=bits)
    if first == stop:
        return -1
    found = _first(value, bit, first, stop)
    # zeros go on behind a string whose end was not given
    return len(value) * 8 if found < 0 and not bit and len(args) < 5 else found


def _first(value: bytes | memoryview, bit: int, start: int, stop: int) -> int:
    """The first `bit` from `start` up to `stop`, -1 without one."""
    width = stop - start
    number = _bits(value, start, stop)
    if not bit:
        number ^= (1 << width) - 1
    return start + width - number.bit_length() if number else -1


@family.command(
    "bitop",
    arity=-4,
    flags="write denyoom",
    categories="bitmap",
    key_specs=(KeySpec.span("OW update", 2, 2, 1), KeySpec.span("RO access", 3, -1, 1)),
    since="2.6.0",
    summary="Combine strings bit by bit and store the result.",
    complexity="O(N) in the length of the longest string",
    syntax="<AND | OR | XOR | NOT> destkey key [key ...]",
)
def bitop(ctx: Context, args: Args) -> Reply:
    """BITOP operation destkey key…: the length of the result; shorter strings count as filled with zeros."""
    name, target = args[1].upper(), args[2]
    if name not in (*JOIN, b"NOT"):
        raise ReplyError(texts.SYNTAX)
    if name == b"NOT" and len(args) != 4:
        raise ReplyError(texts.BITOP_NOT)
    values = [read_string(ctx, key) or b"" for key in args[3:]]
    length = max(map(len, values))
    if not length:
        if ctx.db.delete(target):
            ctx.notify("g", "del", target)
        return 0
    numbers = [int.from_bytes(value, "little") for value in values]
    result = numbers[0] ^ ((1 << length * 8) - 1) if name == b"NOT" else reduce(JOIN[name], numbers)
    ctx.db.set(target, result.to_bytes(length, "little"))
    ctx.notify("$", "set", target)
    return length
