"""The sorted set: members with scores, in the order of score and then of bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import ClassVar

from sortedcontainers import SortedList


class SortedSet:
    """Members (bytes) with float scores, never nan. Ranks count from 0; all cost O(log n) or less."""

    __slots__ = ("_order", "scores")

    redis_type: ClassVar[str] = "zset"

    def __init__(self, items: Iterable[tuple[bytes, float]] = ()) -> None:
        self.scores: dict[bytes, float] = dict(items)
        self._order: SortedList[tuple[float, bytes]] = SortedList((s, m) for m, s in self.scores.items())

    def __len__(self) -> int:
        return len(self.scores)

    def __contains__(self, member: bytes) -> bool:
        return member in self.scores

    def copy(self) -> SortedSet:
        """A set of its own with the same members."""
        return SortedSet(self.scores.items())

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
            score = math.nextafter(score, math.inf) if score != math.inf else math.nan
            if score != score:
                return len(self._order)
        return int(self._order.bisect_left((score, b"")))
