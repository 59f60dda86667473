"""The codec of the cluster bus: what redis-server sends is understood, and what is damaged is refused."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.cluster.packets import (
    HEADER_BYTES,
    BadPacket,
    Body,
    Decoder,
    Empty,
    Fail,
    Gossip,
    Header,
    Packet,
    Ping,
    Publish,
    Type,
    Update,
    decode,
    encode,
)
from pyredisai.cluster.slots import SlotSet
from pyredisai.cluster.state import NodeFlag

A, B = "a" * 40, "b" * 40


def header(kind: Type, **fields: Any) -> Header:
    slots = SlotSet()
    slots.add(0)
    slots.add(16383)
    known: dict[str, Any] = {
        "port": 7000,
        "bus_port": 17000,
        "current_epoch": 2**40,
        "config_epoch": 5,
        "offset": 2**50,
    }
    return Header(kind, A, NodeFlag.MASTER | NodeFlag.MYSELF, slots=bytes(slots.bitmap), **known, **fields)


GOSSIP = Gossip(B, "127.0.0.1", 7001, 17001, NodeFlag.SLAVE | NodeFlag.PFAIL, 1_700_000_000, 1_700_000_001)
PACKETS = [
    Packet(header(Type.PING, ip="10.0.0.1"), Ping([GOSSIP])),
    Packet(header(Type.PONG, master=B, is_down=True), Ping([])),
    Packet(header(Type.MEET), Ping([GOSSIP, GOSSIP])),
    Packet(header(Type.FAIL), Fail(B)),
    Packet(header(Type.PUBLISH), Publish(b"channel", b"message \0\xff")),
    Packet(header(Type.PUBLISH_SHARD), Publish(b"", b"")),
    Packet(header(Type.UPDATE), Update(B, 7, b"\xff" * 2048)),
    Packet(header(Type.AUTH_REQUEST), Empty()),
    Packet(header(Type.AUTH_ACK), Empty()),
    Packet(header(Type.MFSTART), Empty()),
]


@pytest.mark.parametrize("packet", PACKETS, ids=lambda packet: packet.header.type.name)
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


def test_host_name_travels_as_an_extension() -> None:
    data = encode(Packet(header(Type.PING), Ping([GOSSIP], "host.example")))
    assert len(data) == HEADER_BYTES + 104 + 8 + 16
    packet = decode(data)
    assert packet is not None
    assert isinstance(packet.body, Ping)
    assert packet.body.hostname == "host.example"


def test_layout() -> None:
    """The places of fields, as redis-server has them."""
    data = encode(Packet(header(Type.PING, ip="10.0.0.1", master=B, is_down=True), Ping([GOSSIP])))
    assert data[:4] == b"RCmb"
    assert struct.unpack_from("!IHHHH", data, 4) == (len(data), 1, 7000, 0, 1)
    assert struct.unpack_from("!QQQ", data, 16) == (2**40, 5, 2**50)
    assert data[40:80] == A.encode()
    assert data[80] == 1
    assert data[80 + 2047] == 0x80
    assert data[2128:2168] == B.encode()
    assert data[2168:2214].rstrip(b"\0") == b"10.0.0.1"
    assert struct.unpack_from("!HHB", data, 2248) == (17000, 17, 1)
    assert data[2256:2296] == B.encode()


def test_any_cutting_gives_the_same_packets() -> None:
    data = b"".join(map(encode, PACKETS))
    for size in (1, 7, 1000, 2256, 5000):
        decoder = Decoder()
        found = [packet for at in range(0, len(data), size) for packet in decoder.feed(data[at : at + size])]
        assert found == PACKETS


def test_other_versions_and_unknown_types_are_passed_over() -> None:
    other = bytearray(encode(PACKETS[0]))
    other[9] = 2
    unknown = bytearray(encode(PACKETS[-1]))
    unknown[13] = 99
    assert list(Decoder().feed(bytes(other + unknown) + encode(PACKETS[3]))) == [PACKETS[3]]


def damaged(packet: Packet, at: int, replacement: bytes) -> bytes:
    data = bytearray(encode(packet))
    data[at : at + len(replacement)] = replacement
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        damaged(PACKETS[0], 4, struct.pack("!I", 10)),
        damaged(PACKETS[0], 14, struct.pack("!H", 9)),  # more gossip than there is
        damaged(PACKETS[2], 14, struct.pack("!H", 1)),  # less
        damaged(PACKETS[4], HEADER_BYTES, struct.pack("!I", 2**32 - 1)),
        damaged(PACKETS[0], 40, b"\n x"),  # an id that would damage nodes.conf
        damaged(PACKETS[0], HEADER_BYTES + 48, b"1 2\n"),  # such an address
        damaged(PACKETS[3], HEADER_BYTES, b"\0"),
    ],
)
def test_what_does_not_fit_is_refused(data: bytes) -> None:
    with pytest.raises(BadPacket):
        list(Decoder().feed(data))


def test_extension_of_a_wrong_length_is_refused() -> None:
    data = encode(Packet(header(Type.PING), Ping([], "host")))
    for length in (0, 4, 12, 2**31):
        with pytest.raises(BadPacket):
            decode(data[:HEADER_BYTES] + struct.pack("!I", length) + data[HEADER_BYTES + 4 :])


IDS = st.text("0123456789abcdef", min_size=40, max_size=40)
BODIES: st.SearchStrategy[tuple[Type, Body]] = st.one_of(
    st.tuples(
        st.sampled_from([Type.PING, Type.PONG, Type.MEET]),
        st.builds(
            Ping,
            st.lists(
                st.builds(
                    Gossip,
                    IDS,
                    st.sampled_from(["", "127.0.0.1", "::1"]),
                    *[st.integers(0, 65535)] * 2,
                    st.integers(0, 1023).map(NodeFlag),
                    *[st.integers(0, 2**32 - 1)] * 2,
                ),
                max_size=5,
            ),
        ),
    ),
    st.tuples(st.sampled_from([Type.PUBLISH, Type.PUBLISH_SHARD]), st.builds(Publish, st.binary(), st.binary())),
    st.tuples(st.just(Type.FAIL), st.builds(Fail, IDS)),
    st.tuples(st.just(Type.UPDATE), st.builds(Update, IDS, st.integers(0, 2**64 - 1), st.just(bytes(2048)))),
)


@given(BODIES)
def test_every_body_survives(found: tuple[Type, Body]) -> None:
    packet = Packet(header(found[0]), found[1])
    assert decode(encode(packet)) == packet
