"""One connection: bytes in, requests, replies out; one write per read, together with those of the other connections.

A connection is stopped while its client is blocked (a reply comes later) or choked (it does not read its replies).
Requests then wait, first here, and in the kernel when more than BACKLOG bytes wait.
"""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from typing import Any, Final

from pyredisai.commands import accounts
from pyredisai.commands.client import NO_LINK, Buffered, Client
from pyredisai.commands.context import Context, Services
from pyredisai.errors import ProtocolError, texts
from pyredisai.resp.encoder import Buffers, encode, error_line
from pyredisai.resp.parser import Parser
from pyredisai.resp.replies import Blocked, Error, Reply
from pyredisai.server import output
from pyredisai.server.dispatch import failure, process_queue, without_views
from pyredisai.server.limits import Limits

RECEIVE: Final = memoryview(bytearray(256 * 1024))
# A client that sends big arguments is read in small steps where the next may begin: what is read here is copied.
HEAD: Final = RECEIVE[: 16 * 1024]
BACKLOG: Final = 1024 * 1024
MOST_PUT_OFF: Final = 4  # receptions


class Connection:
    """A client's socket. All connections receive into one buffer, but big arguments go straight to their own.

    `server.endpoint` makes an asyncio protocol of it.
    """

    def __init__(self, services: Services, limits: Limits, turn: output.Turn | None = None) -> None:
        self.services = services
        self.stats = services.stats
        self.limits = limits
        self.turn = turn or output.Turn()
        self.client = Client(next(limits.ids), self)
        self.context = Context(self.client, services)
        self.parser = Parser(limits.max_bulk)
        self.queue: Iterator[list[Any]] | None = None
        self.out: Buffers = []
        self.target: memoryview | None = None
        self.room = RECEIVE
        self.transport: Any = None
        self.gathers = False
        self.waiting: Blocked | None = None
        self.choked = False
        self.stopped = False
        self.running = False
        self.reading = True
        self.flush_planned = False
        self.late: list[bytes] = []
        self.soft_since_ms = 0

    def connection_made(self, transport: Any) -> None:
        """Take the client in, or refuse it."""
        if self.admit(transport):
            self.greet()

    def admit(self, transport: Any) -> bool:
        """Take the client in if there is room; whether there was."""
        self.transport = transport
        self.gathers = type(transport).__module__.startswith(output.GATHERING)
        client = self.client
        self._introduce()
        if len(self.services.clients) >= self.limits.max_clients:
            self._turn_away(texts.MAX_CLIENTS)
            return False
        self.services.clients[client.id] = client
        self.services.log("verbose", f"Accepted {client.addr}")
        return True

    def greet(self) -> None:
        """The client can be spoken to: tell it if it may not stay."""
        client = self.client
        if self.limits.protected and client.authenticated and not client.is_local:
            self._turn_away(texts.DENIED)
        else:
            self.stats.connections_received += 1

    def _introduce(self) -> None:
        sock: socket.socket = self.transport.get_extra_info("socket")
        client, limits = self.client, self.limits
        client.fd = sock.fileno()
        client.unix_socket = sock.family == socket.AF_UNIX
        if client.unix_socket:
            client.addr = client.laddr = f"{sock.getsockname()}:0"
        else:
            peer = self.transport.get_extra_info("peername") or ("?", 0)
            client.addr = _address(peer)
            client.laddr = _address(self.transport.get_extra_info("sockname") or ("?", 0))
            client.is_local = peer[0] in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
            _keep_alive(sock, limits.keepalive)
        accounts.admit(self.services, client)

    def _turn_away(self, text: str) -> None:
        self.stats.rejected_connections += 1
        self.client.closing = True
        self.transport.write(error_line(text))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.late.clear()
        client = self.client
        client.closing = True
        client.link = NO_LINK  # no cycle is left: what half a request held is free at once
        self.stopped = True
        self.out.clear()
        if self.services.clients.pop(client.id, None) is None:
            return
        waiting, self.waiting, client.waiting = self.waiting, None, None
        if waiting is not None:
            waiting.cancel()
        for forget in self.services.on_client_gone:
            forget(client)
        self.services.log("verbose", f"Client closed connection id={client.id} addr={client.addr}")

    # Bytes in

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go: the rest of a big argument, or the shared buffer."""
        target = self.target
        return self.room if target is None else target

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come: run the requests that are complete."""
        client = self.client
        client.last_ms = self.limits.now_ms
        self.stats.net_input_bytes += nbytes
        if self.target is not None:
            self.target = self.parser.strict.filled(nbytes)
            if self.target is None:
                self.run(None)
            else:
                self._check_query()
            return
        data = RECEIVE[:nbytes].tobytes()
        # One who sends big arguments would have to wait again for the rest of them.
        if self.late or (self.context.slow and self.room is RECEIVE and len(self.services.clients) > 1):
            self._put_off(data)
        else:
            self._take(data)

    def eof_received(self) -> None:
        """The client sends no more; the connection closes."""
        self.catch_up()

    def _put_off(self, data: bytes) -> None:
        """Leave it for the end of the turn."""
        if not self.late:
            self.turn.put_off(self)
        self.late.append(data)
        if len(self.late) > MOST_PUT_OFF and self.reading:
            self.reading = False
            self.transport.pause_reading()

    def catch_up(self) -> None:
        """Take what was put off."""
        waiting, self.late = self.late, []
        self.context.slow = False
        if waiting and not self.client.closing:
            self._take(waiting[0] if len(waiting) == 1 else b"".join(waiting))

    def _take(self, data: bytes) -> None:
        if self.stopped:
            self._hold_back(data)
            return
        parser = self.parser
        if not self.client.authenticated:
            parser.strict.limited = True
        requests = parser.feed(data)
        self.run(iter(requests) if requests else None)
        if len(data) == len(HEAD) and self.target is None:
            self.room = RECEIVE

    def _hold_back(self, data: bytes) -> None:
        if self.client.closing:
            return
        self.parser.hold(data)
        if self.parser.strict.buffered() > BACKLOG and self.reading:
            self.reading = False
            self.transport.pause_reading()
        self._check_query()

    def _check_query(self) -> None:
        if self.parser.strict.buffered() > self.limits.max_query:
            client = self.client
            self.services.log(
                "warning", f"Closing client that reached max query buffer length: id={client.id} addr={client.addr}"
            )
            self.close()
        elif self.limits.on_growth is not None:
            self.limits.on_growth(self.client)

    # Requests

    def run(self, queue: Iterator[list[Any]] | None) -> None:
        """Run requests, and those that the parser has more, until there are none or the connection is stopped.

        Then one write.
        """
        self.running = True
        try:
            self._run(queue)
        except ProtocolError as error:
            self._protocol_error(error)
        except Exception:
            self.services.log("warning", "A connection failed and is closed:\n" + traceback.format_exc())
            self.client.closing = True
        self.running = False
        if self.out:
            if self.client.closing or len(self.services.clients) == 1:
                self.flush()
            elif not self.flush_planned:
                self.turn.add(self)
        if self.client.closing:
            self.stopped = True
            self.transport.close()
        elif not self.stopped and not self.reading:
            self.reading = True
            self.transport.resume_reading()

    def _run(self, queue: Iterator[list[Any]] | None) -> None:
        client, context, parser = self.client, self.context, self.parser
        while True:
            while queue is not None and (stop := process_queue(context, queue, self.out)) is not False:
                if type(stop) is Blocked:
                    self._block(stop, queue)
                    return
                self.flush()
                if self.stopped:
                    self.queue = queue
                    return
            if client.closing:
                return
            if parser.idle:
                return
            strict = parser.strict
            strict.limited = not client.authenticated
            strict.max_bulk = self.limits.max_bulk
            requests = parser.more()
            if not requests:
                self.target = strict.target()
                if self.target is not None:
                    self.room = HEAD
                self._check_query()
                return
            if strict.views:
                requests = [without_views(context, request) for request in requests]
            queue = iter(requests)

    def _protocol_error(self, error: ProtocolError) -> None:
        client = self.client
        self.services.log("verbose", f"Protocol error ({error.text}) from client: id={client.id} addr={client.addr}")
        encode(failure(self.context, texts.protocol_error(error.text)), client.resp, self.out)
        client.closing = True

    def _block(self, reply: Blocked, queue: Iterator[list[Any]]) -> None:
        self.queue = queue
        self.waiting = reply
        self.stopped = True
        self.client.blocked = True
        self.client.waiting = reply
        reply.then(self._resume)

    def _resume(self, reply: Reply) -> None:
        """A blocked request has its reply: send it and go on."""
        self.waiting = self.client.waiting = None
        self.client.blocked = False
        self.client.written = self.services.primary.history.offset
        self.stopped = self.choked
        if type(reply) is Error:
            failure(self.context, reply.text)
        try:
            encode(reply, self.client.resp, self.out)
        except Exception:
            self.services.log("warning", "A connection failed and is closed:\n" + traceback.format_exc())
            self.client.closing = True
        if self.stopped:
            self.flush()
        else:
            self._go_on()

    def _go_on(self) -> None:
        queue, self.queue = self.queue, None
        self.run(queue)

    # Replies out

    def flush(self) -> None:
        """Write what has been encoded."""
        out = self.out
        if not out:
            return
        size = len(out[0]) if len(out) == 1 else sum(map(len, out))
        if self.choked or size > output.LARGE or self.limits.low_output:
            self.check_output(size)
            if not out:
                return
        self.stats.net_output_bytes += size
        output.write(self.transport, out, size, self.gathers)

    def check_output(self, fresh: int = 0) -> None:
        """Close the client if it is over the output limit of its class; `fresh` bytes are to be added."""
        client, limits = self.client, self.limits
        if limits.on_growth is not None:
            limits.on_growth(client)
        limit = limits.output_limit(client)
        if not limit.hard and not limit.soft:
            return
        held = fresh + self.output_buffered()
        if limit.soft and held >= limit.soft:
            self.soft_since_ms = self.soft_since_ms or limits.now_ms
            too_long = limits.now_ms - self.soft_since_ms > limit.seconds * 1000
        else:
            self.soft_since_ms = 0
            too_long = False
        if too_long or (limit.hard and held >= limit.hard):
            self.services.log(
                "warning",
                f"Client id={client.id} addr={client.addr} omem={held} scheduled to be closed ASAP for overcoming"
                " of output buffer limits.",
            )
            self.close()

    def pause_writing(self) -> None:
        """The client does not read as fast as it asks."""
        self.choked = True
        if self.client.replica is None:
            self.stopped = True
        else:  # its acknowledgements are heard all the same
            self.client.replica.set_choked(True)

    def resume_writing(self) -> None:
        """It has read nearly everything."""
        self.choked = False
        self.soft_since_ms = 0
        if self.client.replica is not None:
            self.client.replica.set_choked(False)
        if self.waiting is None and not self.client.closing:
            self.stopped = False
            if not self.running:
                self._go_on()

    def push(self, reply: Reply) -> None:
        """Send an out-of-band reply, with what else is sent in this turn of the loop."""
        if self.client.closing:
            return
        encode(reply, self.client.resp, self.out)
        if not self.running and not self.flush_planned:
            self.turn.add(self)

    def close(self, *, after_reply: bool = False) -> None:
        """Close: at once, or when the replies so far have been written."""
        self.client.closing = True
        self.stopped = True
        if not after_reply:
            self.out.clear()
            self.transport.abort()
        elif not self.running:
            self.flush()
            self.transport.close()

    def delay_packets(self) -> None:
        """Let the system wait for more before it sends a small packet."""
        sock = self.transport.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def output_buffered(self) -> int:
        """Bytes that wait to be written."""
        held = 0 if self.client.replica is None else self.client.replica.held
        return held + int(self.transport.get_write_buffer_size())

    def buffers(self) -> Buffered:
        """What it holds beside that."""
        strict = self.parser.strict
        query = strict.buffered() + sum(map(len, self.late))
        return Buffered(query, strict.room(), strict.complete(), sum(map(len, self.out)))


def _address(name: tuple[Any, ...]) -> str:
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _keep_alive(sock: socket.socket, seconds: int) -> None:
    if seconds:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(seconds // 3, 1))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
