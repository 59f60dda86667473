"""Ports with tls-cluster: what a node announces, what others learn, where its replicas find it."""

from __future__ import annotations

import pytest

from pyredisai.cluster.bus import Ports, announced_ports, bus_port
from pyredisai.cluster.nodes_conf import describe, parse, render
from tests.unit.cluster.simulation import DEFAULTS, cluster

PLAIN, TLS, BUS = 7001, 8001, 18001

# Facts: what redis-server 7.0.15 tells other nodes.
ANNOUNCED = [
    ({}, Ports(PLAIN, BUS, 0)),
    ({"tls-cluster": True}, Ports(TLS, BUS, PLAIN)),
    ({"tls-cluster": True, "port": 0}, Ports(TLS, BUS, 0)),
    ({"cluster-announce-port": 1}, Ports(1, BUS, 0)),
    ({"cluster-announce-tls-port": 2}, Ports(PLAIN, BUS, 0)),
    ({"cluster-announce-port": 1, "tls-cluster": True}, Ports(1, BUS, PLAIN)),
    ({"cluster-announce-tls-port": 2, "tls-cluster": True}, Ports(2, BUS, 0)),
    ({"cluster-announce-port": 1, "cluster-announce-tls-port": 2, "tls-cluster": True}, Ports(2, BUS, 1)),
    ({"cluster-announce-bus-port": 3, "tls-cluster": True}, Ports(TLS, 3, PLAIN)),
]


@pytest.mark.parametrize(("options", "expected"), ANNOUNCED, ids=[str(options) for options, _ in ANNOUNCED])
def test_announced_ports(options: dict[str, object], expected: Ports) -> None:
    assert announced_ports({**DEFAULTS, "port": PLAIN, "tls-port": TLS, **options}, BUS) == expected


def test_the_bus_is_above_the_port_of_its_kind() -> None:
    config = {**DEFAULTS, "port": PLAIN, "tls-port": TLS}
    assert bus_port(config) == PLAIN + 10_000
    assert bus_port({**config, "tls-cluster": True}) == TLS + 10_000
    assert bus_port({**config, "tls-cluster": True, "cluster-port": 5}) == 5


def test_plain_ports_are_learned_and_not_saved() -> None:
    """Also when tls-cluster is set at run time: the bus stays where it is. nodes.conf has the TLS ports."""
    network, machines = cluster(3)
    machines.append(network.add(7009))
    for machine in machines:
        machine.config |= {"tls-cluster": True, "tls-port": machine.port + 1000}
    machines[-1].bus.start_handshake("127.0.0.1", 8001, 17001)
    network.run(5000)
    for machine in machines:
        state = machine.state
        for other in machines:
            if other is not machine:
                node = machine.sees(other)
                assert (node.port, node.plain_port) == (other.port + 1000, other.port)
                assert f":{other.port}@{other.port + 10_000} " in describe(state, node, plain=True)
                assert f":{other.port + 1000}@{other.port + 10_000} " in describe(state, node)
        saved = parse(render(state), 0).nodes
        assert all(saved[node.id].port == node.port and not saved[node.id].plain_port for node in state.nodes.values())


@pytest.mark.parametrize(("tls_replication", "expected"), [(False, PLAIN), (True, TLS)])
def test_replicas_go_to_the_port_that_they_speak_to(tls_replication: bool, expected: int) -> None:
    _, (one, _, replica) = cluster(2, 1)
    assert replica.primary == ("127.0.0.1", one.port)
    replica.config |= {"tls-cluster": True, "tls-replication": tls_replication}
    master = replica.sees(one)
    master.port, master.plain_port = TLS, PLAIN
    assert replica.bus.replication_port(master) == expected
    master.plain_port = 0  # not known, or none
    assert replica.bus.replication_port(master) == TLS
