"""SORT and SORT_RO."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from functools import partial

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.key_specs import KeySpec
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, cluster_texts, texts
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.resp.replies import Reply

family = Family("generic")

SKIPPED = {b"LIMIT": 2, b"GET": 1, b"BY": 1}


@dataclass(slots=True)
class SortOptions:
    """`by` is None without BY; a pattern without a star means: do not sort."""

    by: bytes | None = None
    start: int = 0
    count: int = -1
    patterns: list[bytes] = field(default_factory=list)
    descending: bool = False
    alpha: bool = False
    store: bytes | None = None

    @property
    def unsorted(self) -> bool:
        """Whether the elements keep their order."""
        return self.by is not None and b"*" not in self.by


def _parse(words: Args, *, readonly: bool, in_cluster: bool) -> SortOptions:
    """The options. In a cluster none that makes keys of the elements, which could lie anywhere. Raises ReplyError."""
    options = SortOptions()
    rest = iter(words)

    def needed() -> bytes:
        value: bytes | None = next(rest, None)
        if value is None:
            raise ReplyError(texts.SYNTAX)
        return value

    for word in rest:
        name = word.upper()
        if name in (b"ASC", b"DESC"):
            options.descending = name == b"DESC"
        elif name == b"ALPHA":
            options.alpha = True
        elif name == b"LIMIT":
            start, count = needed(), needed()
            options.start, options.count = parse_int(start), parse_int(count)
        elif name == b"BY":
            options.by = needed()
            if in_cluster and not options.unsorted:
                raise ReplyError(cluster_texts.SORT_BY_REFUSED)
        elif name == b"GET":
            options.patterns.append(needed())
            if in_cluster:
                raise ReplyError(cluster_texts.SORT_GET_REFUSED)
        elif name == b"STORE" and not readonly:
            options.store = needed()
        else:
            raise ReplyError(texts.SYNTAX)
    return options


def _sort(ctx: Context, args: Args, *, readonly: bool) -> Reply:
    """SORT key …: the elements (or what GET makes of them); with STORE how many were stored."""
    options = _parse(args[2:], readonly=readonly, in_cluster=ctx.server.cluster is not None)
    value = ctx.db.lookup(args[1]) if options.store is None else ctx.db.get(args[1])
    if value is not None and type(value) not in (deque, set, SortedSet):
        raise ReplyError(texts.WRONGTYPE)
    elements = _ordered(ctx, value, options)
    found: list[Reply] = []
    for element in elements:
        found += [_substitute(ctx, pattern, element) for pattern in options.patterns] or [element]
    return found if options.store is None else _store(ctx, options.store, found)


def _ordered(ctx: Context, value: SortedSet | deque[bytes] | set[bytes] | None, options: SortOptions) -> list[bytes]:
    """The elements in order, within the limits."""
    elements = [item for _, item in value] if isinstance(value, SortedSet) else list(value or ())
    by, alpha, keep = options.by, options.alpha, options.unsorted
    if keep and isinstance(value, set) and (options.store is not None or ctx.client.is_script):
        # a result that is stored must not depend on the order of hashing
        by, alpha, keep = None, True, False
    if keep:
        if options.descending and not isinstance(value, set):
            elements.reverse()
    else:
        texts_of = {e: _substitute(ctx, by, e) for e in elements} if by is not None else None
        key = partial(_alpha_key, texts_of, options) if alpha else partial(_number_key, texts_of)
        elements.sort(key=key, reverse=options.descending)
    start = max(options.start, 0)
    stop = len(elements) if options.count < 0 else start + options.count
    return elements[start:stop]


def _alpha_key(texts_of: dict[bytes, bytes | None] | None, options: SortOptions, element: bytes) -> tuple[bool, bytes]:
    """Order as texts; absent ones come first. As C's strings they end at a null byte, unless they are stored."""
    text = element if texts_of is None else texts_of[element]
    if text is None:
        return False, b""
    return True, text if options.store is not None else text.partition(b"\0")[0]


def _number_key(texts_of: dict[bytes, bytes | None] | None, element: bytes) -> tuple[float, bytes]:
    """Order as numbers, equal ones by their bytes; absent numbers are 0. Raises ReplyError."""
    text = element if texts_of is None else texts_of[element]
    return (0.0 if text is None else _number(text)), element


def _number(text: bytes) -> float:
    """A double as C's strtod reads it; nothing at all is 0."""
    text = text.partition(b"\0")[0].lstrip(b" \t\n\v\f\r")
    if not text:
        return 0.0
    try:
        number = float.fromhex(text.decode()) if text.lstrip(b"+-")[:2].lower() == b"0x" else float(text)
    except (ValueError, OverflowError):
        raise ReplyError(texts.SORT_NUMBER) from None
    infinite = math.isinf(number) and b"n" not in text.lower()
    if math.isnan(number) or infinite or b"_" in text or text[-1:].isspace():
        raise ReplyError(texts.SORT_NUMBER)
    return number


def _substitute(ctx: Context, pattern: bytes, element: bytes) -> bytes | None:
    """What a BY or GET pattern names for an element: the element itself, a string, a hash's field, or None."""
    if pattern == b"#":
        return element
    before, star, after = pattern.partition(b"*")
    if not star:
        return None
    after, arrow, name = after.partition(b"->")
    if not name:
        after, arrow = after + arrow, b""
    value = ctx.db.lookup(before + element + after)
    if arrow:
        return value.get(name) if type(value) is dict else None
    return bytes(value) if isinstance(value, bytes | memoryview) else None


def _store(ctx: Context, key: bytes, found: list[Reply]) -> int:
    """Store a result as a list, absent values as empty strings."""
    if found:
        ctx.db.set(key, deque(b"" if item is None else item for item in found))
        ctx.notify("l", "sortstore", key)
    elif ctx.db.delete(key):
        ctx.notify("g", "del", key)
    return len(found)


def _keys_of_sort(args: list[bytes]) -> list[tuple[bytes, str]]:
    """The key, and the last one after STORE."""
    keys, at = [(args[1], "RO access")], 2
    while at < len(args):
        word = bytes(args[at]).upper()
        if word == b"STORE" and at + 1 < len(args):
            keys[1:] = [(args[at + 1], "OW update")]
            at += 1
        at += 1 + SKIPPED.get(word, 0)
    return keys


for _name, _flags, _since, _store_words in (
    ("sort", "write denyoom", "1.0.0", " [STORE destination]"),
    ("sort_ro", "readonly", "7.0.0", ""),
):
    _readonly = _name == "sort_ro"
    _specs = (KeySpec.span("RO access", 1, 1, 1), KeySpec("RO access"), KeySpec("OW update"))
    family.add(
        _name,
        partial(_sort, readonly=_readonly),
        arity=-2,
        flags=_flags,
        key_specs=_specs[:2] if _readonly else _specs,
        get_keys=(lambda args: args[1:2]) if _readonly else _keys_of_sort,
        categories="set sortedset list dangerous",
        since=_since,
        summary="The elements of a list, set or sorted set in order.",
        complexity="O(N+M*log(M)) in the elements that are there and those that are returned",
        syntax="key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]"
        + _store_words,
    )
