"""TLS of a link of the cluster bus, without I/O: what the network brings in, what is said out, and back."""

from __future__ import annotations

import ssl
from typing import Final

_PIECE: Final = 256 * 1024


class TlsCodec:
    """One side of one connection. `is_open` when the handshake is done, `ended` when the other side has said goodbye.

    `outgoing` is to be sent after every call, also after one that raises: it may be an alert.
    """

    def __init__(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        self.is_open = self.ended = False
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)

    def shake_hands(self) -> None:
        """Go on with the handshake: the side that opens the connection begins. Raises ssl.SSLError."""
        try:
            self._ssl.do_handshake()
            self.is_open = True
        except ssl.SSLWantReadError:
            pass

    def decrypt(self, data: bytes) -> bytes:
        """What these bytes say, nothing before the handshake is done. Raises ssl.SSLError."""
        self._incoming.write(data)
        if not self.is_open:
            self.shake_hands()
        parts: list[bytes] = []
        try:
            while self.is_open and not self.ended:
                parts.append(self._ssl.read(_PIECE))
                self.ended = not parts[-1]
        except ssl.SSLWantReadError:
            pass
        return b"".join(parts)

    def encrypt(self, data: bytes) -> bytes:
        """What is to be sent for them; the handshake is done. Raises ssl.SSLError."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._ssl.write(rest) :]  # OpenSSL takes one record at a time
        return self.outgoing()

    def outgoing(self) -> bytes:
        """Bytes that are to be sent."""
        return self._outgoing.read()
