"""SCAN cursors and random picks over dictionaries and sets, which Python cannot index.

A cursor is a place in the order of the elements' hashes: 48 bits of `hash()`, fixed for the life of the
process. Each call needs the elements sorted that way; a few such lists are kept. An element that is there
from the start of an iteration to its end has its place in every list made meanwhile, so it is returned
whether a list was kept or made anew. Elements added later may be missed and deleted ones may still be
listed: the caller skips what is no longer there.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, TypeAlias

from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.layered import Layered, bottom

Elements: TypeAlias = "Mapping[bytes, Any] | AbstractSet[bytes]"

MASK = (1 << 48) - 1
KEPT = 8
LARGE = 4096
SMALL = 512


def place(element: bytes) -> int:
    """Where an element stands in the order of cursors."""
    return hash(element) & MASK


class Snapshot:
    """The elements of one container in the order of cursors, as they were at `dirty`.

    `root` is what says whether it is still the same container.
    """

    __slots__ = ("dirty", "elements", "places", "root")

    def __init__(self, container: Elements, root: Elements, dirty: int) -> None:
        self.root = root
        self.dirty = dirty
        self.elements, self.places = _ordered(list(container))


def _root(container: Elements) -> Elements:
    """What stays the same when a picture of the keys is taken, and when it has ended."""
    return bottom(container) if type(container) is Layered else container


def _ordered(elements: list[bytes]) -> tuple[list[bytes], list[int]]:
    """Sort by place; numpy does it five times faster where that matters."""
    if len(elements) < LARGE:
        elements.sort(key=place)
        return elements, [place(element) for element in elements]
    import numpy as np

    places = np.fromiter(map(hash, elements), np.int64, len(elements)) & MASK
    order = np.argsort(places)
    return [elements[i] for i in order.tolist()], places[order].tolist()


class Scanner:
    """The snapshots that are kept, the last used at the end."""

    def __init__(self, events: KeyspaceEvents) -> None:
        self._events = events
        self._kept: OrderedDict[int, Snapshot] = OrderedDict()

    def scan(self, container: Elements, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor (0 at the end) and about `count` elements from `cursor` on."""
        if cursor == 0 and len(container) <= count:
            return 0, list(container)
        snapshot = self._snapshot(container, fresh=cursor == 0)
        start = bisect_left(snapshot.places, cursor)
        end = start + count
        places = snapshot.places
        while end < len(places) and places[end] == places[end - 1]:
            end += 1
        following = places[end] if end < len(places) else 0
        return following, snapshot.elements[start:end]

    def choose(self, container: Elements) -> bytes:
        """A random element of a container that is not empty.

        Large containers are sampled from a snapshot that may lag behind by an eighth of their size.
        """
        size = len(container)
        if size <= SMALL:
            return nth(container, random.randrange(size))
        root = _root(container)
        snapshot = self._kept.get(id(root))
        if snapshot is None or snapshot.root is not root or self._lags(snapshot):
            snapshot = self._snapshot(container, fresh=True)
        for _ in range(100):
            element = random.choice(snapshot.elements)
            if element in container:
                return element
        return random.choice(self._snapshot(container, fresh=True).elements)

    def _lags(self, snapshot: Snapshot) -> bool:
        return (self._events.dirty - snapshot.dirty) * 8 > len(snapshot.elements)

    def _snapshot(self, container: Elements, *, fresh: bool) -> Snapshot:
        """The snapshot of a container; `fresh`: as it is now."""
        kept, dirty = self._kept, self._events.dirty
        root = _root(container)
        snapshot = kept.pop(id(root), None)
        if snapshot is None or snapshot.root is not root or (fresh and snapshot.dirty != dirty):
            snapshot = Snapshot(container, root, dirty)
        kept[id(root)] = snapshot
        if len(kept) > KEPT:
            kept.popitem(last=False)
        return snapshot

    def forget(self) -> None:
        """Let all snapshots go: they keep memory, and containers that may have been deleted."""
        self._kept.clear()


def nth(container: Collection[bytes], index: int) -> bytes:
    """The element at `index` in the container's own order; takes time in proportion to it."""
    iterator: Iterator[bytes] = islice(container, index, None)
    return next(iterator)


def pop_random(members: set[bytes]) -> bytes:
    """Take a random member out of a set that is not empty.

    A large set gives one of the next few in its own order, which hashing has scattered.
    """
    if len(members) <= SMALL:
        member = nth(members, random.randrange(len(members)))
        members.discard(member)
        return member
    passed = [members.pop() for _ in range(random.randrange(1, 9))]
    member = passed.pop()
    members.update(passed)
    return member
