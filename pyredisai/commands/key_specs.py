"""Where a command's keys stand in its arguments: Redis 7's key specifications.

A specification says where the search begins (at an index, or after a keyword) and how the keys follow (a range,
or a count that stands before them). Fact source: the reply of COMMAND INFO and the Redis documentation of key
specifications.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Span: TypeAlias = "tuple[int, int, int]"


@dataclass(slots=True)
class KeySpec:
    """One key specification.

    `flags` are its words (`RO access`). The search begins at `index`, or after `keyword`, which is searched from
    argument `start` (negative: backwards from the end). Then `span` (last, step, limit) takes keys up to `last`
    (relative to the first; negative: from the end), `limit` dividing what remains when last is -1; or `counted`
    (position of the count, of the first key, step) reads their number. Neither: the keys cannot be told (unknown).
    """

    flags: str
    index: int = 0
    keyword: str = ""
    start: int = 0
    range: Span | None = None
    counted: Span | None = None
    notes: str = ""

    @classmethod
    def span(cls, flags: str, first: int, last: int, step: int, notes: str = "") -> KeySpec:
        """Keys from argument `first` to `last` (negative: from the end), each `step`-th."""
        return cls(flags, index=first, range=(last if last < 0 else last - first, step, 0), notes=notes)

    @classmethod
    def number(cls, flags: str, index: int, notes: str = "") -> KeySpec:
        """`numkeys key [key …]`, the number at argument `index`."""
        return cls(flags, index=index, counted=(0, 1, 1), notes=notes)

    def find(self, args: Sequence[bytes]) -> list[bytes] | None:
        """The keys among `args`; empty when there are none, None when the arguments are not valid."""
        first = self._begin(args)
        if first is None:
            return []
        if self.range is not None:
            return self._in_range(args, first)
        if self.counted is not None:
            return self._in_count(args, first)
        return None

    def _begin(self, args: Sequence[bytes]) -> int | None:
        if self.index:
            return self.index if self.index < len(args) else None
        if not self.keyword:
            return None
        wanted = self.keyword.lower().encode()
        start = self.start if self.start > 0 else len(args) + self.start
        positions = range(start, len(args) - 1) if self.start > 0 else range(start, 0, -1)
        for i in positions:
            if bytes(args[i]).lower() == wanted:
                return i + 1
        return None

    def _in_range(self, args: Sequence[bytes], first: int) -> list[bytes] | None:
        assert self.range is not None
        last, step, limit = self.range
        end = first + last if last >= 0 else len(args) + last
        if last < 0 and limit > 1:
            end = first + (len(args) - first) // limit + last
        if end >= len(args) or end < first:
            return None
        return [args[i] for i in range(first, end + 1, step)]

    def _in_count(self, args: Sequence[bytes], first: int) -> list[bytes] | None:
        assert self.counted is not None
        at, offset, step = self.counted
        try:
            count = int(args[first + at])
        except (IndexError, ValueError):
            return None
        begin = first + offset
        end = begin + (count - 1) * step
        if count < 0 or end >= len(args):
            return None
        return [args[i] for i in range(begin, end + 1, step)]


def legacy_range(specs: Sequence[KeySpec]) -> tuple[Span, bool]:
    """First, last and step as before Redis 7, and whether they leave keys out (flag movablekeys)."""
    first, last, step, movable = 0, 0, 0, False
    for spec in specs:
        if not spec.index or spec.range is None or "incomplete" in spec.flags:
            movable = True
        if not spec.index or spec.range is None:
            continue
        spec_last, spec_step, limit = spec.range
        if limit:
            movable = True
            continue
        absolute = spec_last if spec_last < 0 else spec.index + spec_last
        if not first:
            first, last, step = spec.index, absolute, spec_step
        elif step == 1 and spec_step == 1 and spec.index == last + 1:
            last = absolute
        else:
            movable = True
    return (first, last, step), movable
