"""A picture of all keys at one moment, which others may read while commands go on.

The dictionaries are copied on the loop (some 40 ms a million keys), the values shared. Strings, tensors,
models and scripts never change; a container is copied when a command is about to change it while the
picture is in use (`protect`), so that the picture keeps the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyredisai.keyspace.database import Database
from pyredisai.keyspace.types import copied

_IMMUTABLE = (bytes, memoryview)


class Snapshot:
    """The keys of every database: (database, key, value, expiry in Unix milliseconds or None)."""

    def __init__(self, databases: Sequence[Database]) -> None:
        self._data = [(db.index, dict(db.data), dict(db.expires)) for db in databases if db.data]
        self.keys = sum(len(data) for _, data, _ in self._data)
        self.sizes = [(index, len(data), len(expires)) for index, data, expires in self._data]

    def __iter__(self) -> Iterator[tuple[int, bytes, Any, int | None]]:
        for index, data, expires in self._data:
            for key, value in data.items():
                yield index, key, value, expires.get(key)

    def protect(self, database: Database, key: bytes) -> None:
        """Called before a command changes the value of a key: the picture keeps the container, the key a copy."""
        value = database.data.get(key)
        if value is None or type(value) in _IMMUTABLE:
            return
        # SWAPDB may have moved the key's database: look at all of them.
        if any(data.get(key) is value for _, data, _ in self._data):
            database.data[key] = copied(value)
