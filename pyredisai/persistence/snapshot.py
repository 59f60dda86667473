"""A picture of all keys at one moment, which others may read while commands go on.

Nothing is copied when a picture is taken: the dictionaries stay as they are, and what is written meanwhile goes
to layers over them (`keyspace.layered`). When the thread that reads the picture has ended, the layers are merged
down in slices. Strings, tensors, models and scripts never change; a container is copied when a command is about
to change it while the picture is in use (`protect`), so that the picture keeps the old one.
"""

from __future__ import annotations

import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any, Final, NamedTuple

from pyredisai.keyspace.database import Database
from pyredisai.keyspace.layered import Hold, Layered, chain_of, flattened, merge
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Stream
from pyredisai.keyspace.types import copied
from pyredisai.keyspace.usage import Usage
from pyredisai.persistence.disk import Abandoned

# How long a thread that reads a picture keeps the interpreter, and how long it then leaves it to the loop at least.
SLICE_S: Final = 0.0005
YIELD_S: Final = 0.00005
# What the loop spends on tidying at a time, and what it leaves to requests in between. Seconds.
TIDY_S: Final = 0.001
# Pictures that overlap without end pile up layers, which slow every access: from here on a picture is a copy.
MAX_LAYERS: Final = 8
_STEP: Final = 64

_CONTAINERS: Final = frozenset({deque, dict, set, SortedSet, Stream})


def delay_s(microseconds: int) -> float:
    """The seconds of rdb-key-save-delay and key-load-delay; -N is a microsecond at every Nth key, by chance."""
    if microseconds >= 0:
        return microseconds / 1e6
    return 0.0 if random.randrange(-microseconds) else 1e-6


class Part(NamedTuple):
    """One database in a picture."""

    number: int
    data: MutableMapping[bytes, Any]
    expires: MutableMapping[bytes, int]
    usage: Usage | None = None  # as it is, not as it was


class Snapshot:
    """The keys of every database: (database, key, value, expiry in Unix milliseconds or None).

    `hold` keeps what it reads as it is. Whoever reads such a one is a thread, and lets the loop run now and then.
    `delay_us`: how long to wait after each key (rdb-key-save-delay).
    """

    def __init__(self, parts: Sequence[Part], hold: Hold | None = None) -> None:
        self.parts = tuple(parts)
        self.hold = hold
        self.keys = sum(len(part.data) for part in parts)
        self.sizes = [(part.number, len(part.data), len(part.expires)) for part in parts]
        self.delay_us = 0
        self._stopped = False

    def __iter__(self) -> Iterator[tuple[int, bytes, Any, int | None]]:
        """The keys. Raises Abandoned after `stop`."""
        return self._delayed() if self.delay_us else self._keys()

    def _delayed(self) -> Iterator[tuple[int, bytes, Any, int | None]]:
        for item in self._keys():
            yield item
            time.sleep(delay_s(self.delay_us))
            if self._stopped:
                raise Abandoned

    def _keys(self) -> Iterator[tuple[int, bytes, Any, int | None]]:
        paced, now = self.hold is not None, time.perf_counter
        until = now() + SLICE_S
        for part in self.parts:
            index, expires = part.number, part.expires
            for key, value in part.data.items():
                if paced and now() >= until:
                    time.sleep(YIELD_S)
                    if self._stopped:
                        raise Abandoned
                    until = now() + SLICE_S
                yield index, key, value, expires.get(key)

    def stop(self) -> None:
        """Nobody wants it any more: the thread that reads it is to end."""
        self._stopped = True

    def protect(self, database: Database, key: bytes) -> None:
        """Called before a command changes the value of a key: the picture keeps the container, the key a copy."""
        value = database.data.get(key)
        if type(value) not in _CONTAINERS:
            return
        # SWAPDB may have moved the key's database: look at all of them.
        if any(part.data.get(key) is value for part in self.parts):
            database.data[key] = copied(value)


class Pictures:
    """Takes pictures of the keys, and tidies up after them. All methods run on the loop.

    `later(seconds, function)` calls a function on the loop after that time. `discard(value)` is given each value that
    the last picture let go of after its key, so that a big one is freed in slices.
    """

    def __init__(
        self,
        databases: Sequence[Database],
        later: Callable[[float, Callable[[], None]], Any],
        discard: Callable[[Any], None] = lambda value: None,
    ) -> None:
        self._databases, self._later, self._discard = databases, later, discard
        self._taken: list[Snapshot] = []
        self._old: list[MutableMapping[bytes, Any]] = []
        self._tidying = False
        self._interval = 0.0

    def live(self) -> Snapshot:
        """The keys as they are: for one who has read them before the next command runs."""
        return Snapshot([Part(db.index, db.data, db.expires, _stored_usage(db)) for db in self._databases if db.data])

    def take(self, *, empty: bool = False) -> Snapshot:
        """A picture for a thread; `release` it when the thread has ended. `empty`: without any key."""
        hold = Hold()
        parts = [] if empty else [self._part(db, hold) for db in self._databases if db.data]
        snapshot = Snapshot(parts, hold)
        if not self._taken:
            self._interval = sys.getswitchinterval()
            sys.setswitchinterval(min(SLICE_S, self._interval))  # a large value is written at a stretch
        self._taken.append(snapshot)
        return snapshot

    def _part(self, db: Database, hold: Hold) -> Part:
        data, expires, usage = db.data, db.expires, _stored_usage(db)
        if len(chain_of(data)) > MAX_LAYERS:
            return Part(db.index, flattened(data), flattened(expires), usage)
        db.data = Layered(data, hold)
        if not expires:
            return Part(db.index, data, {}, usage)
        db.expires = Layered(expires, hold)
        return Part(db.index, data, expires, usage)

    def release(self, snapshot: Snapshot) -> None:
        """Nobody reads this picture any more."""
        self._taken.remove(snapshot)
        if snapshot.hold is not None:
            snapshot.hold.active = False
        self._old += _parts_of([snapshot])
        snapshot.parts = ()
        if not self._taken:
            sys.setswitchinterval(self._interval)
        if not self._tidying:
            self._tidying = True
            self._later(0, self._tidy)

    def _tidy(self) -> None:
        """One slice of merging layers, then of emptying what no database holds any more."""
        deadline = time.perf_counter() + TIDY_S
        self._tidying = not (self._merge(deadline) and self._empty_old(deadline))
        if self._tidying:
            self._later(TIDY_S, self._tidy)

    def _merge(self, deadline: float) -> bool:
        done = True
        for db in self._databases:
            db.data, merged = merge(db.data, deadline, self._discard)
            db.expires, expired = merge(db.expires, deadline)
            done = done and merged and expired
        return done

    def _empty_old(self, deadline: float) -> bool:
        """A dictionary of many keys that just loses its last user stops the loop while it is freed."""
        held = set(map(id, _parts_of(self._taken)))
        used = {id(part) for db in self._databases for top in (db.data, db.expires) for part in chain_of(top)}
        self._old = [part for part in self._old if id(part) not in used]
        for part in self._old:
            if id(part) not in held and not self._emptied(part.own if type(part) is Layered else part, deadline):
                return False
        self._old = [part for part in self._old if id(part) in held]
        return True

    def _emptied(self, mapping: MutableMapping[bytes, Any], deadline: float) -> bool:
        discard = self._discard
        while mapping:
            for _ in range(min(_STEP, len(mapping))):
                discard(mapping.popitem()[1])
            if time.perf_counter() >= deadline:
                return not mapping
        return True


def _stored_usage(db: Database) -> Usage | None:
    return db.usage if db.usage is not None and db.usage.stored else None


def _parts_of(snapshots: Sequence[Snapshot]) -> list[MutableMapping[bytes, Any]]:
    """Every dictionary that these pictures read."""
    tops = [top for snapshot in snapshots for part in snapshot.parts for top in (part.data, part.expires)]
    return [part for top in tops for part in chain_of(top)]
