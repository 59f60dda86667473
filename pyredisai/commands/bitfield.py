"""BITFIELD and BITFIELD_RO: integers of any width in the bits of a string."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from pyredisai.commands.args import parse_int
from pyredisai.commands.bitmaps import parse_offset
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import edit_string, read_string
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.types import raw_string
from pyredisai.resp.replies import Reply

family = Family("bitmap")

ARGUMENTS = {b"GET": 2, b"SET": 3, b"INCRBY": 3, b"OVERFLOW": 1}


@dataclass(slots=True)
class Operation:
    """One subcommand: GET, SET or INCRBY on a field of `width` bits at `offset`."""

    name: bytes
    signed: bool
    width: int
    offset: int
    value: int
    overflow: bytes


def _parse_type(text: bytes) -> tuple[bool, int]:
    """`i8` or `u16`: whether signed, and the width. Raises ReplyError."""
    signed = text[:1] == b"i"
    try:
        width = parse_int(text[1:])
    except ReplyError:
        width = 0
    if text[:1] not in (b"i", b"u") or not 1 <= width <= (64 if signed else 63):
        raise ReplyError(texts.BITFIELD_TYPE)
    return signed, width


def parse_operations(ctx: Context, words: Args) -> list[Operation]:
    """Read the subcommands; OVERFLOW holds for those that follow it. Raises ReplyError."""
    found = []
    overflow = b"WRAP"
    at = 0
    while at < len(words):
        name = words[at].upper()
        count = ARGUMENTS.get(name)
        if count is None or at + count >= len(words):
            raise ReplyError(texts.SYNTAX)
        given = words[at + 1 : at + 1 + count]
        at += 1 + count
        if name == b"OVERFLOW":
            overflow = given[0].upper()
            if overflow not in (b"WRAP", b"SAT", b"FAIL"):
                raise ReplyError(texts.BITFIELD_OVERFLOW)
            continue
        signed, width = _parse_type(given[0])
        offset = parse_offset(ctx, given[1], width)
        value = parse_int(given[2]) if count == 3 else 0
        found.append(Operation(name, signed, width, offset, value, overflow))
    return found


def fitted(number: int, op: Operation) -> int | None:
    """The number in the field's range: as it is, wrapped, at the bound, or None where it must not overflow."""
    low, high = (-(1 << op.width - 1), (1 << op.width - 1) - 1) if op.signed else (0, (1 << op.width) - 1)
    if low <= number <= high:
        return number
    if op.overflow == b"FAIL":
        return None
    if op.overflow == b"SAT":
        return high if number > high else low
    number &= (1 << op.width) - 1
    return number - (1 << op.width) if op.signed and number > high else number


class Bits:
    """The bits of a string that can be edited; those beyond its end read as zeros."""

    def __init__(self, value: bytes | memoryview, size: int = 0) -> None:
        self.data = bytearray(max(len(value), size))
        self.data[: len(value)] = value

    def read(self, op: Operation) -> int:
        """The field of an operation."""
        first, last = op.offset >> 3, (op.offset + op.width + 7) >> 3
        chunk = self.data[first:last].ljust(last - first, b"\0")
        number = int.from_bytes(chunk, "big") >> (last * 8 - op.offset - op.width) & ((1 << op.width) - 1)
        return number - (1 << op.width) if op.signed and number >> (op.width - 1) else number

    def write(self, op: Operation, number: int) -> None:
        """Set the field of an operation."""
        first, last = op.offset >> 3, (op.offset + op.width + 7) >> 3
        shift = last * 8 - op.offset - op.width
        mask = ((1 << op.width) - 1) << shift
        chunk = int.from_bytes(self.data[first:last], "big") & ~mask | (number << shift) & mask
        self.data[first:last] = chunk.to_bytes(last - first, "big")


def _change(bits: Bits, op: Operation) -> int | None:
    """Run SET or INCRBY: the reply, None where an overflow was refused."""
    old = bits.read(op)
    if op.name == b"INCRBY":
        new = fitted(old + op.value, op)
    else:
        # a negative number for an unsigned field is a large one
        new = fitted(op.value if op.signed else op.value & 0xFFFFFFFFFFFFFFFF, op)
    if new is None:
        return None
    bits.write(op, new)
    return old if op.name == b"SET" else new


def _bitfield(ctx: Context, args: Args, *, readonly: bool) -> Reply:
    """BITFIELD key subcommand…: one number for each subcommand, null for an overflow that was refused."""
    operations = parse_operations(ctx, args[2:])
    writes = [op for op in operations if op.name != b"GET"]
    if not writes:
        bits = Bits(read_string(ctx, args[1]) or b"")
        return [bits.read(op) for op in operations]
    if readonly:
        raise ReplyError(texts.BITFIELD_RO)
    key = args[1]
    size = max(op.offset + op.width + 7 >> 3 for op in writes)
    bits = Bits(edit_string(ctx, key) or b"", size)
    replies = [bits.read(op) if op.name == b"GET" else _change(bits, op) for op in operations]
    ctx.db.set(key, raw_string(bytes(bits.data)), keep_ttl=True)
    ctx.notify("$", "setbit", key)
    return replies


for _name, _flags, _words, _since in (
    ("bitfield", "write denyoom", "RW access update variable_flags", "3.2.0"),
    ("bitfield_ro", "readonly fast", "RO access", "6.0.0"),
):
    _readonly = _name == "bitfield_ro"
    family.add(
        _name,
        partial(_bitfield, readonly=_readonly),
        arity=-2,
        flags=_flags,
        keys=(1, 1, 1),
        key_flags=_words,
        get_keys=None if _readonly else lambda args: [(args[1], _access(args))],
        categories="bitmap",
        since=_since,
        summary="Read integers of any width in a string." if _readonly else "Integers of any width in a string.",
        complexity="O(1) for each subcommand",
        syntax="key [GET encoding offset ...]"
        if _readonly
        else "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value | "
        "INCRBY encoding offset increment> ...]",
    )


def _access(args: list[bytes]) -> str:
    """What BITFIELD does with its key: it only reads when all its subcommands are GET."""
    at, words = 2, [bytes(word).upper() for word in args]
    while at < len(words):
        if words[at] != b"GET":
            return "RW access update"
        at += 3
    return "RO access"
