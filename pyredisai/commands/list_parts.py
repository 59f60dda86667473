"""Commands on single elements of lists: by index and by value."""

from __future__ import annotations

from collections import deque
from functools import partial

from pyredisai.commands.args import INT64_MAX, parse_count, parse_int, parse_range
from pyredisai.commands.context import Context
from pyredisai.commands.lists import declare
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import drop_if_empty, edit_list, read_list
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import EMPTY_ARRAY, OK, Reply

family = Family("list")
_declare = partial(declare, family)


@_declare("lindex", 3, "readonly", "RO access", "key index", "An element of a list.", complexity="O(N)")
def lindex(ctx: Context, args: Args) -> Reply:
    """LINDEX key index: the element, or null."""
    items = read_list(ctx, args[1])
    if items is None:
        return None
    index = parse_int(args[2])
    return items[index] if -len(items) <= index < len(items) else None


@_declare(
    "lset", 4, "write denyoom", "RW update", "key index element", "Replace an element.", complexity="O(N)", big=True
)
def lset(ctx: Context, args: Args) -> Reply:
    """LSET key index element: OK."""
    key = bytes(args[1])
    items = edit_list(ctx, key)
    if items is None:
        raise ReplyError(texts.NO_SUCH_KEY)
    index = parse_int(bytes(args[2]))
    if not -len(items) <= index < len(items):
        raise ReplyError(texts.INDEX_OUT_OF_RANGE)
    items[index] = bytes(args[3])
    ctx.db.touch(key)
    ctx.notify("l", "lset", key)
    return OK


@_declare(
    "linsert",
    5,
    "write denyoom",
    "RW insert",
    "key BEFORE | AFTER pivot element",
    "Put an element beside another.",
    complexity="O(N) in the elements before the pivot",
    since="2.2.0",
    big=True,
)
def linsert(ctx: Context, args: Args) -> Reply:
    """LINSERT key BEFORE|AFTER pivot element: the new length; -1 without the pivot, 0 without the key."""
    where = bytes(args[2]).upper()
    if where not in (b"BEFORE", b"AFTER"):
        raise ReplyError(texts.SYNTAX)
    key = bytes(args[1])
    items = edit_list(ctx, key)
    if items is None:
        return 0
    try:
        index = items.index(bytes(args[3]))
    except ValueError:
        return -1
    items.insert(index + (where == b"AFTER"), bytes(args[4]))
    ctx.db.touch(key)
    ctx.notify("l", "linsert", key)
    return len(items)


@_declare(
    "lrem",
    4,
    "write",
    "RW delete",
    "key count element",
    "Remove elements that equal one: from the head, with a negative count from the tail, with 0 all.",
    complexity="O(N) in the list's length",
)
def lrem(ctx: Context, args: Args) -> Reply:
    """LREM key count element: how many were removed."""
    key, count, element = args[1], parse_int(args[2]), args[3]
    items = edit_list(ctx, key)
    if items is None:
        return 0
    there = items.count(element)
    removed = min(there, abs(count)) if count else there
    if not removed:
        return 0
    _remove(items, element, removed, backwards=count < 0)
    ctx.notify("l", "lrem", key)
    drop_if_empty(ctx, key, items)
    return removed


def _remove(items: deque[bytes], element: bytes, count: int, *, backwards: bool) -> None:
    """Remove `count` occurrences, of which there are as many."""
    if backwards:
        items.reverse()
    kept: list[bytes] = []
    for item in items:
        if count and item == element:
            count -= 1
        else:
            kept.append(item)
    items.clear()
    items.extend(reversed(kept) if backwards else kept)


@_declare(
    "lpos",
    -3,
    "readonly",
    "RO access",
    "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    "Where an element stands.",
    complexity="O(N) in the list's length",
    since="6.0.6",
)
def lpos(ctx: Context, args: Args) -> Reply:
    """LPOS key element …: the index, or null; with COUNT a list of indexes (0: all)."""
    rank, count, length = 1, None, 0
    rest = iter(args[3:])
    for word in rest:
        option, value = word.upper(), next(rest, None)
        if value is None:
            raise ReplyError(texts.SYNTAX)
        if option == b"RANK":
            rank = parse_range(value, -INT64_MAX - 1, INT64_MAX)
            if rank == 0:
                raise ReplyError(texts.RANK_ZERO)
        elif option == b"COUNT":
            count = parse_count(value, texts.COUNT_NEGATIVE)
        elif option == b"MAXLEN":
            length = parse_count(value, texts.MAXLEN_NEGATIVE)
        else:
            raise ReplyError(texts.SYNTAX)
    items = read_list(ctx, args[1])
    if items is None:
        return None if count is None else EMPTY_ARRAY
    wanted = 1 if count is None else count or len(items)
    found = _positions(items, args[2], rank, wanted, length or len(items))
    return found if count is not None else (found[0] if found else None)


def _positions(items: deque[bytes], element: bytes, rank: int, wanted: int, length: int) -> list[int]:
    """Up to `wanted` indexes of an element from its `rank`-th occurrence on, among `length` compared elements."""
    found: list[int] = []
    last = len(items) - 1
    skip = abs(rank) - 1
    for i, item in enumerate(items if rank > 0 else reversed(items)):
        if i >= length:
            break
        if item != element:
            continue
        if skip:
            skip -= 1
            continue
        found.append(i if rank > 0 else last - i)
        if len(found) == wanted:
            break
    return found
