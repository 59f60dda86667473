"""Freeing in slices: what was removed is taken apart between commands.

To free a million objects takes tens of milliseconds, during which the loop would do nothing else. What others still
hold (a picture that is being saved, one that is tidied up) is left to them: they free it when they are done.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from pyredisai.keyspace.layered import Layered
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Stream

# What the loop spends on freeing at a time, and what it leaves to requests in between. Seconds.
SLICE_S: Final = 0.001
BIG: Final = 64  # elements; a smaller value is freed at once
_STEP: Final = 64
_FLAT: Final = frozenset({dict, set, deque, list})
_MADE_OF_PARTS: Final = frozenset({SortedSet, Stream, Layered})
_CONTAINERS: Final = _FLAT | _MADE_OF_PARTS


def _references_of_one() -> int:
    """What `getrefcount` says of an object that one variable refers to; that differs between versions of Python."""
    things: list[Any] = [[]]
    thing = things.pop()
    return sys.getrefcount(thing)


_SOLE: Final = _references_of_one()


class Freeing:
    """What waits to be freed. All methods run on the loop.

    `later(seconds, function)` calls a function on the loop after that time. `pending` and `freed` count keys that
    were removed lazily.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], Any]) -> None:
        self.pending = 0
        self.freed = 0
        self._later = later
        self._waiting: deque[tuple[int, list[Any]]] = deque()
        self._called = False

    def add_value(self, value: Any) -> None:
        """The value of a key that was removed; a small one needs no slices."""
        if is_big(value):
            self._add(1, [value])

    def add_rest(self, value: Any) -> None:
        """What others held when its key was removed, and have now let go of: that key has been counted, if at all."""
        if is_big(value):
            self._add(0, [value])

    @property
    def busy(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def add_keys(self, count: int, mappings: list[MutableMapping[bytes, Any]]) -> None:
        """The dictionaries of a database that had `count` keys and has others now."""
        if count:
            self._add(count, mappings)

    def finish(self) -> None:
        """Free everything now: memory is wanted. At a stretch, which takes an eighth of the time of all slices."""
        for count, _ in self._waiting:
            self.pending -= count
            self.freed += count
        self._waiting.clear()

    def _add(self, count: int, things: list[Any]) -> None:
        self.pending += count
        self._waiting.append((count, things))
        if not self._called:
            self._called = True
            self._later(SLICE_S, self._slice)

    def _slice(self) -> None:
        self._free(time.perf_counter() + SLICE_S)
        self._called = bool(self._waiting)
        if self._called:
            self._later(SLICE_S, self._slice)

    def _free(self, deadline: float) -> None:
        """Free until `deadline` (of `perf_counter`)."""
        while self._waiting:
            count, things = self._waiting[0]
            if not _take_apart(things, deadline):
                return
            self._waiting.popleft()
            self.pending -= count
            self.freed += count


def is_big(value: Any) -> bool:
    """Whether to free the value would take a while."""
    return type(value) in _CONTAINERS and len(value) > BIG


def _take_apart(things: list[Any], deadline: float) -> bool:
    """Empty containers, the last first, with what is in them, until `deadline`; whether all are gone."""
    while things:
        thing = things.pop()
        if sys.getrefcount(thing) <= _SOLE and type(thing) in _CONTAINERS:
            if thing and type(thing) in _FLAT:
                things.append(thing)  # for its next piece, after what comes out of this one
            things += _piece(thing)
        del thing
        if time.perf_counter() >= deadline:
            return not things
    return True


def _piece(thing: Any) -> list[Any]:
    """What is big of a few elements that are taken out; of what is made of containers, these."""
    if type(thing) in _MADE_OF_PARTS:
        return list(thing.parts())
    count = min(_STEP, len(thing))
    values = [thing.popitem()[1] for _ in range(count)] if type(thing) is dict else [thing.pop() for _ in range(count)]
    return [value for value in values if is_big(value)]
