"""A connection as asyncio wants it: an instance of its protocol class, which no compiled class can inherit from."""

from __future__ import annotations

import asyncio
from typing import Final

from pyredisai.server.connection import Connection

_CALLBACKS: Final = (
    *("connection_made", "connection_lost", "eof_received"),
    *("get_buffer", "buffer_updated", "pause_writing", "resume_writing"),
)


class Endpoint(asyncio.BufferedProtocol):
    """Its callbacks are the connection's own methods, so that a call costs no more than there."""

    def __init__(self, connection: Connection) -> None:
        for name in _CALLBACKS:
            setattr(self, name, getattr(connection, name))
