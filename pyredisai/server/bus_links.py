"""Connections of the cluster bus over TCP, those that other nodes open to this one and those that it opens."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from pyredisai.cluster.bus import Bus
from pyredisai.cluster.packets import BadPacket, Decoder, Packet
from pyredisai.cluster.state import Node

Receive = Callable[["BusLink", Packet], None]


class BusLink(asyncio.Protocol):
    """One connection (`cluster.host.Link`). What is no packet closes it."""

    def __init__(self, bus: Bus, receive: Receive, node: Node | None = None) -> None:
        self.node = node
        self.inbound = node is None
        self.created_ms = bus.host.now_ms()
        self.peer_ip = self.local_ip = ""
        self._bus, self._receive = bus, receive
        self._decoder = Decoder()
        self._transport: Any = None
        self._closed = False

    # asyncio's side

    def connection_made(self, transport: Any) -> None:
        """It is there."""
        self._transport = transport
        if self._closed:
            transport.abort()
            return
        self.peer_ip = str(transport.get_extra_info("peername")[0])
        self.local_ip = str(transport.get_extra_info("sockname")[0])
        if self.inbound:
            self._bus.accepted(self)
        else:
            self._bus.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        try:
            for packet in self._decoder.feed(data):
                if self._closed:
                    return
                self._receive(self, packet)
        except BadPacket as error:
            self._bus.host.log("warning", f"Bad message from {self.peer_ip} on the cluster bus: {error}")
            self._abort()
        except Exception:
            self._bus.host.log("warning", "A message of the cluster bus failed:\n" + traceback.format_exc())
            self._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if not self._closed:
            self._closed = True
            self._bus.lost(self)

    def _abort(self) -> None:
        if not self._closed and self._transport is not None:
            self._transport.abort()  # `connection_lost` follows

    # The bus's side

    def send(self, data: bytes) -> None:
        """Send a packet."""
        if not self._closed and self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close it."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def failed(self) -> None:
        """It could not be opened."""
        if not self._closed:
            self._closed = True
            self._bus.lost(self)

    @property
    def send_buffer_used(self) -> int:
        """Bytes that wait to be sent."""
        return int(self._transport.get_write_buffer_size()) if self._transport is not None and not self._closed else 0

    @property
    def send_buffer_allocated(self) -> int:
        """The memory that they take."""
        return self.send_buffer_used

    @property
    def events(self) -> str:
        """What is waited for: r to read, w to write."""
        return "rw" if self.send_buffer_used else "r"
