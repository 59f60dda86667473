"""What the stream commands share: ids and trimming options in their arguments, entries in their replies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pyredisai.commands.args import parse_int
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family, Handler
from pyredisai.errors import ReplyError, stream_texts, texts
from pyredisai.keyspace.stream import MAX_ID, MAX_PART, MIN_ID, Stream, StreamId, next_id, previous_id
from pyredisai.resp.replies import Reply

_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(\d+)")
_MAX_ID_TEXT = 127
MAX_LIMIT = 1_000_000


def declare(
    family: Family, name: str, arity: int, flags: str, key_flags: str, syntax: str, summary: str, **rest: Any
) -> Callable[[Handler], Handler]:
    """A stream command, on the one key after its name unless `keys` or `key_specs` say otherwise."""
    rest.setdefault("complexity", "O(1)")
    rest.setdefault("since", "5.0.0")
    if "key_specs" not in rest:
        rest.setdefault("keys", (1, 1, 1))
        rest["key_flags"] = key_flags
    return family.command(name, arity=arity, flags=flags, categories="stream", syntax=syntax, summary=summary, **rest)


def show_id(id: StreamId) -> bytes:
    """`milliseconds-sequence`."""
    return b"%d-%d" % id


def _part(text: bytes) -> int:
    """A number of 64 bits as C's strtoull reads it; what Redis reads as a negative integer is refused."""
    if text.isdigit():
        value = int(text)
    else:
        found = _NUMBER.fullmatch(text)
        if found is None or (text[:1] == b"-" and text[1:2] != b"0"):
            raise ReplyError(stream_texts.STREAM_ID)
        value = int(found[2])
        if found[1] == b"-" and value <= MAX_PART:
            value = -value % 2**64
    if value > MAX_PART:
        raise ReplyError(stream_texts.STREAM_ID)
    return value


def parse_id(text: bytes, missing: int = 0, *, strict: bool = True) -> StreamId:
    """`ms` or `ms-seq`; a `missing` sequence number counts as that. Raises ReplyError.

    Unless `strict`, `-` and `+` are the first and the last id of all.
    """
    if len(text) > _MAX_ID_TEXT:
        raise ReplyError(stream_texts.STREAM_ID)
    if text == b"-" or text == b"+":
        if strict:
            raise ReplyError(stream_texts.STREAM_ID)
        return MIN_ID if text == b"-" else MAX_ID
    ms, dash, seq = text.partition(b"\0")[0].partition(b"-")
    return _part(ms), _part(seq) if dash else missing


def parse_interval(low: bytes, high: bytes) -> tuple[StreamId, StreamId]:
    """The ends of a range, `(` before one that is left out. Raises ReplyError."""
    return parse_start(low), parse_end(high)


def parse_start(text: bytes) -> StreamId:
    """The low end of a range. Raises ReplyError."""
    if len(text) < 2 or text[:1] != b"(":
        return parse_id(text, strict=False)
    found = next_id(parse_id(text[1:]))
    if found is None:
        raise ReplyError(stream_texts.RANGE_START)
    return found


def parse_end(text: bytes) -> StreamId:
    """The high end of a range. Raises ReplyError."""
    if len(text) < 2 or text[:1] != b"(":
        return parse_id(text, MAX_PART, strict=False)
    found = previous_id(parse_id(text[1:], MAX_PART))
    if found is None:
        raise ReplyError(stream_texts.RANGE_END)
    return found


def entries(stream: Stream, ids: Iterable[StreamId]) -> list[Reply]:
    """Entries as replies: the id, and fields and values in turn."""
    return [(b"%d-%d" % id, stream.entries[id]) for id in ids]


@dataclass(slots=True)
class Trim:
    """A trimming: to a length, or (`min_id`) below an id; `limit` entries at most (0: any number)."""

    length: int = 0
    min_id: StreamId | None = None
    approximate: bool = False
    limit: int = 0

    def run(self, stream: Stream) -> int:
        """Trim; how many entries went."""
        if self.min_id is None:
            return stream.trim_length(self.length, whole_nodes=self.approximate, limit=self.limit)
        return stream.trim_before(self.min_id, whole_nodes=self.approximate, limit=self.limit)

    def reached(self, stream: Stream) -> list[bytes]:
        """The words that trim exactly as far as this trimming went: the journal's form of an approximate one."""
        if self.min_id is None:
            return [b"MAXLEN", b"=", b"%d" % len(stream)]
        return [b"MINID", b"=", show_id(stream.first_id if stream.entries else MAX_ID)]


@dataclass(slots=True)
class AddOptions:
    """The words of XADD up to the id, or those of XTRIM. `position` is where they end: there the id stands.

    `id` is None for `*`, and its sequence number is None for `ms-*`.
    """

    trim: Trim | None = None
    create: bool = True
    id: tuple[int, int | None] | None = None
    position: int = 0


def parse_options(ctx: Context, args: Args, *, adding: bool) -> AddOptions:
    """The options of XADD, with the id, or those of XTRIM. Raises ReplyError."""
    options = AddOptions()
    limit: int | None = None
    at = 2
    while at < len(args):
        word, more = args[at], len(args) - 1 - at
        name = word.upper()
        if adding and word == b"*":
            break
        if name in (b"MAXLEN", b"MINID") and more:
            if options.trim is not None:
                raise ReplyError(stream_texts.TRIM_STRATEGIES)
            trim = options.trim = Trim()
            if more >= 2 and args[at + 1] in (b"~", b"="):
                trim.approximate = args[at + 1] == b"~"
                at += 1
            at += 1
            _read_bound(trim, name, args[at])
        elif name == b"LIMIT" and more:
            at += 1
            limit = parse_int(args[at])
            if limit < 0:
                raise ReplyError(stream_texts.TRIM_LIMIT)
        elif adding and name == b"NOMKSTREAM":
            options.create = False
        elif adding:
            options.id = _parse_added_id(word)
            break
        else:
            raise ReplyError(texts.SYNTAX)
        at += 1
    options.position = at
    _set_limit(ctx, options.trim, limit, adding=adding)
    return options


def _read_bound(trim: Trim, name: bytes, text: bytes) -> None:
    if name == b"MINID":
        trim.min_id = parse_id(text)
        return
    trim.length = parse_int(text)
    if trim.length < 0:
        raise ReplyError(stream_texts.TRIM_MAXLEN)


def _set_limit(ctx: Context, trim: Trim | None, limit: int | None, *, adding: bool) -> None:
    """How many entries approximate trimming removes at most: as given, or a hundred nodes' worth."""
    if limit and trim is None:
        raise ReplyError(stream_texts.TRIM_LIMIT_ALONE)
    if trim is None and not adding:
        raise ReplyError(stream_texts.TRIM_MISSING)
    if ctx.client.obeyed:
        return
    if limit is not None and (trim is None or not trim.approximate):
        raise ReplyError(stream_texts.TRIM_LIMIT_EXACT)
    if trim is not None and trim.approximate:
        usual = 100 * ctx.server.config["stream-node-max-entries"]
        trim.limit = min(usual, MAX_LIMIT) if usual > 0 else 10_000
        if limit is not None:
            trim.limit = limit


def _parse_added_id(text: bytes) -> tuple[int, int | None]:
    """The id that XADD is given; the sequence number is None in `ms-*`. Raises ReplyError."""
    if text.endswith(b"-*") and len(text) <= _MAX_ID_TEXT and b"-" not in text[:-2] and b"\0" not in text:
        return _part(text[:-2]), None
    return parse_id(text)
