"""What dispatch looks at for every request beside the command and the client: one small object of plain fields.

Whoever changes a condition (CONFIG SET, MONITOR, CLIENT PAUSE, the memory watch) sets the field, so that a request
pays for a test of an attribute and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from pyredisai.commands.client import Client
    from pyredisai.commands.context import Context
    from pyredisai.commands.redirection import Redirection
    from pyredisai.commands.spec import Command
    from pyredisai.commands.tracking import TrackingTable
    from pyredisai.keyspace.database import Database
    from pyredisai.persistence.snapshot import Snapshot

NEVER_SLOW = 2**63
Check: TypeAlias = "Callable[[Context, Command], None]"


_CONDITIONS = frozenset(
    {"memory_limited", "paused", "monitors", "tracking", "checks", "snapshots", "busy", "redirection"}
)


@dataclass(slots=True, eq=False)
class Guard:
    """Server-wide conditions.

    `memory_limited`: there is a maxmemory; `make_room()` then evicts if need be and tells whether there is room.
    `paused`: "", "write" or "all" (CLIENT PAUSE); `held` are the requests kept back, as functions that run them.
    `monitors`: clients that get a feed of every command. `slow_ns`: a command that took at least as long is handed
    to `on_slow(client, args, command, ns)` (slow log, latency monitor). `track_latency`: keep histograms.
    `tracking` is there while a client uses CLIENT TRACKING. `busy`: "", or "script" or
    "function" while a slow one is suspended: then nothing else may change the data, nor read it.
    `redirection` is there in cluster mode.

    `alert` sums up: one of the conditions that a request may meet holds. It follows the fields; containers are
    therefore replaced, never changed in place.
    """

    memory_limited: bool = False
    make_room: Callable[[], bool] = lambda: True
    paused: str = ""
    held: list[Callable[[], None]] = field(default_factory=list)
    monitors: tuple[Client, ...] = ()
    slow_ns: int = NEVER_SLOW
    on_slow: Callable[..., Any] = lambda *_: None
    track_latency: bool = True
    tracking: TrackingTable | None = None
    checks: tuple[Check, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    busy: str = ""
    redirection: Redirection | None = None
    alert: bool = False

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name in _CONDITIONS:
            object.__setattr__(self, "alert", any(getattr(self, other, None) for other in _CONDITIONS))

    def protect(self, database: Database, key: bytes) -> None:
        """Called before the value of a key is changed: what is being saved keeps the container as it is."""
        for snapshot in self.snapshots:
            snapshot.protect(database, key)

    def add_check(self, check: Check) -> None:
        """Begin to refuse what `check` refuses."""
        self.checks = (*self.checks, check)

    def remove_check(self, check: Check) -> None:
        """End that."""
        self.checks = tuple(c for c in self.checks if c != check)

    def forget(self, client: Client) -> None:
        """Drop a client that is gone or reset."""
        if client.monitor:
            client.monitor = False
            self.monitors = tuple(other for other in self.monitors if other is not client)
