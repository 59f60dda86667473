"""Commands on when keys expire."""

from __future__ import annotations

from functools import partial

from pyredisai import clock
from pyredisai.commands.args import INT64_MAX, INT64_MIN, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import Reply

family = Family("generic")


def expire_or_delete(ctx: Context, key: bytes, when: int) -> None:
    """Give a key that is there an expiry; a moment in the past deletes it at once."""
    if ctx.db.is_past(when):
        ctx.db.delete(key, "expire")
        ctx.notify("g", "del", key)
        effect: tuple[bytes, ...] = (b"DEL", key)
    else:
        ctx.db.set_expiry(key, when)
        ctx.db.touch(key)
        ctx.notify("g", "expire", key)
        effect = (b"PEXPIREAT", key, b"%d" % when)
    if ctx.journaled:
        ctx.propagate(effect)


def _conditions(words: Args) -> set[bytes]:
    """NX XX GT LT as they were given. Raises ReplyError for words that are unknown or exclude each other."""
    found = set()
    for word in words:
        name = word.upper()
        if name not in (b"NX", b"XX", b"GT", b"LT"):
            raise ReplyError(texts.unsupported_option(word.decode("utf-8", "surrogateescape")))
        found.add(name)
    if b"NX" in found and len(found) > 1:
        raise ReplyError(texts.EXPIRE_NX_AND_OTHERS)
    if found >= {b"GT", b"LT"}:
        raise ReplyError(texts.EXPIRE_GT_AND_LT)
    return found


def _allowed(conditions: set[bytes], when: int, current: int | None) -> bool:
    """Whether the conditions let `when` replace the expiry `current` (None: no expiry, like for ever)."""
    if current is None:
        return not conditions & {b"XX", b"GT"}
    return not (
        b"NX" in conditions or (b"GT" in conditions and when <= current) or (b"LT" in conditions and when >= current)
    )


def _expire(ctx: Context, args: Args, unit: int, *, relative: bool) -> Reply:
    """EXPIRE and its siblings: 1 when the expiry was set (or the key deleted, its time being past)."""
    conditions = _conditions(args[3:])
    when = parse_int(args[2])
    base = clock.now_ms() if relative else 0
    if not INT64_MIN <= when * unit <= INT64_MAX - base:
        raise ReplyError(texts.invalid_expire(args[0].lower().decode()))
    when = when * unit + base
    db, key = ctx.db, args[1]
    if db.get(key) is None or not _allowed(conditions, when, db.expires.get(key)):
        return 0
    expire_or_delete(ctx, key, when)
    return 1


def _answer(ctx: Context, args: Args, *, seconds: bool, absolute: bool) -> Reply:
    """TTL and its siblings: -2 without the key, -1 without expiry; seconds are rounded."""
    if ctx.db.lookup(args[1], use=False) is None:
        return -2
    when = ctx.db.expires.get(args[1])
    if when is None:
        return -1
    value = when if absolute else max(0, when - clock.now_ms())
    return (value + 500) // 1000 if seconds else value


for _name, _since, _unit, _relative, _what in (
    ("expire", "1.0.0", 1000, True, "seconds"),
    ("pexpire", "2.6.0", 1, True, "milliseconds"),
    ("expireat", "1.2.0", 1000, False, "unix-time-seconds"),
    ("pexpireat", "2.6.0", 1, False, "unix-time-milliseconds"),
):
    family.add(
        _name,
        partial(_expire, unit=_unit, relative=_relative),
        arity=-3,
        flags="write fast",
        keys=(1, 1, 1),
        key_flags="RW update",
        categories="keyspace",
        since=_since,
        summary=f"Let a key expire; the time is given as {_what}.",
        complexity="O(1)",
        syntax=f"key {_what} [NX | XX | GT | LT]",
    )

for _name, _since, _seconds, _absolute, _tips, _what in (
    ("ttl", "1.0.0", True, False, ("nondeterministic_output",), "Seconds until a key expires."),
    ("pttl", "2.6.0", False, False, ("nondeterministic_output",), "Milliseconds until a key expires."),
    ("expiretime", "7.0.0", True, True, (), "When a key expires, in Unix seconds."),
    ("pexpiretime", "7.0.0", False, True, (), "When a key expires, in Unix milliseconds."),
):
    family.add(
        _name,
        partial(_answer, seconds=_seconds, absolute=_absolute),
        arity=2,
        flags="readonly fast",
        keys=(1, 1, 1),
        key_flags="RO access",
        categories="keyspace",
        since=_since,
        tips=_tips,
        summary=_what,
        complexity="O(1)",
        syntax="key",
    )


@family.command(
    "persist",
    arity=2,
    flags="write fast",
    keys=(1, 1, 1),
    key_flags="RW update",
    categories="keyspace",
    since="2.2.0",
    summary="Take the expiry of a key away.",
    complexity="O(1)",
    syntax="key",
)
def persist(ctx: Context, args: Args) -> Reply:
    """PERSIST key: 1 when there was an expiry."""
    key = args[1]
    if ctx.db.get(key) is None or not ctx.db.persist(key):
        return 0
    ctx.db.touch(key)
    ctx.notify("g", "persist", key)
    return 1
