"""The snapshot that a primary sends: kept in a file or in memory, then loaded in the place of all keys."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from typing import BinaryIO

from pyredisai.commands import functions
from pyredisai.commands.context import Services
from pyredisai.commands.loading import loading_state, lose_all_keys, make_ready, read_rdb, refuse_while_loading
from pyredisai.commands.slot_keys import forget_slot_keys
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.persistence.disk import remove
from pyredisai.persistence.loading import map_file


class Receiver:
    """repl-diskless-load decides: a file, or memory. With `swapdb` the old keys stay until the new ones are there."""

    def __init__(self, services: Services) -> None:
        self._services = services
        mode = services.config["repl-diskless-load"]
        empty = not any(db.data for db in services.databases)
        self._swap = mode == "swapdb"
        self._memory = bytearray() if self._swap or (mode == "on-empty-db" and empty) else None
        self._path = ""
        self._file: BinaryIO | None = None
        if self._memory is None:
            handle, self._path = tempfile.mkstemp(prefix="temp-sync-", suffix=".rdb", dir=str(services.config["dir"]))
            self._file = os.fdopen(handle, "wb")

    def add(self, data: bytes | memoryview) -> None:
        """The next bytes. Raises OSError."""
        if self._file is not None:
            self._file.write(data)
        elif self._memory is not None:
            self._memory += data

    def close(self) -> None:
        """Nothing is kept."""
        if self._file is not None:
            self._file.close()
            self._file = None
            remove(self._path)

    def _data(self) -> memoryview:
        if self._file is None:
            data, self._memory = memoryview(self._memory or b"").toreadonly(), None
            return data
        self._file.close()
        data = memoryview(map_file(self._path))
        self.close()
        return data

    async def load(self, id: str, alive: Callable[[], None]) -> int:
        """Load it, telling the primary meanwhile that we are `alive`; the database that the stream has selected.

        Clients are answered -LOADING, unless old keys of the same stream `id` are there to be served until the
        new ones are. Raises OSError, PersistenceError: then there are no keys, or with `swapdb` the old ones.
        """
        services = self._services
        state, guard = loading_state(services), services.guard
        data = self._data()
        serves = self._swap and id == services.primary.history.id
        if not self._swap:
            services.primary.history.resumable = False
            lose_all_keys(services)
        databases = services.databases
        if self._swap:
            databases = [_empty_like(db) for db in services.databases]
        dirty = services.events.dirty
        if not serves:
            state.active = True
            guard.add_check(refuse_while_loading)
        try:
            checksum = services.config["rdbchecksum"]
            for _ in read_rdb(services, data, checksum=checksum, keep_expired=True, databases=databases):
                alive()
                await asyncio.sleep(0)
        except Exception:
            if not self._swap:
                lose_all_keys(services)
            raise
        finally:
            state.active = False
            if not serves:
                guard.remove_check(refuse_while_loading)
        if self._swap:
            self._take_over(databases)
        services.events.dirty = dirty
        make_ready(services)
        self._rewrite_log()
        return int(state.progress.aux.get("repl-stream-db", 0))

    def _take_over(self, fresh: list[Database]) -> None:
        lose_all_keys(self._services)
        functions.adopt(self._services, loading_state(self._services).progress.functions)
        for database, new in zip(self._services.databases, fresh, strict=True):
            database.data, database.expires = new.data, new.expires
            if type(database.usage) is type(new.usage):
                database.usage = new.usage
        forget_slot_keys(self._services)

    def _rewrite_log(self) -> None:
        """The append-only log begins anew with what was loaded."""
        log = self._services.append_log
        if log.wanted:
            log.abandon_rewrite()  # its picture is of the keys that are gone
            log.start_rewrite()


def _empty_like(db: Database) -> Database:
    """A database to load into, of which nobody hears yet."""
    made = Database(db.index, KeyspaceEvents())
    if db.usage is not None:
        made.attend(db.usage.emptied())
    return made
