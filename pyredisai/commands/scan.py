"""SCAN, HSCAN, SSCAN and ZSCAN."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.encoding import encoding
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import read_hash, read_set, read_sorted_set
from pyredisai.errors import ReplyError, texts
from pyredisai.glob import Matcher, compile_glob
from pyredisai.keyspace.sorted_set import packed_score
from pyredisai.keyspace.types import type_name
from pyredisai.resp.encoder import format_double
from pyredisai.resp.replies import Reply

family = Family("generic")

_CURSOR = re.compile(rb"([+-]?)(\d+)")
_EMPTY: tuple[bytes, list[bytes]] = (b"0", [])


@dataclass(slots=True)
class ScanOptions:
    """COUNT, MATCH (None: everything) and TYPE (None: every type)."""

    count: int = 10
    matches: Matcher | None = None
    type: str | None = None


def parse_cursor(text: bytes) -> int:
    """An unsigned 64-bit number as C's strtoul reads it: signs and nothing at all are allowed."""
    if not text:
        return 0
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[2]) >= 2**64:
        raise ReplyError(texts.INVALID_CURSOR)
    return -int(found[2]) % 2**64 if found[1] == b"-" else int(found[2])


def parse_scan(words: Args, *, with_type: bool = False) -> ScanOptions:
    """Read the options. Raises the syntax error."""
    options = ScanOptions()
    rest = iter(words)
    for word in rest:
        name, value = word.upper(), next(rest, None)
        if value is None:
            raise ReplyError(texts.SYNTAX)
        if name == b"COUNT":
            options.count = parse_int(value)
            if options.count < 1:
                raise ReplyError(texts.SYNTAX)
        elif name == b"MATCH":
            options.matches = None if value == b"*" else compile_glob(value)
        elif name == b"TYPE" and with_type:
            options.type = value.decode("latin-1").lower()
        else:
            raise ReplyError(texts.SYNTAX)
    return options


@family.command(
    "scan",
    arity=-2,
    flags="readonly",
    categories="keyspace",
    since="2.8.0",
    tips=("nondeterministic_output", "request_policy:special"),
    summary="Some keys, and the cursor for the next ones.",
    complexity="O(1) for a call, O(N log N) for a whole iteration over N keys",
    syntax="cursor [MATCH pattern] [COUNT count] [TYPE type]",
)
def scan(ctx: Context, args: Args) -> Reply:
    """SCAN cursor …: the next cursor and the keys."""
    cursor = parse_cursor(args[1])
    options = parse_scan(args[2:], with_type=True)
    db = ctx.db
    following, found = ctx.server.scanner.scan(db.data, cursor, options.count)
    if options.matches is not None:
        found = list(filter(options.matches, found))
    wanted = options.type
    there = []
    for key in found:
        value = db.peek(key)
        if value is not None and (wanted is None or type_name(value).lower() == wanted):
            there.append(key)
    return [b"%d" % following, there]


@family.command(
    "hscan",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="hash",
    group="hash",
    since="2.8.0",
    tips=("nondeterministic_output",),
    summary="Some fields of a hash with their values, and the cursor for the next ones.",
    complexity="O(1) for a call, O(N log N) for a whole iteration over N fields",
    syntax="key cursor [MATCH pattern] [COUNT count]",
)
def hscan(ctx: Context, args: Args) -> Reply:
    """HSCAN key cursor …: the next cursor, and fields and values in turn; a small hash is given as a whole."""
    cursor = parse_cursor(args[2])
    value = read_hash(ctx, args[1])
    if value is None:
        return _EMPTY
    options = parse_scan(args[3:])
    if encoding(ctx, value) == "hashtable":
        following, fields = ctx.server.scanner.scan(value, cursor, options.count)
        fields = [field for field in fields if field in value]
    else:
        following, fields = 0, list(value)
    if options.matches is not None:
        fields = list(filter(options.matches, fields))
    return [b"%d" % following, [item for field in fields for item in (field, value[field])]]


@family.command(
    "sscan",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="set",
    group="set",
    since="2.8.0",
    tips=("nondeterministic_output",),
    summary="Some members of a set, and the cursor for the next ones.",
    complexity="O(1) for a call, O(N log N) for a whole iteration over N members",
    syntax="key cursor [MATCH pattern] [COUNT count]",
)
def sscan(ctx: Context, args: Args) -> Reply:
    """SSCAN key cursor …: the next cursor and members; a small set of integers is given as a whole."""
    cursor = parse_cursor(args[2])
    value = read_set(ctx, args[1])
    if value is None:
        return _EMPTY
    options = parse_scan(args[3:])
    if encoding(ctx, value) == "hashtable":
        following, members = ctx.server.scanner.scan(value, cursor, options.count)
        members = [member for member in members if member in value]
    else:
        following, members = 0, list(value)
    if options.matches is not None:
        members = list(filter(options.matches, members))
    return [b"%d" % following, members]


@family.command(
    "zscan",
    arity=-3,
    flags="readonly",
    keys=(1, 1, 1),
    key_flags="RO access",
    categories="sortedset",
    group="sorted-set",
    since="2.8.0",
    tips=("nondeterministic_output",),
    summary="Some members of a sorted set with their scores, and the cursor for the next ones.",
    complexity="O(1) for a call, O(N log N) for a whole iteration over N members",
    syntax="key cursor [MATCH pattern] [COUNT count]",
)
def zscan(ctx: Context, args: Args) -> Reply:
    """ZSCAN key cursor …: the next cursor, and members and scores in turn; a small set is given as a whole."""
    cursor = parse_cursor(args[2])
    value = read_sorted_set(ctx, args[1])
    if value is None:
        return _EMPTY
    options = parse_scan(args[3:])
    scores = value.scores
    shown = format_double
    if encoding(ctx, value) == "skiplist":
        following, members = ctx.server.scanner.scan(scores, cursor, options.count)
        members = [member for member in members if member in scores]
    else:
        shown = _packed_text
        following, members = 0, [member for _, member in value]
    if options.matches is not None:
        members = list(filter(options.matches, members))
    return [b"%d" % following, [item for member in members for item in (member, shown(scores[member]))]]


def _packed_text(value: float) -> bytes:
    """A score of a small set, whose integers are shown in full."""
    packed = packed_score(value)
    return b"%d" % packed if isinstance(packed, int) else format_double(packed)
