"""Which stream this server has, and how far: two ids, the offset, the backlog. Decides whether a replica may go on.

A stream is named by its id. A server that is promoted begins a new one, and keeps the old one as its second id up to
the offset at which it was promoted: whoever followed the old stream no further than that may go on with the new one.
"""

from __future__ import annotations

import os
from typing import Final

from pyredisai.replication.backlog import Backlog, Chunk

NO_ID: Final = "0" * 40
ID_LENGTH: Final = 40


def new_id() -> str:
    """A fresh id."""
    return os.urandom(ID_LENGTH // 2).hex()


class History:
    """`offset` counts the bytes of the stream so far. `resumable` tells that a primary can be asked to go on there."""

    def __init__(self) -> None:
        self.id = new_id()
        self.second_id = NO_ID
        self.second_end = -1
        self.offset = 0
        self.backlog: Backlog | None = None
        self.resumable = False

    def begin(self, size: int) -> None:
        """Keep a backlog from here on, under a new id: what came before is nobody's any more."""
        self.id, self.second_id, self.second_end = new_id(), NO_ID, -1
        self.backlog = Backlog(size, self.offset + 1)

    def keep(self, size: int) -> None:
        """Keep a backlog from here on, if there is none."""
        if self.backlog is None:
            self.backlog = Backlog(size, self.offset + 1)

    def end(self) -> None:
        """Forget the backlog, and the ids with it."""
        self.id, self.second_id, self.second_end = new_id(), NO_ID, -1
        self.backlog = None

    def extend(self, chunk: Chunk) -> None:
        """The stream went on; its offset has been counted."""
        if self.backlog is not None:
            self.backlog.append(chunk)

    def branch(self, new: str = "") -> None:
        """Go on under a new id (promotion, or the primary's own); the old one stays as the second."""
        self.second_id, self.second_end = self.id, self.offset + 1
        self.id = new or new_id()

    def adopt(self, id: str, offset: int, size: int) -> None:
        """Take over a primary's stream after a full synchronization."""
        self.id, self.offset = id, offset
        self.second_id, self.second_end = NO_ID, -1
        self.backlog = Backlog(size, offset + 1)
        self.resumable = True

    def restore(self, id: str, offset: int, size: int, *, as_replica: bool) -> None:
        """Go on after a restart with what the RDB file knew."""
        self.offset = offset
        if as_replica:
            self.id, self.resumable = id, True
        else:
            self.second_id, self.second_end = id, offset + 1
        self.backlog = Backlog(size, offset + 1)

    def can_continue(self, id: str, offset: int) -> bool:
        """Whether a replica that has the stream `id` before `offset` can go on from there."""
        known = id == self.id or (id == self.second_id and offset <= self.second_end)
        return known and self.backlog is not None and self.backlog.holds(offset)
