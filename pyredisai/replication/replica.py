"""What a replica and its primary say before the stream flows: bytes in, bytes to send and events out. No I/O.

PING, AUTH where there is a password, REPLCONF, PSYNC; then `+CONTINUE`, or `+FULLRESYNC` and a snapshot, whose end
is told by its length or, while it is written as it is sent, by a mark of 40 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from pyredisai.errors import PersistenceError
from pyredisai.persistence.aof.commands import encode
from pyredisai.replication.history import ID_LENGTH

_MARK: Final = b"EOF:"
_MARK_LENGTH: Final = 40
_LONGEST_LINE: Final = 64 * 1024


class LinkError(PersistenceError):
    """The primary refused, or sent what cannot be understood: the link is given up, and tried again later."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What the replica tells of itself. `announced_ip` may be empty; so may `password`: then AUTH is not sent."""

    port: int
    announced_ip: str = ""
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class FullSync:
    """Everything will be sent; it is the stream `id` at `offset`."""

    id: str
    offset: int


@dataclass(frozen=True, slots=True)
class Continue:
    """The stream goes on; `id` is its new id, or empty if it is the one that was asked for."""

    id: str


@dataclass(frozen=True, slots=True)
class SnapshotBegins:
    """Its size in bytes, 0 when that is not known."""

    size: int


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """The next bytes of it."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class SnapshotEnds:
    """It is complete."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes of the stream."""

    data: bytes


Event: TypeAlias = Send | FullSync | Continue | SnapshotBegins | SnapshotPart | SnapshotEnds | Stream


class Handshake:
    """One link's protocol. Feed it bytes, then take `events()` until there are none; more may be left for later.

    `id` and `offset` are the stream that is had and the offset that is wanted next; `?` and -1 ask for everything.
    With `hands_over` the other one is asked to become the primary first.
    """

    def __init__(self, me: Identity, id: str, offset: int, *, hands_over: bool = False) -> None:
        self._me, self._id, self._offset = me, id, offset
        self._wish = [b"FAILOVER"] if hands_over else []
        self._buffer = bytearray()
        self._expected: list[str] = ["PING"]
        self._mode = "lines"
        self._left = 0
        self._mark = b""

    @property
    def stage(self) -> str:
        """What is waited for, for the log and ROLE: lines, snapshot-header, snapshot, stream."""
        return self._mode

    def begin(self) -> bytes:
        """The first bytes to send."""
        return encode([b"PING"])

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._buffer += data

    def events(self) -> Iterator[Event]:
        """What follows from it. Raises LinkError."""
        while self._buffer:
            before = len(self._buffer), self._mode
            if self._mode == "stream":
                data = bytes(self._buffer)
                self._buffer.clear()
                yield Stream(data)
            elif self._mode == "length":
                yield from self._by_length()
            elif self._mode == "mark":
                yield from self._by_mark()
            else:
                yield from self._line()
            if before == (len(self._buffer), self._mode):
                return

    def _line(self) -> Iterator[Event]:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise LinkError("an endless line instead of a reply")
            return
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        if not line:  # the primary is busy and says that it is there
            return
        if self._mode == "header":
            yield self._header(line)
            return
        yield from self._reply(self._expected.pop(0), line.decode("latin-1"))

    def _reply(self, to: str, line: str) -> Iterator[Event]:
        failed = line.startswith("-")
        if to == "PING":
            if failed and not line.startswith(("-NOAUTH", "-NOPERM", "-ERR operation not permitted")):
                raise LinkError(f"Error reply to PING from master: '{line}'")
            yield Send(self._introduction())
        elif to == "AUTH" and failed:
            raise LinkError(f"Unable to AUTH to MASTER: {line}")
        elif to == "REPLCONF":
            pass  # a primary that does not know it is none the worse
        elif to == "PSYNC":
            yield self._decision(line)
        if not self._expected and self._mode == "lines":
            self._expected.append("PSYNC")
            yield Send(encode([b"PSYNC", self._id.encode(), b"%d" % self._offset, *self._wish]))

    def _introduction(self) -> bytes:
        me = self._me
        commands: list[list[bytes]] = []
        if me.password:
            commands.append([b"AUTH", *([me.user.encode()] if me.user else []), me.password.encode()])
        commands.append([b"REPLCONF", b"listening-port", b"%d" % me.port])
        if me.announced_ip:
            commands.append([b"REPLCONF", b"ip-address", me.announced_ip.encode()])
        commands.append([b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"])
        self._expected += [command[0].decode() for command in commands]
        return b"".join(map(encode, commands))

    def _decision(self, line: str) -> Event:
        words = line.split()
        if words[0] == "+FULLRESYNC" and len(words) == 3 and len(words[1]) == ID_LENGTH and words[2].isdigit():
            self._mode = "header"
            return FullSync(words[1], int(words[2]))
        if words[0] == "+CONTINUE":
            self._mode = "stream"
            return Continue(words[1] if len(words) > 1 and len(words[1]) == ID_LENGTH else "")
        raise LinkError(f"Unexpected reply to PSYNC from master: {line}")

    def _header(self, line: bytes) -> Event:
        if line.startswith(b"-"):
            raise LinkError(f"MASTER aborted replication with an error: {line[1:].decode('latin-1')}")
        if not line.startswith(b"$"):
            raise LinkError(f"Bad protocol from MASTER, the first byte is not '$' (we received '{line[:60]!r}')")
        rest = line[1:]
        if rest.startswith(_MARK) and len(rest) == len(_MARK) + _MARK_LENGTH:
            self._mode, self._mark = "mark", rest[len(_MARK) :]
            return SnapshotBegins(0)
        if not rest.isdigit() or not int(rest):
            raise LinkError("the snapshot has no length")
        self._mode, self._left = "length", int(rest)
        return SnapshotBegins(self._left)

    def _by_length(self) -> Iterator[Event]:
        part = bytes(self._buffer[: self._left])
        del self._buffer[: len(part)]
        self._left -= len(part)
        if not self._left:
            self._mode = "stream"
        yield SnapshotPart(part)
        if not self._left:
            yield SnapshotEnds()

    def _by_mark(self) -> Iterator[Event]:
        # The primary sends nothing behind the mark until it is acknowledged: the mark is at the very end.
        complete = self._buffer.endswith(self._mark)
        keep = _MARK_LENGTH
        part = bytes(self._buffer[:-keep]) if len(self._buffer) > keep else b""
        if complete:
            self._mode = "stream"
            self._buffer.clear()
        else:
            del self._buffer[: len(part)]
        if part:
            yield SnapshotPart(part)
        if complete:
            yield SnapshotEnds()
