"""A small RESP client over a plain socket, for tests that look at the wire.

Replies become Python values that keep RESP's types apart: a simple string is `str`, a bulk string `bytes`, an error
an `ErrorReply` (returned, never raised), a set a `SetReply`, a push a `Push`. `raw` gives a reply's bytes as they came.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

Argument = bytes | bytearray | memoryview | str | int | float


class ErrorReply(Exception):
    """An error reply; equal to its text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ErrorReply):
            return self.text == other.text
        return other == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __contains__(self, part: str) -> bool:
        return part in self.text


class SetReply(list[Any]):
    """A RESP3 set, in the order of the wire."""


class Push(list[Any]):
    """A RESP3 push message."""


class Attribute(list[Any]):
    """A RESP3 attribute: a flat list of keys and values, then the reply that it precedes."""


class Verbatim(bytes):
    """A RESP3 verbatim string, with its `txt:` prefix."""


class Closed(Exception):
    """The server closed the connection."""


def encode(*args: Argument) -> bytes:
    """A request: an array of bulk strings."""
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, bytes | bytearray | memoryview) else str(arg).encode()
        out += [b"$%d\r\n" % len(data), data, b"\r\n"]
    return b"".join(out)


class RespClient:
    """One connection; also a context manager."""

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        unixsocket: str | None = None,
        timeout: float = 15,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if unixsocket:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(unixsocket)
        else:
            self.sock = socket.create_connection((host, port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                try:
                    self.sock = tls.wrap_socket(self.sock, suppress_ragged_eofs=False)
                except BaseException:
                    self.sock.close()
                    raise
        self._buf = bytearray()
        self._pos = 0

    def __enter__(self) -> RespClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __call__(self, *args: Argument) -> Any:
        """Send one command, return its reply."""
        self.send(*args)
        return self.read()

    def ok(self, *args: Argument) -> Any:
        """Send one command whose reply must not be an error."""
        reply = self(*args)
        assert not isinstance(reply, ErrorReply), f"{args[:4]!r}: {reply.text}"
        return reply

    def raw(self, *args: Argument) -> bytes:
        """Send one command, return its reply byte for byte."""
        self.send(*args)
        return self.read_raw()

    def pipeline(self, *commands: tuple[Argument, ...]) -> list[Any]:
        """Send all commands in one write, return their replies."""
        self.send_bytes(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def send(self, *args: Argument) -> None:
        """Send one command without waiting for its reply."""
        self.sock.sendall(encode(*args))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.sock.sendall(data)

    def read(self) -> Any:
        """The next reply; raises `Closed` when there is none, `TimeoutError` when it does not come."""
        value = self._value()
        self._forget()
        return value

    def read_raw(self) -> bytes:
        """The bytes of the next reply."""
        self._value()
        raw = bytes(self._buf[: self._pos])
        self._forget()
        return raw

    def closed(self) -> bool:
        """Whether the server closes (or has closed) the connection, with nothing more to read."""
        try:
            return not self._buf[self._pos :] and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def quiet(self, seconds: float = 0.1) -> bool:
        """Whether nothing arrives for so long."""
        if self._buf:
            return False
        before = self.sock.gettimeout()
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(1 << 16)
            self._buf += data
            return False
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(before)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()

    def _forget(self) -> None:
        del self._buf[: self._pos]
        self._pos = 0

    def _more(self) -> None:
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self._buf += data

    def _line(self) -> bytes:
        while (end := self._buf.find(b"\r\n", self._pos)) < 0:
            self._more()
        line = bytes(self._buf[self._pos : end])
        self._pos = end + 2
        return line

    def _bulk(self, size: int) -> bytes:
        while len(self._buf) - self._pos < size + 2:
            self._more()
        data = bytes(self._buf[self._pos : self._pos + size])
        assert self._buf[self._pos + size : self._pos + size + 2] == b"\r\n", "a bulk without its end"
        self._pos += size + 2
        return data

    def _many(self, count: int) -> list[Any]:
        return [self._value() for _ in range(count)]

    def _value(self) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return rest.decode("latin-1")
            case b"-":
                return ErrorReply(rest.decode("latin-1"))
            case b":" | b"(":
                return int(rest)
            case b"_":
                return None
            case b",":
                return float(rest)
            case b"#":
                return {b"t": True, b"f": False}[rest]
            case b"$" | b"!" | b"=":
                return self._string(kind, int(rest))
            case b"*" | b"~" | b">" | b"%" | b"|":
                return self._aggregate(kind, int(rest))
        raise AssertionError(f"no RESP type: {line[:60]!r}")

    def _string(self, kind: bytes, size: int) -> Any:
        if size < 0:
            return None
        data = self._bulk(size)
        if kind == b"!":
            return ErrorReply(data.decode("latin-1"))
        return Verbatim(data) if kind == b"=" else data

    def _aggregate(self, kind: bytes, count: int) -> Any:
        if count < 0:
            return None
        if kind == b"%":
            flat = self._many(2 * count)
            return dict(zip(flat[::2], flat[1::2], strict=True))
        if kind == b"|":
            return Attribute([*self._many(2 * count), self._value()])
        items = self._many(count)
        return {b"*": list, b"~": SetReply, b">": Push}[kind](items)
