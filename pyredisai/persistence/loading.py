"""An RDB file into the databases: in slices, so that the loop can answer meanwhile."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyredisai import clock
from pyredisai.errors import PersistenceError
from pyredisai.keyspace.database import Database
from pyredisai.persistence.rdb.primitives import Source
from pyredisai.persistence.rdb.reader import Aux, Function, Key, Stored, records, verify
from pyredisai.persistence.snapshot import delay_s

SLICE_S: Final = 0.01


@dataclass(slots=True)
class LoadProgress:
    """What INFO shows while a file is loaded. Sizes in bytes, times in Unix milliseconds."""

    total: int = 0
    loaded: int = 0
    started_ms: int = field(default_factory=clock.now_ms)
    keys: int = 0
    expired: int = 0
    aux: dict[str, str] = field(default_factory=dict)
    functions: list[bytes] = field(default_factory=list)


def map_file(path: str) -> bytes | mmap.mmap:
    """A file's contents without reading them all at once. Raises OSError."""
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def load_in_slices(
    data: bytes | mmap.mmap | memoryview,
    databases: Sequence[Database],
    adopt: Callable[[Any], Any],
    *,
    checksum: bool = True,
    keep_expired: bool = False,
    progress: LoadProgress | None = None,
    delay_us: Callable[[], int] = lambda: 0,
) -> Iterator[LoadProgress]:
    """Put every key of a file into the databases; gives back control every 10 ms.

    `adopt(value)` makes a stored value one that can be used (a model gets a session). Keys whose time has
    come are left out, unless `keep_expired` (a replica waits for its primary's word). `delay_us()` tells how long
    to wait after each key (key-load-delay). Raises PersistenceError,
    also for a database that does not exist; what was read before is in the databases by then.
    """
    progress = progress or LoadProgress()
    source = Source(memoryview(data))
    source.lends = True
    progress.total = source.end
    now = clock.now_ms()
    delay = delay_us()
    until = time.perf_counter() + SLICE_S
    for _ in verify(source.buffer) if checksum else ():
        if time.perf_counter() >= until:
            yield progress
            until = time.perf_counter() + SLICE_S
    for record in records(
        source,
        into=lambda index: _database(databases, index).data,
        usage=lambda index: _database(databases, index).usage,
    ):
        if isinstance(record, Stored):
            progress.keys += record.keys
        elif isinstance(record, Key):
            # The keys of a file that belongs to a replication stream expire in it: replicas are to hear of that.
            _store(record, databases, adopt, progress, now, keep_expired=keep_expired or "repl-id" in progress.aux)
        elif isinstance(record, Aux):
            progress.aux[record.name.decode("latin-1")] = record.value.decode("latin-1")
        elif isinstance(record, Function):
            progress.functions.append(record.code)
        if delay:
            progress.loaded = source.position
            for _ in range(record.keys if isinstance(record, Stored) else isinstance(record, Key)):
                time.sleep(delay_s(delay))
                if time.perf_counter() >= until:
                    yield progress
                    until, delay = time.perf_counter() + SLICE_S, delay_us()
        for _ in source.pay():
            if time.perf_counter() >= until:
                yield progress
                until = time.perf_counter() + SLICE_S
        if time.perf_counter() >= until:
            progress.loaded = source.position
            yield progress
            until, delay = time.perf_counter() + SLICE_S, delay_us()
    progress.loaded = source.position
    yield progress


def _database(databases: Sequence[Database], index: int) -> Database:
    if index >= len(databases):
        raise PersistenceError(f"a key of database {index}, and there are {len(databases)}: see `databases`")
    return databases[index]


def _store(
    record: Key,
    databases: Sequence[Database],
    adopt: Callable[[Any], Any],
    progress: LoadProgress,
    now: int,
    *,
    keep_expired: bool,
) -> None:
    database = _database(databases, record.db)
    if record.expire_ms is not None and record.expire_ms <= now and not keep_expired:
        progress.expired += 1
        return
    database.data[record.name] = adopt(record.value)
    if record.expire_ms is not None:
        database.expires[record.name] = record.expire_ms
    if database.usage is not None:
        database.usage.restore(record.name, record.idle_s, record.frequency)
    progress.keys += 1
