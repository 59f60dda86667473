"""One client's state. It knows no socket: `Link` is what a connection offers to commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pyredisai import clock
from pyredisai.resp.replies import Blocked, Reply

if TYPE_CHECKING:
    from pyredisai.commands.context import Context
    from pyredisai.commands.spec import Args, Command
    from pyredisai.commands.tracking import Tracked
    from pyredisai.replication.peer import Peer


class Buffered(NamedTuple):
    """Bytes that a connection holds: of a request that is not complete, room made for the rest of that, its complete
    arguments, and replies that are to be sent."""

    query: int = 0
    query_free: int = 0
    arguments: int = 0
    replies: int = 0


class Link(Protocol):
    """The way out to a client, implemented by the connection (and by fakes for scripts and tests)."""

    def push(self, reply: Reply) -> None:
        """Send an out-of-band reply (pub/sub, invalidation, MONITOR) in the client's RESP version."""

    def close(self, *, after_reply: bool = False) -> None:
        """Close the connection, at once or when the pending replies have been written."""

    def output_buffered(self) -> int:
        """Bytes that wait to be written."""

    def buffers(self) -> Buffered:
        """What else it holds."""

    def delay_packets(self) -> None:
        """Send fewer packets, later."""


class Permissions(Protocol):
    """What ACL lets a limited user do."""

    def check(self, ctx: Context, command: Command, args: Args) -> None:
        """Raises ReplyError (NOPERM) for a command, key or channel that the user may not use."""


class NoLink:
    """The link of a client without a connection: a script, the log that is being loaded, one that is gone."""

    def push(self, reply: Reply) -> None:
        """Nobody hears it."""

    def close(self, *, after_reply: bool = False) -> None:
        """Nothing to close."""

    def output_buffered(self) -> int:
        """Nothing waits."""
        return 0

    def buffers(self) -> Buffered:
        """Nothing is held."""
        return Buffered()

    def delay_packets(self) -> None:
        """There are none."""


NO_LINK: Final = NoLink()


@dataclass(slots=True, eq=False)
class Client:
    """What Redis keeps of a connection. Times in Unix milliseconds; `resp` is 2 or 3.

    `reply_mode` is on, off, skip_next or skip (CLIENT REPLY). `queued` is the MULTI queue, None outside MULTI;
    `queue_error` makes EXEC abort; `in_exec` is true while EXEC runs the queue (nothing may block);
    `watched` holds (db, key) and `dirty_watch` makes EXEC answer null.
    `subscriptions` counts channels, patterns and shard channels (see `pubsub`); above 0 a RESP2 client may send
    few commands only. `permissions` is what ACL limits the user to (None: nothing). `monitor`: it sent MONITOR;
    `held`: CLIENT PAUSE keeps its request back; `waiting`: what its blocked request waits for.
    `replica` is what the server keeps of a replica that is connected here; `written` is the stream's offset behind
    the client's last write (0: none), for WAIT.
    `asking`: above 0 while ASKING holds, which it does for one command or transaction.
    `obeyed`: what it sends has happened elsewhere (on the primary, in a log) and must have the same effect here.
    `flags` hold letters of CLIENT LIST that no other field implies. `extra` is for families that keep
    state of their own (pub/sub, tracking, scripting): one attribute object each, by family name.
    """

    id: int
    link: Link
    addr: str = ""
    laddr: str = ""
    fd: int = -1
    db: int = 0
    resp: int = 2
    name: bytes = b""
    lib_name: bytes = b""
    lib_ver: bytes = b""
    user: str = "default"
    authenticated: bool = True
    created_ms: int = field(default_factory=clock.now_ms)
    last_ms: int = field(default_factory=clock.now_ms)
    last_command: str = "NULL"
    reply_mode: str = "on"
    queued: list[Any] | None = None
    queue_error: bool = False
    in_exec: bool = False
    watched: set[tuple[int, bytes]] = field(default_factory=set)
    dirty_watch: bool = False
    subscriptions: int = 0
    permissions: Permissions | None = None
    monitor: bool = False
    held: bool = False
    waiting: Blocked | None = None
    tracking: Tracked | None = None
    replica: Peer | None = None
    written: int = 0
    no_evict: bool = False
    blocked: bool = False
    closing: bool = False
    is_script: bool = False
    asking: int = 0
    obeyed: bool = False
    unix_socket: bool = False
    tls: bool = False
    is_local: bool = True
    flags: set[str] = field(default_factory=set)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def may_block(self) -> bool:
        """Whether a command may answer later: not inside EXEC, Lua or TorchScript."""
        return not (self.in_exec or self.is_script)
