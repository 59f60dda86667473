"""A connection, or the TLS before one, as asyncio wants it: an instance of its protocol class.

No compiled class can inherit from that.
"""

from __future__ import annotations

import asyncio

from pyredisai.server.connection import Connection
from pyredisai.server.tls_layer import TlsLayer


class Endpoint(asyncio.BufferedProtocol):
    """Hands everything on; what is called for each reception is the connection's own, so that it costs no more."""

    __slots__ = ("_connection", "buffer_updated", "get_buffer")

    def __init__(self, connection: Connection | TlsLayer) -> None:
        self._connection = connection
        # Slots stand where the base class has methods: mypy knows no such thing.
        self.get_buffer = connection.get_buffer  # type: ignore[method-assign]
        self.buffer_updated = connection.buffer_updated  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.BaseProtocol."""
        self._connection.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Of asyncio.BaseProtocol."""
        self._connection.connection_lost(exc)

    def eof_received(self) -> None:
        """Of asyncio.BufferedProtocol."""
        self._connection.eof_received()

    def pause_writing(self) -> None:
        """Of asyncio.BaseProtocol."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Of asyncio.BaseProtocol."""
        self._connection.resume_writing()
