"""Values of an expected type, for the families: `read_*` counts hits and misses, `edit_*` does not.

Each takes the context and a key and returns the value or None; a value of another type raises WRONGTYPE.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from pyredisai.commands.context import Context
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Stream

Text = bytes | memoryview


def read_string(ctx: Context, key: bytes) -> Text | None:
    """The string under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is bytes or type(value) is memoryview:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_string(ctx: Context, key: bytes) -> Text | None:
    """The string under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is bytes or type(value) is memoryview:
        return value
    raise ReplyError(texts.WRONGTYPE)


def read_hash(ctx: Context, key: bytes) -> dict[bytes, bytes] | None:
    """The hash under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is dict:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_hash(ctx: Context, key: bytes) -> dict[bytes, bytes] | None:
    """The hash under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is dict:
        return value
    raise ReplyError(texts.WRONGTYPE)


def read_list(ctx: Context, key: bytes) -> deque[bytes] | None:
    """The list under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is deque:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_list(ctx: Context, key: bytes) -> deque[bytes] | None:
    """The list under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is deque:
        return value
    raise ReplyError(texts.WRONGTYPE)


def read_set(ctx: Context, key: bytes) -> set[bytes] | None:
    """The set under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is set:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_set(ctx: Context, key: bytes) -> set[bytes] | None:
    """The set under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is set:
        return value
    raise ReplyError(texts.WRONGTYPE)


def read_sorted_set(ctx: Context, key: bytes) -> SortedSet | None:
    """The sorted set under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is SortedSet:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_sorted_set(ctx: Context, key: bytes) -> SortedSet | None:
    """The sorted set under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is SortedSet:
        return value
    raise ReplyError(texts.WRONGTYPE)


def read_stream(ctx: Context, key: bytes) -> Stream | None:
    """The stream under a key, for a command that reads."""
    value = ctx.db.lookup(key)
    if value is None or type(value) is Stream:
        return value
    raise ReplyError(texts.WRONGTYPE)


def edit_stream(ctx: Context, key: bytes) -> Stream | None:
    """The stream under a key, for a command that writes."""
    value = ctx.db.get(key)
    if value is None or type(value) is Stream:
        return value
    raise ReplyError(texts.WRONGTYPE)


def drop_if_empty(ctx: Context, key: bytes, value: Any) -> None:
    """Report a changed container; an empty one is deleted."""
    if value:
        ctx.db.touch(key)
    else:
        ctx.db.delete(key)
        ctx.notify("g", "del", key)
