"""Active expiry: a sweep over the keys with an expiry, in slices of bounded time.

Lazy expiry (`Database.get`) makes every access right; the sweep gives memory back for keys that nobody
asks for. Up to a few thousand volatile keys are all looked at in each cycle, so they go within one
period of the server's cron; a larger number takes several cycles, each with its own time limit.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import chain

from pyredisai.keyspace.database import Database
from pyredisai.keyspace.layered import Layered, chain_of

SLICE_SECONDS = 0.001
STEP = 256


def active_expire_cycle(databases: Sequence[Database], now_ms: int, effort: int = 1) -> None:
    """One cycle: expire what is due at `now_ms` (Unix milliseconds), about `effort` milliseconds per database.

    The server's cron calls it about ten times a second.
    """
    for db in databases:
        if db.expires:
            _sweep(db, now_ms, time.perf_counter() + effort * SLICE_SECONDS)
        else:
            db.sweep = None


def _volatile(db: Database) -> Iterator[bytes]:
    """The keys to look at. Layers are taken as they lie: with what is gone in them, but at the price of a list."""
    if type(db.expires) is dict:
        return iter(list(db.expires))
    return chain.from_iterable([list(part.own if type(part) is Layered else part) for part in chain_of(db.expires)])


def _sweep(db: Database, now_ms: int, deadline: float) -> None:
    keys = _volatile(db) if db.sweep is None else db.sweep
    db.sweep = None
    while True:
        count = 0
        for key in keys:
            when = db.expires.get(key)
            if when is not None and when <= now_ms:
                db.expire(key)
            count += 1
            if count == STEP:
                break
        if count < STEP:
            return
        if time.perf_counter() >= deadline:
            db.sweep = keys
            return
