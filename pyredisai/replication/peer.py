"""One replica, as its primary sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from pyredisai.replication.backlog import Chunk
from pyredisai.resp.replies import Raw, Reply


class Phase(Enum):
    """How far a replica is; the values are the states that INFO and Redis know."""

    NEW = "handshake"
    WAITING = "wait_bgsave"
    RECEIVING = "send_bulk"
    UNCONFIRMED = "unconfirmed"
    ONLINE = "online"
    DETACHED = "rdb_transmitted"


class Outlet(Protocol):
    """The way to the replica (a connection)."""

    def push(self, reply: Reply) -> None:
        """Send."""

    def close(self) -> None:
        """Close at once."""

    def delay_packets(self) -> None:
        """Send fewer packets, later."""

    def output_buffered(self) -> int:
        """Bytes that wait to be sent."""


class Peer:
    """What it told of itself (`address`, `port`, `eof`, `psync2`), how far it is, and the stream kept for it.

    `content` is what it wants in its snapshot: everything, functions or nothing (rdb-filter-only).

    `acked` is the offset that it has, `acked_s` when it said so (monotonic seconds). `choked` is true while its
    connection takes no more; `on_room` is called when it does again. `old` is a client of SYNC, which never
    acknowledges. `held` counts the bytes of the stream that wait until the snapshot is there.
    """

    def __init__(self, outlet: Outlet, address: str) -> None:
        self.outlet = outlet
        self.address = address
        self.port = 0
        self.eof = self.psync2 = self.old = self.rdb_only = False
        self.content = "everything"
        self.phase = Phase.NEW
        self.since_s = self.acked_s = self.moved_s = time.monotonic()
        self.acked = 0
        self.choked = False
        self.on_room: Callable[[], None] | None = None
        self.held = 0
        self._stream: list[Chunk] = []

    def send(self, data: Chunk) -> None:
        """Send bytes now."""
        self.moved_s = time.monotonic()
        self.outlet.push(Raw(data))

    def feed(self, chunk: Chunk) -> None:
        """The stream goes on: send it, or keep it until the snapshot is there."""
        if self.phase is Phase.ONLINE:
            self.outlet.push(Raw(chunk))
        elif self.phase in (Phase.RECEIVING, Phase.UNCONFIRMED):
            self._stream.append(chunk)
            self.held += len(chunk)

    def go_online(self) -> None:
        """The snapshot is there: send what the stream has brought meanwhile, and go on with it."""
        self.phase = Phase.ONLINE
        self.acked_s = time.monotonic()
        for chunk in self._stream:
            self.outlet.push(Raw(chunk))
        self._stream, self.held = [], 0

    def set_choked(self, choked: bool) -> None:
        """The connection takes no more, or does again."""
        self.choked = choked
        if not choked:
            self.moved_s = time.monotonic()
            if self.on_room is not None:
                self.on_room()

    def lag_s(self) -> int:
        """Seconds since the last acknowledgement; 0 before the first."""
        return int(time.monotonic() - self.acked_s) if self.phase is Phase.ONLINE and not self.old else 0
