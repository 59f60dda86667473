"""Connections of the cluster bus over TCP, with or without TLS: those that other nodes open, and those to them.

The bus knows a link from the end of its handshake on.
"""

from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import Callable
from typing import Any, Final

from pyredisai.cluster.bus import Bus
from pyredisai.cluster.packets import BadPacket, Decoder, Packet
from pyredisai.cluster.state import Node
from pyredisai.config.tls import reason_of
from pyredisai.errors import ConfigError
from pyredisai.errors import tls_texts as texts
from pyredisai.server.tls_codec import TlsCodec

Receive = Callable[["BusLink", Packet], None]
MakeTls = Callable[[], TlsCodec]
_LEAST_PATIENCE_S: Final = 1.0


class BusLink(asyncio.Protocol):
    """One connection (`cluster.host.Link`). What is no packet closes it, and a handshake that fails or takes too long.

    `make_tls` is called when it is there; it raises ConfigError, and has logged why, where that cannot be made.
    """

    def __init__(self, bus: Bus, receive: Receive, node: Node | None = None, make_tls: MakeTls | None = None) -> None:
        self.node = node
        self.inbound = node is None
        self.created_ms = bus.host.now_ms()
        self.peer_ip = self.local_ip = ""
        self._bus, self._receive = bus, receive
        self._decoder = Decoder()
        self._make_tls = make_tls
        self._tls: TlsCodec | None = None
        self._patience: asyncio.TimerHandle | None = None
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
        if self._make_tls is None:
            self._ready()
        else:
            self._start_tls(self._make_tls)

    def _ready(self) -> None:
        """Packets may be sent."""
        if self.inbound:
            self._bus.accepted(self)
        else:
            self._bus.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._tls is not None:
            data = self._decrypt(self._tls, data)
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
        self._end_patience()
        if not self._closed:
            if self._tls is not None and not self._tls.is_open:
                self._log_refused(texts.UNEXPECTED_EOF)
            self._closed = True
            self._bus.lost(self)

    def _abort(self) -> None:
        if not self._closed and self._transport is not None:
            self._transport.abort()  # `connection_lost` follows

    # TLS

    def _start_tls(self, make_tls: MakeTls) -> None:
        try:
            tls = self._tls = make_tls()
        except ConfigError:
            self._abort()
            return
        patience_s = max(_LEAST_PATIENCE_S, self._bus.timeout_ms / 1000)
        self._patience = asyncio.get_running_loop().call_later(patience_s, self._abort)
        if not self.inbound:
            tls.shake_hands()
            self._transport.write(tls.outgoing())

    def _decrypt(self, tls: TlsCodec, data: bytes) -> bytes:
        """Hand the bytes to TLS, which may have something to say, or be ready now."""
        was_open = tls.is_open
        try:
            data = tls.decrypt(data)
        except ssl.SSLError as error:
            if was_open:
                self._bus.host.log("debug", texts.not_read_from_node(reason_of(error)))
            else:
                self._log_refused(reason_of(error))
            self._fail()
            return b""
        if answer := tls.outgoing():
            self._transport.write(answer)
        if tls.is_open and not was_open:
            self._end_patience()
            self._ready()
        if tls.ended:
            self._abort()
        return data

    def _log_refused(self, reason: str) -> None:
        node = self.node
        text = texts.node_not_accepted(reason)
        if node is not None:
            text = texts.node_not_reached(node.id, node.ip, node.bus_port, reason)
        self._bus.host.log("verbose", text)

    def _fail(self) -> None:
        """Close it when the other side has been told why."""
        assert self._tls is not None
        self._transport.write(self._tls.outgoing())
        self._transport.close()
        self.failed()

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    # The bus's side

    def send(self, data: bytes) -> None:
        """Send a packet."""
        if self._closed or self._transport is None:
            return
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            self._transport.write(self._tls.encrypt(data))
        except ssl.SSLError as error:
            self._bus.host.log("debug", texts.not_read_from_node(reason_of(error)))
            self._abort()

    def close(self) -> None:
        """Close it."""
        self._closed = True
        self._end_patience()
        if self._transport is not None:
            self._transport.abort()

    def failed(self) -> None:
        """It could not be opened, or not be used."""
        self._end_patience()
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
