"""Commands on lists that touch their ends or whole; see `list_parts` for the middle, `list_moves` for several."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from pyredisai.commands.args import parse_count, parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.commands.typed import drop_if_empty, edit_list, read_list
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import EMPTY_ARRAY, NULL_ARRAY, OK, Reply

family = Family("list")

FAR = 512


def declare(
    family: Family, name: str, arity: int, flags: str, key_flags: str, syntax: str, summary: str, **rest: Any
) -> Callable[[Handler], Handler]:
    """A list command, on the one key after its name unless `key_specs` say otherwise."""
    rest.setdefault("complexity", "O(1)")
    if "key_specs" not in rest:
        rest.setdefault("keys", (1, 1, 1))
        rest["key_flags"] = key_flags
    return family.command(name, arity=arity, flags=flags, categories="list", syntax=syntax, summary=summary, **rest)


_declare = partial(declare, family)


def _push(ctx: Context, args: Args, *, left: bool, only_old: bool) -> Reply:
    """LPUSH, RPUSH, LPUSHX, RPUSHX key element…: the new length."""
    key = bytes(args[1])
    items = edit_list(ctx, key)
    elements = map(bytes, args[2:])
    if items is None:
        if only_old:
            return 0
        items = deque(elements)
        if left:
            items.reverse()
        ctx.db.set(key, items)
    else:
        (items.extendleft if left else items.extend)(elements)
        ctx.db.touch(key)
    ctx.notify("l", "lpush" if left else "rpush", key)
    return len(items)


def _pop(ctx: Context, args: Args, *, left: bool) -> Reply:
    """LPOP, RPOP key [count]: an element, or null; with a count a list, or a null array."""
    if len(args) > 3:
        raise ReplyError(texts.wrong_arity("lpop" if left else "rpop"))
    key = args[1]
    if len(args) == 2:
        items = edit_list(ctx, key)
        return None if items is None else pop_elements(ctx, key, items, 1, left=left)[0]
    count = parse_count(args[2])
    items = edit_list(ctx, key)
    if items is None:
        return NULL_ARRAY
    return pop_elements(ctx, key, items, count, left=left) if count else EMPTY_ARRAY


def pop_elements(ctx: Context, key: bytes, items: deque[bytes], count: int, *, left: bool) -> list[bytes]:
    """Take up to `count` elements (at least one) from an end, with the events; an emptied list goes."""
    pop = items.popleft if left else items.pop
    popped = [pop() for _ in range(min(count, len(items)))]
    ctx.notify("l", "lpop" if left else "rpop", key)
    drop_if_empty(ctx, key, items)
    return popped


for _name, _left in (("lpush", True), ("rpush", False)):
    _end = "head" if _left else "tail"
    _declare(
        _name,
        -3,
        "write denyoom fast",
        "RW insert",
        "key element [element ...]",
        f"Put elements at the {_end} of a list.",
        complexity="O(N) in the elements",
        big=True,
    )(partial(_push, left=_left, only_old=False))
    _declare(
        f"{_name}x",
        -3,
        "write denyoom fast",
        "RW insert",
        "key element [element ...]",
        f"Put elements at the {_end} of a list that is there.",
        complexity="O(N) in the elements",
        since="2.2.0",
        big=True,
    )(partial(_push, left=_left, only_old=True))
    _declare(
        f"{_name[0]}pop",
        -2,
        "write fast",
        "RW access delete",
        "key [count]",
        f"Take elements from the {_end} of a list.",
        complexity="O(N) in the elements returned",
    )(partial(_pop, left=_left))


def span(length: int, start: int, end: int) -> tuple[int, int]:
    """The first index and the one after the last of a range that may count from the end."""
    start = max(start + length, 0) if start < 0 else start
    end = end + length if end < 0 else min(end, length - 1)
    return (start, end + 1) if start <= end else (0, 0)


def part(items: deque[bytes], start: int, stop: int) -> list[bytes]:
    """The elements from `start` up to `stop`; a far start is reached by turning the deque, which is fast."""
    if start < FAR:
        return list(islice(items, start, stop))
    items.rotate(-start)
    found = list(islice(items, stop - start))
    items.rotate(start)
    return found


@_declare(
    "lrange",
    4,
    "readonly",
    "RO access",
    "key start stop",
    "A part of a list, both ends included.",
    complexity="O(S+N) in the distance from the nearer end and the elements returned",
)
def lrange(ctx: Context, args: Args) -> Reply:
    """LRANGE key start stop: the elements."""
    start, end = parse_int(args[2]), parse_int(args[3])
    items = read_list(ctx, args[1])
    if items is None:
        return EMPTY_ARRAY
    return part(items, *span(len(items), start, end))


@_declare("llen", 2, "readonly fast", "RO", "key", "The length of a list.")
def llen(ctx: Context, args: Args) -> Reply:
    """LLEN key: the length."""
    return len(read_list(ctx, args[1]) or ())


@_declare(
    "ltrim",
    4,
    "write",
    "RW delete",
    "key start stop",
    "Keep only a part of a list, both ends included.",
    complexity="O(N) in the elements removed",
)
def ltrim(ctx: Context, args: Args) -> Reply:
    """LTRIM key start stop: OK."""
    first, last = parse_int(args[2]), parse_int(args[3])
    key = args[1]
    items = edit_list(ctx, key)
    if items is None:
        return OK
    start, stop = span(len(items), first, last)
    if stop - start < len(items) // 2:
        kept = part(items, start, stop)
        items.clear()
        items.extend(kept)
    else:
        for _ in range(len(items) - stop):
            items.pop()
        for _ in range(start):
            items.popleft()
    ctx.notify("l", "ltrim", key)
    drop_if_empty(ctx, key, items)
    return OK
