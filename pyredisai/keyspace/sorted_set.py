"""The sorted set: members with scores, in the order of score and then of bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple, TypeAlias

from sortedcontainers import SortedList

# Ranks start <= i < stop.
Span: TypeAlias = "tuple[int, int]"
# An end of a range of members; tuples compare as the ends do: below all, a member, above all.
MemberBound: TypeAlias = "tuple[int, bytes]"
LOWEST: MemberBound = (0, b"")
HIGHEST: MemberBound = (2, b"")

EMPTY: Span = (0, 0)
_LARGEST_PACKED = float((2**63 - 1) // 2)


def member_bound(member: bytes) -> MemberBound:
    """The end of a range at a member."""
    return (1, member)


def packed_score(score: float) -> float | int:
    """The score as a small set of Redis keeps it: an integer where it is one."""
    return int(score) if abs(score) <= _LARGEST_PACKED and score.is_integer() else score


class ScoreRange(NamedTuple):
    """Scores from `low` to `high`; an open end is left out."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False


class MemberRange(NamedTuple):
    """Members from `low` to `high` in the order of their bytes; an open end is left out."""

    low: MemberBound
    high: MemberBound
    low_open: bool = False
    high_open: bool = False

    def starts_at(self, member: bytes) -> bool:
        """Whether a member is not below the range."""
        bound = (1, member)
        return bound > self.low if self.low_open else bound >= self.low

    def ends_after(self, member: bytes) -> bool:
        """Whether a member is not above the range."""
        bound = (1, member)
        return bound < self.high if self.high_open else bound <= self.high


class SortedSet:
    """Members (bytes) with float scores, never nan. Ranks count from 0; all cost O(log n) or less.

    A negative zero that is added counts as 0, as in small sets of Redis (large ones keep its sign).
    """

    __slots__ = ("_order", "scores")

    redis_type: ClassVar[str] = "zset"

    def __init__(self, items: Iterable[tuple[bytes, float]] = ()) -> None:
        self.scores: dict[bytes, float] = {member: score + 0.0 for member, score in items}
        self._order: SortedList[tuple[float, bytes]] = SortedList((s, m) for m, s in self.scores.items())

    def __len__(self) -> int:
        return len(self.scores)

    def __contains__(self, member: bytes) -> bool:
        return member in self.scores

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SortedSet) and self.scores == other.scores

    def copy(self) -> SortedSet:
        """A set of its own with the same members."""
        made = SortedSet()
        made.scores = self.scores.copy()
        made._order = self._order.copy()
        return made

    def parts(self) -> list[Any]:
        """The containers it is made of, for one who frees it piece by piece."""
        return [self.scores, self._order._lists]

    def get(self, member: bytes) -> float | None:
        """The score of a member, or None."""
        return self.scores.get(member)

    def add(self, member: bytes, score: float) -> bool:
        """Set a member's score; True when the member is new."""
        old = self.scores.get(member)
        if old is not None:
            if old == score:
                return False
            self._order.remove((old, member))
        score += 0.0
        self.scores[member] = score
        self._order.add((score, member))
        return old is None

    def remove(self, member: bytes) -> bool:
        """Remove a member; False when it is not there."""
        score = self.scores.pop(member, None)
        if score is None:
            return False
        self._order.remove((score, member))
        return True

    def remove_span(self, span: Span) -> int:
        """Remove the members of these ranks; how many."""
        start, stop = span
        for _, member in self._order.islice(start, stop):
            del self.scores[member]
        del self._order[start:stop]
        return stop - start

    def pop(self, count: int, *, highest: bool = False) -> list[tuple[float, bytes]]:
        """Take up to `count` (score, member) from the low end, or from the high one, the outermost first."""
        end = -1 if highest else 0
        taken: list[tuple[float, bytes]] = []
        for _ in range(min(count, len(self))):
            item: tuple[float, bytes] = self._order.pop(end)
            del self.scores[item[1]]
            taken.append(item)
        return taken

    def rank(self, member: bytes) -> int | None:
        """The position of a member, or None."""
        score = self.scores.get(member)
        return None if score is None else self._order.index((score, member))

    def by_rank(self, start: int, stop: int) -> list[tuple[float, bytes]]:
        """(score, member) of the positions start <= i < stop."""
        return list(self._order.islice(max(start, 0), max(stop, 0)))

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        return iter(self._order)

    def rank_of_score(self, score: float, *, after: bool = False) -> int:
        """The position of the first member with at least this score (`after`: with a larger one)."""
        if after:
            if score == math.inf:
                return len(self._order)
            score = math.nextafter(score, math.inf)
        return int(self._order.bisect_left((score, b"")))

    def span_of_scores(self, wanted: ScoreRange) -> Span:
        """The ranks of the members with these scores."""
        if wanted.low > wanted.high:
            return EMPTY
        start = self.rank_of_score(wanted.low, after=wanted.low_open)
        stop = self.rank_of_score(wanted.high, after=not wanted.high_open)
        return (start, stop) if start < stop else EMPTY

    def span_of_members(self, wanted: MemberRange, *, backwards: bool = False) -> Span:
        """The ranks of these members; meant for sets whose members all have one score.

        Where scores differ, it is what a walk finds (from the high end when `backwards`) that starts at the first
        member which is not outside on its side and ends before the first one outside on the other, as in a
        small set of Redis.
        """
        empty = wanted.low == wanted.high and (wanted.low_open or wanted.high_open)
        if wanted.low > wanted.high or empty or not self.scores:
            return EMPTY
        order = self._order
        (first, lowest), (last, highest) = order[0], order[-1]
        if not wanted.starts_at(highest) or not wanted.ends_after(lowest):
            return EMPTY
        if first == last:
            return self._span_of_equals(first, wanted)
        members = [member for _, member in order]
        if backwards:
            stop = next((i + 1 for i in reversed(range(len(members))) if wanted.ends_after(members[i])), 0)
            start = stop
            while start and wanted.starts_at(members[start - 1]):
                start -= 1
        else:
            start = next((i for i, member in enumerate(members) if wanted.starts_at(member)), len(members))
            stop = start
            while stop < len(members) and wanted.ends_after(members[stop]):
                stop += 1
        return start, stop

    def _span_of_equals(self, score: float, wanted: MemberRange) -> Span:
        (low_kind, low), (high_kind, high) = wanted.low, wanted.high
        order = self._order
        start, stop = 0, len(order)
        if low_kind == 1:
            start = order.bisect_right((score, low)) if wanted.low_open else order.bisect_left((score, low))
        if high_kind == 1:
            stop = order.bisect_left((score, high)) if wanted.high_open else order.bisect_right((score, high))
        return (start, stop) if start < stop else EMPTY
