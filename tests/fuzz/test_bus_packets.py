"""Whatever bytes come on the cluster bus are understood, passed over, or refused as BadPacket.

And whatever a node is told, it does not fall over, and can read what it then writes to nodes.conf.
"""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from pyredisai.cluster import nodes_conf
from pyredisai.cluster.packets import HEADER_BYTES, BadPacket, Decoder, Type
from tests.unit.cluster.simulation import FakeLink, cluster

_TYPES = st.sampled_from([*Type, 77])
_EDITS = st.lists(st.tuples(st.integers(0, 2600), st.binary(min_size=1, max_size=50)), max_size=4)


@given(st.binary(max_size=200), st.binary(max_size=3000))
def test_any_bytes(head: bytes, rest: bytes) -> None:
    for data in (head + rest, b"RCmb" + head, b"RCmb\0\0\x09\x00\0\x01" + bytes(HEADER_BYTES) + rest):
        with contextlib.suppress(BadPacket):
            list(Decoder().feed(data))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 2), _TYPES, st.integers(0, 2**64 - 1), _EDITS), max_size=12))
def test_damaged_packets_of_known_nodes(packets: list[tuple[int, int, int, list[tuple[int, bytes]]]]) -> None:
    network, machines = cluster(3)
    target = machines[0]
    for who, kind, epoch, edits in packets:
        sent: list[bytes] = []
        link = FakeLink(machines[who], None)
        link.send = sent.append  # type: ignore[method-assign]  # a stand-in: what is said is looked at
        machines[who].bus.send_ping(link, Type.PING)
        data = bytearray(sent[0])
        data[12:14] = kind.to_bytes(2, "big")
        data[16:24] = epoch.to_bytes(8, "big")
        for at, piece in edits:
            end = min(len(data), at + len(piece))
            data[at:end] = piece[: max(0, end - at)]
        inbound = FakeLink(target, None)
        target.bus.accepted(inbound)
        with contextlib.suppress(BadPacket):
            for packet in Decoder().feed(bytes(data)):
                target.bus.receive(inbound, packet)
    network.run(500)
    state = nodes_conf.parse(nodes_conf.render(target.state), network.now_ms)
    assert state.myself.id == target.me.id
