"""One connection: bytes in, requests, replies out; one write per read. (First, simple form.)"""

from __future__ import annotations

import asyncio
from typing import Any

import hiredis

from pyredisai.commands import accounts
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import Blocked, Reply
from pyredisai.server.dispatch import process


class Connection(asyncio.Protocol):
    """A client's socket."""

    def __init__(self, services: Services, client_id: int) -> None:
        self.services = services
        self.client = Client(client_id, self)
        self.context = Context(self.client, services)
        self.reader = hiredis.Reader()
        self.out: Buffers = []
        self.waiting: Blocked | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport, register the client."""
        self.transport = transport
        self.services.clients[self.client.id] = self.client
        accounts.admit(self.services, self.client)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.services.clients.pop(self.client.id, None)
        for forget in self.services.on_client_gone:
            forget(self.client)
        if self.waiting is not None:
            self.waiting.cancel()

    def data_received(self, data: bytes) -> None:
        """Run every complete request."""
        self.reader.feed(data)
        self.run()

    def run(self) -> None:
        """Run requests until there are none or one blocks; then one write."""
        while self.waiting is None:
            args = self.reader.gets()
            if args is False:
                break
            if not args:
                continue
            reply = process(self.context, args)
            if type(reply) is Blocked and not reply.resolved:
                self.waiting = reply
                reply.then(self.resume)
            else:
                encode(reply.reply if type(reply) is Blocked else reply, self.client.resp, self.out)
        if self.out:
            self.transport.writelines(self.out)
            self.out = []

    def resume(self, reply: Reply) -> None:
        """A blocked request has its reply: send it and go on."""
        self.waiting = None
        encode(reply, self.client.resp, self.out)
        self.run()

    def push(self, reply: Reply) -> None:
        """Send an out-of-band reply."""
        encode(reply, self.client.resp, self.out)
        self.transport.writelines(self.out)
        self.out = []

    def close(self, *, after_reply: bool = False) -> None:
        """Close."""
        self.transport.close()

    def output_buffered(self) -> int:
        """Bytes that wait to be written."""
        return int(self.transport.get_write_buffer_size())
