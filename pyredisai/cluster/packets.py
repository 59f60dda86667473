"""The messages of the cluster bus as Redis 7.0 sends them: bytes in, messages out, and back. Pure.

A packet is a header of 2256 bytes, which every node fills in with what it serves, and a body that its type decides.
All numbers are big-endian. Facts: what redis-server 7.0 sends (header "RCmb", version 1).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Final, TypeAlias

from pyredisai.cluster.slots import BITMAP_BYTES
from pyredisai.cluster.state import NodeFlag

SIGNATURE: Final = b"RCmb"
VERSION: Final = 1
ID_BYTES: Final = 40
IP_BYTES: Final = 46

_START: Final = struct.Struct("!4sIH")
_HEADER: Final = struct.Struct(f"!4sIHHHHQQQ40s{BITMAP_BYTES}s40s46sH30xHHHBB2x")
_GOSSIP: Final = struct.Struct("!40sII46sHHHH2x")
_EXTENSION: Final = struct.Struct("!IH2x")
_PUBLISH: Final = struct.Struct("!II")
_UPDATE: Final = struct.Struct(f"!Q40s{BITMAP_BYTES}s")
_HOSTNAME: Final = 0
HEADER_BYTES: Final = _HEADER.size
_U64: Final = 2**64 - 1
# What ends up in nodes.conf and in replies must not hold blanks or ends of lines.
_ID: Final = re.compile(r"[0-9a-z]{40}")
_IP: Final = re.compile(r"[0-9A-Za-z.:%_-]*")
_NAME: Final = re.compile(r"[0-9A-Za-z.-]*")


class BadPacket(ValueError):
    """What came is no packet of the bus: the link cannot go on."""


class Type(IntEnum):
    """What a packet is for."""

    PING = 0
    PONG = 1
    MEET = 2
    FAIL = 3
    PUBLISH = 4
    AUTH_REQUEST = 5
    AUTH_ACK = 6
    UPDATE = 7
    MFSTART = 8
    MODULE = 9
    PUBLISH_SHARD = 10


class MessageFlag(IntFlag):
    """Flags of one message: writes are paused for a manual failover, vote though the primary lives, extensions."""

    PAUSED = 1
    FORCE_ACK = 2
    EXTENSIONS = 4


PLAIN: Final = MessageFlag(0)


@dataclass(slots=True)
class Header:
    """What a sender tells of itself. `ip` and `master` are empty for none; `slots` is a bitmap.

    `config_epoch` and `slots` are those of its primary if it is a replica. `offset` is of its replication stream.
    """

    type: int
    sender: str
    flags: NodeFlag
    port: int = 0
    bus_port: int = 0
    plain_port: int = 0
    ip: str = ""
    current_epoch: int = 0
    config_epoch: int = 0
    offset: int = 0
    slots: bytes = bytes(BITMAP_BYTES)
    master: str = ""
    is_down: bool = False
    message_flags: MessageFlag = PLAIN


@dataclass(slots=True)
class Gossip:
    """What a sender tells of another node; times in seconds."""

    id: str
    ip: str
    port: int
    bus_port: int
    flags: NodeFlag
    ping_sent_s: int = 0
    pong_received_s: int = 0
    plain_port: int = 0


@dataclass(slots=True)
class Ping:
    """PING, PONG and MEET: gossip about other nodes, and the sender's host name, if it announces one."""

    gossip: Sequence[Gossip] = ()
    hostname: str = ""


@dataclass(slots=True)
class Fail:
    """A node has failed: a majority of the primaries says so."""

    id: str


@dataclass(slots=True)
class Publish:
    """A message of publish and subscribe."""

    channel: bytes
    message: bytes


@dataclass(slots=True)
class Update:
    """Somebody else serves these slots (a bitmap), at a greater epoch."""

    id: str
    config_epoch: int
    slots: bytes


@dataclass(slots=True)
class Empty:
    """The header says all."""


Body: TypeAlias = Ping | Fail | Publish | Update | Empty


@dataclass(slots=True)
class Packet:
    """A message."""

    header: Header
    body: Body = field(default_factory=Empty)


# Out


def encode(packet: Packet) -> bytes:
    """The bytes of a packet. Texts are cut to their field's length."""
    h, body = packet.header, packet.body
    count = extensions = 0
    flags = h.message_flags
    if isinstance(body, Ping):
        count = len(body.gossip)
        if body.hostname:
            extensions = 1
            flags |= MessageFlag.EXTENSIONS
    data = _encode_body(body)
    master = h.master.encode("latin-1")
    head = _HEADER.pack(
        *(SIGNATURE, HEADER_BYTES + len(data), VERSION, h.port, h.type, count),
        *(h.current_epoch & _U64, h.config_epoch & _U64, h.offset, h.sender.encode("latin-1"), h.slots, master),
        *(_c_string(h.ip, IP_BYTES), extensions, h.plain_port, h.bus_port, int(h.flags), h.is_down, int(flags)),
    )
    return head + data


def _encode_body(body: Body) -> bytes:
    if isinstance(body, Ping):
        parts = [
            _GOSSIP.pack(
                *(g.id.encode("latin-1"), g.ping_sent_s, g.pong_received_s, _c_string(g.ip, IP_BYTES)),
                *(g.port, g.bus_port, int(g.flags), g.plain_port),
            )
            for g in body.gossip
        ]
        if body.hostname:
            name = body.hostname.encode("latin-1") + b"\0"
            name += bytes(-len(name) % 8)
            parts.append(_EXTENSION.pack(_EXTENSION.size + len(name), _HOSTNAME) + name)
        return b"".join(parts)
    if isinstance(body, Fail):
        return body.id.encode("latin-1")
    if isinstance(body, Publish):
        return _PUBLISH.pack(len(body.channel), len(body.message)) + body.channel + body.message
    if isinstance(body, Update):
        return _UPDATE.pack(body.config_epoch & _U64, body.id.encode("latin-1"), body.slots)
    return b""


def _c_string(text: str, size: int) -> bytes:
    return text.encode("latin-1", "replace")[: size - 1]


# In


class Decoder:
    """Cuts the bytes of one link into packets. Packets of another version or an unknown type are passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """The packets that are complete now. Raises BadPacket."""
        self._buffer += data
        while len(self._buffer) >= _START.size:
            signature, length, version = _START.unpack_from(self._buffer)
            if signature != SIGNATURE or length < HEADER_BYTES:
                raise BadPacket("bad signature or length")
            if len(self._buffer) < length:
                return
            data = bytes(self._buffer[:length])
            del self._buffer[:length]
            packet = decode(data) if version == VERSION else None
            if packet is not None:
                yield packet


def decode(data: bytes) -> Packet | None:
    """One whole packet; None for one of an unknown type. Raises BadPacket when its parts do not fit its length."""
    (_, _, _, port, kind, count, current_epoch, config_epoch, offset, sender, slots, master, ip, extensions, *rest) = (
        _HEADER.unpack_from(data)
    )
    plain_port, bus_port, flags, down, message_flags = rest
    header = Header(
        *(kind, _text(sender, _ID), NodeFlag(flags), port, bus_port, plain_port, _text(ip, _IP)),
        *(current_epoch, config_epoch, offset, slots, _text(master, _ID) if any(master) else ""),
        *(bool(down), MessageFlag(message_flags)),
    )
    try:
        body = _decode_body(header, data, count, extensions)
    except struct.error as error:
        raise BadPacket(str(error)) from None
    return Packet(header, body) if body is not None else None


def _decode_body(header: Header, data: bytes, count: int, extensions: int) -> Body | None:
    kind = header.type
    if kind in (Type.PING, Type.PONG, Type.MEET):
        return _decode_ping(data, count, extensions if header.message_flags & MessageFlag.EXTENSIONS else 0)
    if kind == Type.FAIL:
        _check_length(data, ID_BYTES)
        return Fail(_text(data[HEADER_BYTES:], _ID))
    if kind in (Type.PUBLISH, Type.PUBLISH_SHARD):
        channel, message = _PUBLISH.unpack_from(data, HEADER_BYTES)
        _check_length(data, _PUBLISH.size + channel + message)
        at = HEADER_BYTES + _PUBLISH.size
        return Publish(data[at : at + channel], data[at + channel :])
    if kind == Type.UPDATE:
        _check_length(data, _UPDATE.size)
        config_epoch, id, slots = _UPDATE.unpack_from(data, HEADER_BYTES)
        return Update(_text(id, _ID), config_epoch, slots)
    if kind in (Type.AUTH_REQUEST, Type.AUTH_ACK, Type.MFSTART):
        _check_length(data, 0)
        return Empty()
    return None


def _decode_ping(data: bytes, count: int, extensions: int) -> Ping:
    at = HEADER_BYTES
    gossip = []
    for _ in range(count):
        id, ping_sent, pong_received, ip, port, bus_port, flags, plain_port = _GOSSIP.unpack_from(data, at)
        gossip.append(
            Gossip(
                _text(id, _ID), _text(ip, _IP), port, bus_port, NodeFlag(flags), ping_sent, pong_received, plain_port
            )
        )
        at += _GOSSIP.size
    hostname = ""
    for _ in range(extensions):
        length, kind = _EXTENSION.unpack_from(data, at)
        if length % 8 or length < _EXTENSION.size or at + length > len(data):
            raise BadPacket("an extension of a wrong length")
        if kind == _HOSTNAME:
            hostname = _text(data[at + _EXTENSION.size : at + length], _NAME)
        at += length
    _check_length(data, at - HEADER_BYTES)
    return Ping(gossip, hostname)


def _check_length(data: bytes, body: int) -> None:
    if len(data) != HEADER_BYTES + body:
        raise BadPacket("the length does not fit the type")


def _text(field: bytes, form: re.Pattern[str]) -> str:
    """A field of a fixed length up to its first zero. Raises BadPacket where it does not have the form."""
    text = field.partition(b"\0")[0].decode("latin-1")
    if not form.fullmatch(text):
        raise BadPacket(f"{text!r} stands where it cannot")
    return text
