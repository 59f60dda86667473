"""Commands on several lists, and those that wait for one: LMOVE, LMPOP, BLPOP, BLMOVE, BLMPOP."""

from __future__ import annotations

from collections import deque
from functools import partial

from pyredisai.commands.args import INT64_MAX, parse_range
from pyredisai.commands.blocking import parse_timeout, try_or_wait
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.lists import declare, pop_elements
from pyredisai.commands.spec import Args, Family
from pyredisai.commands.typed import drop_if_empty, edit_list
from pyredisai.errors import ReplyError, texts
from pyredisai.journal import Effect
from pyredisai.resp.replies import NULL_ARRAY, Reply

family = Family("list")
_declare = partial(declare, family)

TWO_KEYS = (KeySpec.span("RW access delete", 1, 1, 1), KeySpec.span("RW insert", 2, 2, 1))
DIRECTIONS = "<LEFT | RIGHT> <LEFT | RIGHT>"


def _is_left(word: bytes) -> bool:
    side = word.upper()
    if side not in (b"LEFT", b"RIGHT"):
        raise ReplyError(texts.SYNTAX)
    return side == b"LEFT"


def move(ctx: Context, source: bytes, target: bytes, *, from_left: bool, to_left: bool) -> bytes | None:
    """Take an element from an end of one list and put it at an end of another; None without the source."""
    items = edit_list(ctx, source)
    if items is None:
        return None
    others = edit_list(ctx, target)
    element = items.popleft() if from_left else items.pop()
    if others is None:
        ctx.db.set(target, deque((element,)))
    else:
        (others.appendleft if to_left else others.append)(element)
        ctx.db.touch(target)
    ctx.notify("l", "lpush" if to_left else "rpush", target)
    ctx.notify("l", "lpop" if from_left else "rpop", source)
    drop_if_empty(ctx, source, items)
    return element


@_declare(
    "lmove",
    5,
    "write denyoom",
    "",
    f"source destination {DIRECTIONS}",
    "Move an element between the ends of lists.",
    key_specs=TWO_KEYS,
    since="6.2.0",
)
def lmove(ctx: Context, args: Args) -> Reply:
    """LMOVE source destination from to: the element, or null."""
    from_left, to_left = _is_left(args[3]), _is_left(args[4])
    return move(ctx, args[1], args[2], from_left=from_left, to_left=to_left)


@_declare(
    "rpoplpush",
    3,
    "write denyoom",
    "",
    "source destination",
    "Move the last element of a list to the head of another; LMOVE has replaced it.",
    key_specs=TWO_KEYS,
    since="1.2.0",
)
def rpoplpush(ctx: Context, args: Args) -> Reply:
    """RPOPLPUSH source destination: the element, or null."""
    return move(ctx, args[1], args[2], from_left=False, to_left=True)


def _wait_to_move(ctx: Context, args: Args, timeout: bytes, *, from_left: bool, to_left: bool) -> Reply:
    source, target = args[1], args[2]
    seconds = parse_timeout(timeout)
    sides = [b"LEFT" if left else b"RIGHT" for left in (from_left, to_left)]

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        ctx.server.guard.protect(ctx.db, target)  # another client's push may be what serves this one
        element = move(ctx, source, target, from_left=from_left, to_left=to_left)
        return None if element is None else (element, [(b"LMOVE", source, target, *sides)])

    return try_or_wait(ctx, [source], deque, attempt, seconds, None)


@_declare(
    "blmove",
    6,
    "write denyoom noscript blocking",
    "",
    f"source destination {DIRECTIONS} timeout",
    "LMOVE that waits for an element.",
    key_specs=TWO_KEYS,
    since="6.2.0",
)
def blmove(ctx: Context, args: Args) -> Reply:
    """BLMOVE source destination from to timeout: the element, or null when the time has run out."""
    return _wait_to_move(ctx, args, args[5], from_left=_is_left(args[3]), to_left=_is_left(args[4]))


@_declare(
    "brpoplpush",
    4,
    "write denyoom noscript blocking",
    "",
    "source destination timeout",
    "RPOPLPUSH that waits for an element; BLMOVE has replaced it.",
    key_specs=TWO_KEYS,
    since="2.2.0",
)
def brpoplpush(ctx: Context, args: Args) -> Reply:
    """BRPOPLPUSH source destination timeout: the element, or null when the time has run out."""
    return _wait_to_move(ctx, args, args[3], from_left=False, to_left=True)


def _blocking_pop(ctx: Context, args: Args, *, left: bool) -> Reply:
    """BLPOP, BRPOP key… timeout: the key and the element, or a null array when the time has run out."""
    seconds = parse_timeout(args[-1])

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        items = edit_list(ctx, key)
        if items is None:
            return None
        [element] = pop_elements(ctx, key, items, 1, left=left)
        return [key, element], [(b"LPOP" if left else b"RPOP", key)]

    return try_or_wait(ctx, args[1:-1], deque, attempt, seconds)


for _name, _left in (("blpop", True), ("brpop", False)):
    _declare(
        _name,
        -3,
        "write noscript blocking",
        "RW access delete",
        "key [key ...] timeout",
        f"{_name[1:].upper()} on the first list that has an element; waits for one.",
        complexity="O(N) in the keys",
        since="2.0.0",
        keys=(1, -2, 1),
    )(partial(_blocking_pop, left=_left))


def _read_lmpop(words: Args) -> tuple[list[bytes], bool, int]:
    """`numkeys key… LEFT|RIGHT [COUNT n]`: the keys, whether from the left, how many."""
    numkeys = parse_range(words[0], 1, INT64_MAX, texts.NUMKEYS)
    if numkeys > len(words) - 2:
        raise ReplyError(texts.SYNTAX)
    left = _is_left(words[numkeys + 1])
    rest = words[numkeys + 2 :]
    count = 1
    if rest:
        if len(rest) != 2 or rest[0].upper() != b"COUNT":
            raise ReplyError(texts.SYNTAX)
        count = parse_range(rest[1], 1, INT64_MAX, texts.COUNT_NOT_POSITIVE)
    return words[1 : numkeys + 1], left, count


@_declare(
    "lmpop",
    -4,
    "write",
    "",
    "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    "Take elements from the first list that has any.",
    complexity="O(N+M) in the keys and the elements returned",
    key_specs=(KeySpec.number("RW access delete", 1),),
    since="7.0.0",
)
def lmpop(ctx: Context, args: Args) -> Reply:
    """LMPOP numkeys key… side [COUNT n]: the key and its elements, or a null array."""
    keys, left, count = _read_lmpop(args[1:])
    for key in keys:
        items = edit_list(ctx, key)
        if items is not None:
            return [key, pop_elements(ctx, key, items, count, left=left)]
    return NULL_ARRAY


@_declare(
    "blmpop",
    -5,
    "write blocking",
    "",
    "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    "LMPOP that waits for an element.",
    complexity="O(N+M) in the keys and the elements returned",
    key_specs=(KeySpec.number("RW access delete", 2),),
    since="7.0.0",
)
def blmpop(ctx: Context, args: Args) -> Reply:
    """BLMPOP timeout numkeys key… side [COUNT n]: as LMPOP, or a null array when the time has run out."""
    seconds = parse_timeout(args[1])
    keys, left, count = _read_lmpop(args[2:])

    def attempt(ctx: Context, key: bytes) -> tuple[Reply, list[Effect]] | None:
        items = edit_list(ctx, key)
        if items is None:
            return None
        popped = pop_elements(ctx, key, items, count, left=left)
        return [key, popped], [(b"LPOP" if left else b"RPOP", key, b"%d" % len(popped))]

    return try_or_wait(ctx, keys, deque, attempt, seconds)
