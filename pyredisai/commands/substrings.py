"""Commands on parts of strings."""

from __future__ import annotations

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import edit_string, read_string
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.types import raw_string
from pyredisai.resp.replies import Reply

family = Family("string")


def check_length(ctx: Context, length: int) -> None:
    """Refuse a string longer than proto-max-bulk-len."""
    if length > ctx.server.config["proto-max-bulk-len"]:
        raise ReplyError(texts.STRING_TOO_LONG)


@family.command(
    "append",
    arity=3,
    flags="write denyoom fast",
    keys=(1, 1, 1),
    key_flags="RW insert",
    categories="string",
    big=True,
    since="2.0.0",
    summary="Add bytes to the end of a string.",
    complexity="O(N) in the length of the string that results",
    syntax="key value",
)
def append(ctx: Context, args: Args) -> Reply:
    """APPEND key value: the new length."""
    key = bytes(args[1])
    value = edit_string(ctx, key)
    if value is None:
        ctx.db.set(key, args[2])
        length = len(args[2])
    else:
        length = len(value) + len(args[2])
        check_length(ctx, length)
        ctx.db.set(key, raw_string(b"".join((value, args[2]))), keep_ttl=True)
    ctx.notify("$", "append", key)
    return length


@family.command(
    "strlen",
    arity=2,
    flags="readonly fast",
    keys=(1, 1, 1),
    key_flags="RO",
    categories="string",
    since="2.2.0",
    summary="The length of a string in bytes.",
    complexity="O(1)",
    syntax="key",
)
def strlen(ctx: Context, args: Args) -> Reply:
    """STRLEN key: the length, 0 without the key."""
    return len(read_string(ctx, args[1]) or b"")


def _getrange(ctx: Context, args: Args) -> Reply:
    start, end = parse_int(args[2]), parse_int(args[3])
    value = read_string(ctx, args[1])
    if value is None or (start < 0 and end < 0 and start > end):
        return b""
    length = len(value)
    start = max(start + length, 0) if start < 0 else start
    end = max(end + length, 0) if end < 0 else min(end, length - 1)
    return value[start : end + 1] if start <= end and length else b""


for _name, _since in (("getrange", "2.4.0"), ("substr", "1.0.0")):
    family.add(
        _name,
        _getrange,
        arity=4,
        flags="readonly",
        keys=(1, 1, 1),
        key_flags="RO access",
        categories="string",
        since=_since,
        summary="A part of a string, both ends included; negative positions count from the end.",
        complexity="O(N) in the length of the part",
        syntax="key start end",
    )


@family.command(
    "setrange",
    arity=4,
    flags="write denyoom",
    keys=(1, 1, 1),
    key_flags="RW update",
    categories="string",
    big=True,
    since="2.2.0",
    summary="Overwrite a part of a string; a gap is filled with null bytes.",
    complexity="O(N) in the length of the string that results",
    syntax="key offset value",
)
def setrange(ctx: Context, args: Args) -> Reply:
    """SETRANGE key offset value: the new length."""
    key, patch = bytes(args[1]), args[3]
    offset = parse_int(bytes(args[2]))
    if offset < 0:
        raise ReplyError(texts.OFFSET_OUT_OF_RANGE)
    value = edit_string(ctx, key) or b""
    if not len(patch):
        return len(value)
    check_length(ctx, offset + len(patch))
    gap = bytes(max(0, offset - len(value)))
    edited = b"".join((value[:offset], gap, patch, value[offset + len(patch) :]))
    ctx.db.set(key, raw_string(edited), keep_ttl=True)
    ctx.notify("$", "setrange", key)
    return len(edited)
