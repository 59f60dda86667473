"""The link of a replica to its primary: connects, loads the snapshot, applies the stream, acknowledges, tries again."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

from pyredisai.commands.client import Buffered, Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.failover import handed_over
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError, PersistenceError
from pyredisai.persistence.aof.commands import encode
from pyredisai.replication.replica import (
    Continue,
    Event,
    FullSync,
    Handshake,
    Identity,
    LinkError,
    Send,
    SnapshotBegins,
    SnapshotEnds,
    SnapshotPart,
    Stream,
)
from pyredisai.resp.replies import Reply
from pyredisai.server.applying import Applier
from pyredisai.server.receiving import Receiver

_RETRY_S: Final = 1


class Follower:
    """Keeps a link as long as this server is a replica. `next_id` numbers the link among the clients."""

    def __init__(self, services: Services, next_id: Callable[[], int]) -> None:
        self._services = services
        self._next_id = next_id
        self._link: PrimaryLink | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._tried_at = 0.0
        self._active = False

    def start(self) -> None:
        """Follow the primary that the configuration names, from now on."""
        self.stop()
        upstream, primary = self._services.upstream, self._services.config["replicaof"]
        upstream.host, upstream.port = primary.host, primary.port
        upstream.down_since_s = upstream.last_io_s = time.monotonic()
        upstream.was_up = False
        self._active = True
        self._tried_at = 0.0
        self.round()

    def stop(self) -> None:
        """Follow nobody."""
        self._active = False
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._link is not None:
            self._link.close()
        self._services.upstream.set_state("connect")

    def round(self) -> None:
        """By the clock: connect, acknowledge, notice silence."""
        if not self._active:
            return
        if self._link is not None:
            self._link.round()
        elif self._connecting is None and time.monotonic() - self._tried_at >= _RETRY_S:
            self._tried_at = time.monotonic()
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        services, upstream = self._services, self._services.upstream
        services.log("notice", f"Connecting to MASTER {upstream.host}:{upstream.port}")
        upstream.set_state("connecting")
        link = PrimaryLink(services, self._next_id(), self._lost)
        loop = asyncio.get_running_loop()
        address: str = services.config["bind-source-addr"]
        source = (address, 0) if address else None
        try:
            async with asyncio.timeout(services.config["repl-timeout"]):
                # An empty host name: none is looked for in the primary's certificate.
                context = services.tls.client_context if services.config["tls-replication"] else None
                name = None if context is None else ""
                await loop.create_connection(
                    lambda: link, upstream.host, upstream.port, local_addr=source, ssl=context, server_hostname=name
                )
        except (ConfigError, OSError, TimeoutError) as error:
            services.log("warning", f"Error condition on socket for SYNC: {error}")
            upstream.set_state("connect")
        else:
            self._link = link
        self._connecting = None

    def _lost(self, link: PrimaryLink) -> None:
        if link is self._link:
            self._link = None
            self._services.upstream.set_state("connect")


class PrimaryLink(asyncio.Protocol):
    """One connection to the primary. It reads nothing while it loads, or while a command of the stream takes its time.

    It is the `Link` of the client that CLIENT LIST shows as the primary (flag M).
    """

    def __init__(self, services: Services, id: int, on_lost: Callable[[PrimaryLink], None]) -> None:
        self._services, self._upstream, self._on_lost = services, services.upstream, on_lost
        self._transport: Any = None
        self._heard_at = self._acked_at = time.monotonic()
        self._sync: FullSync | None = None
        self._receiver: Receiver | None = None
        self._loading: asyncio.Task[None] | None = None
        self._closed = self._given_up = False
        config = services.config
        client = self.client = Client(
            id, self, addr=f"{self._upstream.host}:{self._upstream.port}", flags={"M"}, obeyed=True
        )
        self._context = Context(client, services)
        self._applier = Applier(self._context, self._resume, self._acknowledge)
        me = Identity(
            config["replica-announce-port"] or _own_port(config),
            config["replica-announce-ip"],
            config["masteruser"],
            config["masterauth"],
        )
        history = services.primary.history
        place = (history.id, history.offset + 1) if history.resumable else ("?", -1)
        if history.resumable:
            self._context.select(self._upstream.database)
        self._handshake = Handshake(me, *place, hands_over=self._upstream.hands_over)

    # asyncio's side

    def connection_made(self, transport: Any) -> None:
        """Begin to talk."""
        self._transport = transport
        self.client.laddr = "{}:{}".format(*transport.get_extra_info("sockname")[:2])
        self.client.fd = transport.get_extra_info("socket").fileno()
        self._services.clients[self.client.id] = self.client
        self._upstream.set_state("handshake")
        transport.write(self._handshake.begin())

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._heard_at = self._upstream.last_io_s = time.monotonic()
        self._services.primary.stats.input_bytes += len(data)
        self._handshake.feed(data)
        if not self.is_busy:
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """The link is gone; what is being loaded is loaded to its end."""
        self._closed = True
        self.client.closing = True
        self._services.clients.pop(self.client.id, None)
        for forget in self._services.on_client_gone:
            forget(self.client)
        if self._receiver is not None and self._loading is None:
            self._receiver.close()
        if not self.is_busy:
            self._gone()

    def _gone(self) -> None:
        self._services.log("notice", "Connection with master lost.")
        self._on_lost(self)

    # Of commands.client.Link

    def push(self, reply: Reply) -> None:
        """The primary gets no replies."""

    def close(self, *, after_reply: bool = False) -> None:
        """Close it."""
        self._given_up = True
        self._applier.stop()
        if self._transport is not None:
            self._transport.abort()

    def output_buffered(self) -> int:
        """Bytes that wait to be written."""
        return int(self._transport.get_write_buffer_size()) if self._transport is not None else 0

    def buffers(self) -> Buffered:
        """The primary's stream is no request."""
        return Buffered()

    def delay_packets(self) -> None:
        """Not to a primary."""

    # The protocol

    @property
    def is_busy(self) -> bool:
        """Whether it waits for something before it takes more."""
        return self._loading is not None or self._applier.is_blocked

    def _go_on(self) -> None:
        try:
            self._applier.poke()
            for event in () if self.is_busy else self._handshake.events():
                self._handle(event)
                if self.is_busy:
                    break
            if self.is_busy:
                if not self._closed:
                    self._transport.pause_reading()
                return
        except (LinkError, OSError) as error:
            what = "Keeping the MASTER synchronization DB failed: " if isinstance(error, OSError) else ""
            self._services.log("warning", f"{what}{error}")
            self.close()
            if self._upstream.hands_over:
                handed_over(self._services, accepted=False)
        except Exception:
            self._services.log("warning", "The link to the primary failed:\n" + traceback.format_exc())
            self.close()
        if self._closed:
            self._gone()

    def _resume(self) -> None:
        """What was waited for is there."""
        if not self._closed:
            self._transport.resume_reading()
        self._go_on()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Stream):
            self._applier.feed(event.data)
        elif isinstance(event, SnapshotPart):
            assert self._receiver is not None
            self._receiver.add(event.data)
            self._upstream.sync_read += len(event.data)
        elif isinstance(event, Send):
            self._transport.write(event.data)
        elif isinstance(event, Continue):
            self._continue(event.id)
            self._handed_over()
        elif isinstance(event, FullSync):
            self._sync = event
            self._handed_over()
            self._upstream.set_state("sync")
            self._upstream.sync_total = self._upstream.sync_read = 0
            self._services.log("notice", f"Full resync from master: {event.id}:{event.offset}")
        elif isinstance(event, SnapshotBegins):
            self._upstream.sync_total = event.size
            self._receiver = Receiver(self._services)
        elif isinstance(event, SnapshotEnds):
            self._loading = asyncio.get_running_loop().create_task(self._load())

    def _handed_over(self) -> None:
        if self._upstream.hands_over:
            handed_over(self._services, accepted=True)

    def _continue(self, id: str) -> None:
        primary = self._services.primary
        history = primary.history
        self._services.log("notice", "Successful partial resynchronization with master.")
        if id and id != history.id:
            self._services.log("notice", f"Master replication ID changed to {id}")
            history.branch(id)
            primary.drop_all()
        history.keep(self._services.config["repl-backlog-size"])
        self._upstream.set_state("connected")

    async def _load(self) -> None:
        assert self._sync is not None
        assert self._receiver is not None
        services = self._services
        primary = services.primary
        primary.drop_all()
        try:
            database = await self._receiver.load(self._sync.id, self._still_here)
        except (OSError, PersistenceError) as error:
            services.log("warning", f"Failed trying to load the MASTER synchronization DB: {error}")
            self.close()
        except Exception:
            services.log("warning", "Loading the MASTER synchronization DB failed:\n" + traceback.format_exc())
            self.close()
        else:
            primary.history.adopt(self._sync.id, self._sync.offset, services.config["repl-backlog-size"])
            self._context.select(database)
            self._upstream.database = database
            if not self._closed:
                self._upstream.set_state("connected")
                self._acknowledge()
            services.log("notice", "MASTER <-> REPLICA sync: Finished with success")
        self._receiver = self._sync = self._loading = None
        self._resume()

    def _still_here(self) -> None:
        """Tell the primary, while loading, that we live. Raises LinkError when nobody wants it any more."""
        if self._given_up:
            raise LinkError("the link was given up")
        now = time.monotonic()
        if now - self._acked_at >= 1 and not self._closed:
            self._acked_at = now
            self._transport.write(b"\n")

    def _acknowledge(self) -> None:
        if not self._closed:
            self._acked_at = time.monotonic()
            offset = self._services.primary.history.offset
            self._transport.write(encode([b"REPLCONF", b"ACK", b"%d" % offset]))

    def round(self) -> None:
        """By the clock."""
        now = time.monotonic()
        if self.is_busy or self._closed:
            self._heard_at = now
            return
        if self._upstream.is_up:
            try:
                self._applier.poke()
            except LinkError as error:
                self._services.log("warning", str(error))
                self.close()
        if self._upstream.is_up and now - self._acked_at >= 1:
            self._acknowledge()
        if now - self._heard_at > self._services.config["repl-timeout"]:
            self._services.log("warning", "MASTER timeout: no data nor PING received...")
            self.close()


def _own_port(config: Registry) -> int:
    """The port that replicas of this replica, and sentinels, will be told of."""
    return int((config["tls-replication"] and config["tls-port"]) or config["port"])
