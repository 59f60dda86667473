"""What a command may touch: its client, its database, and the server's services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from pyredisai import clock
from pyredisai.backends.loader import BackendLoader
from pyredisai.cluster.bus import Bus
from pyredisai.cluster.state import ClusterState
from pyredisai.commands.client import Client
from pyredisai.commands.guard import Guard
from pyredisai.commands.spec import Args, Table
from pyredisai.config.registry import Registry
from pyredisai.config.tls import Tls
from pyredisai.execution.affinity import Background
from pyredisai.execution.scheduler import Scheduler
from pyredisai.journal import Effect, Journal
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents, KeyspaceStats
from pyredisai.keyspace.freeing import Freeing
from pyredisai.keyspace.scanning import Scanner
from pyredisai.keyspace.watch import WatchTable
from pyredisai.persistence.aof.log import AppendLog
from pyredisai.persistence.saver import Saver
from pyredisai.persistence.snapshot import Pictures
from pyredisai.replication.primary import Primary
from pyredisai.replication.transfers import Transfers
from pyredisai.replication.upstream import Upstream
from pyredisai.resp.replies import Blocked, Reply

AnyScheduler: TypeAlias = "Scheduler | Any"  # no check in the compiled build: tests have stand-ins for it


@dataclass(slots=True)
class ServerStats(KeyspaceStats):
    """Counters of INFO stats; CONFIG RESETSTAT sets them back, in place: the keyspace shares them."""

    connections_received: int = 0
    commands_processed: int = 0
    net_input_bytes: int = 0
    net_output_bytes: int = 0
    rejected_connections: int = 0
    evicted_clients: int = 0
    error_replies: int = 0
    unexpected_errors: int = 0
    errors_by_code: dict[str, int] = field(default_factory=dict)


class Shutdown(Protocol):
    """Ends the server (`server.ending`). `left_ms`: how long it still waits for replicas, -1 when no end is near.

    `signalled`: a signal has asked for it, and the server has not been let go on since.
    """

    finish: Callable[[], None]
    signalled: bool

    def begin(self, save: bool | None = None, *, force: bool = False, now: bool = False) -> bool:
        """End it: `save` None as the configuration says. True while it waits for replicas. Raises ReplyError.

        It goes on when saving fails and `force` is not set.
        """

    def join(self) -> Blocked:
        """Wait for the end; an error is the reply if it does not come."""

    def abort(self) -> None:
        """Go on serving. Raises ReplyError when no end is near."""

    @property
    def left_ms(self) -> int:
        """Of the class."""


@dataclass(slots=True, eq=False)
class Services:
    """Everything that commands share; built once by the composition root (`server.app`).

    `call(ctx, args)` runs a command as dispatch does, for EXEC, Lua and TorchScript; it returns the
    reply value, an `Error` value for an error. `log(level, text)` writes to the server's log, level one
    of debug verbose notice warning. `shutdown` ends the server; before that it calls `on_shutdown`
    with what it was told of saving, and one that raises stops it. `on_client_gone` is called with a
    client whose connection has closed, and at RESET: drop what you keep of it. `guard` is what dispatch looks
    at for each request. The functions in `cron` run on the loop `hz` times a second. `deferred` are
    functions that run once, in order, when the present client's command (EXEC or a script as a whole) is done:
    clients that wait for a key are served there.
    """

    config: Registry
    table: Table
    databases: list[Database]
    events: KeyspaceEvents
    journal: Journal
    stats: ServerStats
    clients: dict[int, Client]
    scheduler: AnyScheduler
    loader: BackendLoader
    call: Callable[[Context, Args], Reply]
    log: Callable[[str, str], None]
    run_id: str
    on_client_gone: list[Callable[[Client], None]] = field(default_factory=list)
    on_shutdown: list[Callable[[bool | None], None]] = field(default_factory=list)
    started_ms: int = field(default_factory=clock.now_ms)
    guard: Guard = field(default_factory=Guard)
    cron: list[Callable[[], None]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    deferred: list[Callable[[], None]] = field(default_factory=list)
    shutdown: Shutdown = field(init=False)
    background: Background = field(init=False)
    watch: WatchTable = field(init=False)
    scanner: Scanner = field(init=False)
    freeing: Freeing = field(init=False)
    saver: Saver = field(init=False)
    append_log: AppendLog = field(init=False)
    primary: Primary = field(init=False)
    tls: Tls = field(init=False)
    upstream: Upstream = field(default_factory=Upstream)
    hz: int = 10  # rounds a second, as they are now
    cluster: ClusterState | None = None  # of a node of a cluster
    bus: Bus | None = None  # the same
    exit_code: int = 0  # what the process ends with, if nothing else goes wrong

    def __post_init__(self) -> None:
        background = self.background = Background(self.scheduler.run_in_background)
        self.tls = Tls(self.config, self.log)
        self.freeing = Freeing(self.scheduler.call_later)
        pictures = Pictures(self.databases, self.scheduler.call_later, self.freeing.add_rest)
        self.saver = Saver(self.config, pictures, self.events, background.save, self.log)
        self.append_log = AppendLog(self.config, pictures, background, self.scheduler.call_soon, self.log)
        self.primary = Primary(self.config, self.journal, self.scheduler.call_soon, self.log)
        history = self.primary.history
        self.primary.transfers = Transfers(self.config, pictures, history, self.scheduler, background.save, self.log)
        self.watch = WatchTable(self.databases)
        self.scanner = Scanner(self.events)
        self.events.stats = self.stats
        self.on_client_gone += [self.guard.forget, self.watch.forget]
        self.events.on_expire.append(self._journal_expired)

    def _journal_expired(self, database: int, key: bytes) -> None:
        """A key whose time came is journaled as a deletion: replicas and the AOF do not expire."""
        if self.journal.subscribers:
            self.journal.append(database, [[b"DEL", key]])

    def run_deferred(self) -> None:
        """Run what was deferred, and what that defers in its turn; not while a script is suspended."""
        while self.deferred and not self.guard.busy:
            waiting, self.deferred = self.deferred, []
            for function in waiting:
                function()


class Context:
    """One per client, made once. `db` follows SELECT.

    `effects` replaces what the journal gets; `effects_db` is the database that a replay of them has selected.
    `slow`: a command of this client took so long that others should go first.
    """

    __slots__ = ("client", "db", "effects", "effects_db", "server", "slow")

    def __init__(self, client: Client, server: Services) -> None:
        self.client = client
        self.server = server
        self.db = server.databases[client.db]
        self.effects: list[Effect] | None = None
        self.effects_db = client.db
        self.slow = False

    def select(self, index: int) -> None:
        """Switch to another database; the caller has checked the index."""
        self.client.db = index
        self.db = self.server.databases[index]

    def notify(self, kind: str, event: str, key: bytes) -> None:
        """Announce a keyspace event on a key of the selected database."""
        events = self.server.events
        if events.on_event:
            events.notify(kind, event, self.db.index, key)

    @property
    def journaled(self) -> bool:
        """Whether anybody reads the journal: only then is `propagate` worth its arguments."""
        return bool(self.server.journal.subscribers)

    def propagate(self, *effects: Effect) -> None:
        """Journal these effects in place of the command as it came (none at all: journal nothing)."""
        self.effects = [*(self.effects or ()), *effects]
