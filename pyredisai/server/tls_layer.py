"""TLS between a socket and a connection: protocol of the socket's transport, and the transport of the connection.

asyncio's own TLS transports do not tell how many bytes wait in the socket's transport below them, which output limits
and INFO need, and wait for the other side's goodbye at the end. Here whatever is written is encrypted at once and
waits below, in one place; the connection is told of congestion by the socket's transport itself, as without TLS.

The client is known, counted and shown from the moment it connects, as in Redis. Before the handshake is done nothing
is sent to it but what TLS itself says.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final

from pyredisai.config.tls import reason_of
from pyredisai.errors import ConfigError
from pyredisai.errors import tls_texts as texts
from pyredisai.server.connection import Connection

# Received bytes go from here to the layer that they belong to before anybody else receives.
_RECEIVE: Final = memoryview(bytearray(256 * 1024))
# What is encrypted in one go; OpenSSL's buffer keeps the size that it once had.
_PIECE: Final = 256 * 1024

_BEFORE: Final = 0
_HANDSHAKE: Final = 1
_OPEN: Final = 2
_CLOSED: Final = 3


class TlsLayer:
    """One client. `server.endpoint` makes an asyncio protocol of it."""

    def __init__(self, connection: Connection, make_context: Callable[[], ssl.SSLContext]) -> None:
        self._connection: Connection | None = connection
        self._make_context = make_context
        self._log = connection.services.log
        self._plain: Any = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._ssl: Any = None
        self._state = _BEFORE
        self._paused = False

    # The socket's side

    def connection_made(self, transport: Any) -> None:
        """Take the client in, and await its hello."""
        self._plain = transport
        connection = self._connection
        assert connection is not None
        try:
            context = self._make_context()
        except ConfigError:  # the log knows
            self._close()
            return
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._state = _HANDSHAKE
        connection.client.tls = True
        connection.admit(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next encrypted bytes go."""
        return _RECEIVE

    def buffer_updated(self, nbytes: int) -> None:
        """Encrypted bytes have come."""
        self._incoming.write(_RECEIVE[:nbytes])
        if self._state == _OPEN:
            self._read()
        elif self._state == _HANDSHAKE:
            self._shake_hands()

    def eof_received(self) -> None:
        """The client sends no more; the socket closes."""
        if self._state == _HANDSHAKE:
            self._refuse(texts.UNEXPECTED_EOF)
        elif self._connection is not None:
            self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        connection, self._connection = self._connection, None  # no cycle is left
        if self._state == _HANDSHAKE and connection is not None and not connection.client.closing:
            self._log("warning", texts.not_accepted(texts.UNEXPECTED_EOF, connection.client.fd))
        self._state = _CLOSED
        if connection is not None:
            connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read as fast as it asks."""
        if self._connection is not None:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """It has read nearly everything."""
        if self._connection is not None:
            self._connection.resume_writing()

    # In between

    def _shake_hands(self) -> None:
        try:
            self._ssl.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except ssl.SSLError as error:
            self._send()
            self._refuse(reason_of(error))
            return
        self._send()
        self._state = _OPEN
        if self._connection is not None:
            self._connection.greet()
        self._read()

    def _refuse(self, reason: str) -> None:
        if self._connection is not None:
            self._log("warning", texts.not_accepted(reason, self._connection.client.fd))
            self._connection.client.closing = True
        self._close()

    def _send(self) -> None:
        if self._outgoing.pending:
            self._plain.write(self._outgoing.read())

    def _read(self) -> None:
        """Decrypt what is there, straight into the connection's buffers."""
        incoming, pending, read = self._incoming, self._ssl.pending, self._ssl.read
        while not self._paused and self._state == _OPEN and (incoming.pending or pending()):
            connection = self._connection
            assert connection is not None
            room = connection.get_buffer(-1)
            size, filled, ended = len(room), 0, False
            try:
                filled = count = read(size, room)
                while count and filled < size and (incoming.pending or pending()):
                    count = read(size - filled, room[filled:])
                    filled += count
                ended = not count
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                self._fail(error)
                return
            if self._outgoing.pending:  # of TLS itself
                self._send()
            if filled:
                connection.buffer_updated(filled)
            if ended:  # the replies of this turn go first
                asyncio.get_running_loop().call_soon(self._end)
                return
            if filled < size:
                return

    def _end(self) -> None:
        """The client has said goodbye."""
        if self._connection is not None and self._state == _OPEN:
            self._connection.eof_received()
            self.close()

    # The connection's side: what it asks of a transport

    def write(self, data: bytes | memoryview) -> None:
        """Encrypt and send; before the handshake is done nothing is sent, as in Redis."""
        if self._state != _OPEN:
            return
        try:
            sent = self._ssl.write(data)
            if sent < len(data):
                self._write_rest(memoryview(data)[sent:])
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._plain.write(self._outgoing.read())

    def _write_rest(self, rest: memoryview) -> None:
        """OpenSSL takes one record at a time."""
        write, outgoing = self._ssl.write, self._outgoing
        while rest:
            if outgoing.pending >= _PIECE:
                self._plain.write(outgoing.read())
            rest = rest[write(rest) :]

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        """Encrypt and send several pieces of bytes."""
        for part in parts:
            self.write(part)

    def close(self) -> None:
        """Say goodbye when all has been sent, and do not wait for an answer."""
        if self._state == _OPEN:
            try:
                self._ssl.unwrap()
            except ssl.SSLError:
                pass
            self._send()
        self._close()

    def _close(self) -> None:
        self._state = _CLOSED
        self._plain.close()

    def _fail(self, error: ssl.SSLError) -> None:
        self._log("verbose", texts.not_read(reason_of(error)))
        self._send()  # the alert
        self._close()

    def abort(self) -> None:
        """Close at once; what has not been sent is lost, but for a goodbye that nothing waits before."""
        if self._plain.get_write_buffer_size():
            self._state = _CLOSED
            self._plain.abort()
        else:
            self.close()

    def pause_reading(self) -> None:
        """Hand on nothing, and receive nothing."""
        self._paused = True
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        """Go on, first with what is here already."""
        self._paused = False
        self._plain.resume_reading()
        if self._state == _OPEN:
            asyncio.get_running_loop().call_soon(self._read)

    def get_write_buffer_size(self) -> int:
        """Bytes that wait, as they are sent: encrypted."""
        return int(self._plain.get_write_buffer_size())

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the socket's transport knows, and `ssl_object`."""
        return self._ssl if name == "ssl_object" else self._plain.get_extra_info(name, default)
