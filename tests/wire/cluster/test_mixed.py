"""redis-server and pyredisai in one cluster: they agree, take each other's places, and survive restarts."""

from __future__ import annotations

import pytest

from tests.support.resp import RespClient
from tests.wire.cluster.conftest import Make
from tests.wire.cluster.support import (
    Node,
    address,
    ask,
    create,
    join_as_replica,
    needs_redis_cli,
    redis_cli,
    text,
    wait_agreed,
)
from tests.wire.replication.support import wait_for, wait_up

pytestmark = [needs_redis_cli, pytest.mark.xdist_group("cluster")]

KEYS = [f"key:{number}" for number in range(60)]


@pytest.fixture
def nodes(make_node: Make, make_redis_node: Make) -> list[Node]:
    """Primaries: redis-server, pyredisai, redis-server; a replica of the other kind for the first two."""
    nodes = [make() for make in (make_redis_node, make_node, make_redis_node, make_node, make_redis_node)]
    create(nodes[:3])
    join_as_replica(nodes[3], nodes[0], nodes[:3])
    join_as_replica(nodes[4], nodes[1], nodes[:4])
    wait_agreed(nodes)
    for replica in nodes[3:]:
        wait_up(replica.client)
    for key in KEYS:
        assert ask(nodes[:3], "SET", key, key) == "OK"
    return nodes


def check_keys(nodes: list[Node]) -> None:
    for key in KEYS:
        assert ask(nodes, "GET", key) == key.encode()


def kill(nodes: list[Node], node: Node) -> list[Node]:
    """End a node as a crash would; the others."""
    wait_for(lambda: node("WAIT", 1, 100) == 1, 10, "for the replica")
    node.client.close()
    node.server.kill()
    return [other for other in nodes if other is not node]


def test_failovers_and_restarts(nodes: list[Node]) -> None:
    redis, ours, third, our_replica, their_replica = nodes
    rest = kill(nodes, redis)
    wait_for(our_replica.is_master, 40, "for our replica to be elected")
    wait_for(lambda: all(node.is_ok() for node in rest), 40, "for the cluster")
    check_keys([ours, third, our_replica])
    redis.restart()
    wait_for(lambda: all("slave" in node.flags(redis) for node in nodes), 40, "for the old primary to follow")
    wait_agreed(nodes)
    wait_up(redis.client)

    rest = kill(nodes, ours)
    wait_for(their_replica.is_master, 40, "for their replica to be elected")
    wait_for(lambda: all(node.is_ok() for node in rest), 40, "for the cluster")
    check_keys([their_replica, third, our_replica])
    ours.restart()
    assert text(ours("CLUSTER", "MYID")) == ours.id
    wait_for(lambda: all("slave" in node.flags(ours) for node in nodes), 40, "for our old primary to follow")
    wait_agreed(nodes)
    wait_up(ours.client)

    assert "Failover auth granted" in our_replica.server.log
    ours.client.ok("CLUSTER", "FAILOVER")
    wait_for(ours.is_master, 20, "for the manual failover to pyredisai")
    wait_agreed(nodes)
    redis.client.ok("CLUSTER", "FAILOVER")  # the other one has its votes of just now still, and would take those
    wait_for(redis.is_master, 20, "for the manual failover to redis-server")
    wait_agreed(nodes)
    our_replica.client.ok("CLUSTER", "FAILOVER", "TAKEOVER")
    wait_for(lambda: all("slave" in node.flags(redis) for node in nodes), 20, "for the takeover")
    wait_agreed(nodes)
    check_keys([ours, third, our_replica])


def test_mixed_cluster_at_work(nodes: list[Node]) -> None:
    check_messages(nodes)
    check_slots_move(nodes)
    check_removal(nodes)


def check_messages(nodes: list[Node]) -> None:
    ours, their_replica = nodes[1], nodes[4]

    def listen(node: Node, *command: str) -> RespClient:
        client = node.server.client()
        client.send(*command)
        assert client.read()[0] == command[0].lower().encode()
        return client

    listeners = [listen(node, "SUBSCRIBE", "news") for node in nodes]
    for sender in nodes:
        sender("PUBLISH", "news", f"by {sender.id}")
    for listener in listeners:
        heard = {bytes(listener.read()[2]) for _ in nodes}
        assert heard == {f"by {sender.id}".encode() for sender in nodes}
    channel = next(name for name in (f"c{n}" for n in range(99)) if ours("SPUBLISH", name, "x") == 0)
    sharded = listen(their_replica, "SSUBSCRIBE", channel)
    ours("SPUBLISH", channel, "of the shard")
    assert sharded.read() == [b"smessage", channel.encode(), b"of the shard"]
    for client in (*listeners, sharded):
        client.close()


def check_slots_move(nodes: list[Node]) -> None:
    redis, ours, *_ = nodes
    tagged = [f"{{tag}}:{number}" for number in range(30)]
    for key in tagged:
        ask(nodes[:3], "SET", key, key)
    for source, target in ((redis, ours), (ours, redis)):
        said = redis_cli(
            *("--cluster", "reshard", address(ours), "--cluster-from", source.id, "--cluster-to", target.id),
            *("--cluster-slots", 15, "--cluster-yes"),
        )
        assert said.count("Moving slot") >= 15
        wait_agreed(nodes)
    assert "[OK] All 16384 slots covered" in redis_cli("--cluster", "check", address(ours))
    check_keys(nodes[:3])
    for key in tagged:
        assert ask(nodes[:3], "GET", key) == key.encode()


def check_removal(nodes: list[Node]) -> None:
    _, ours, _, our_replica, _ = nodes
    redis_cli("--cluster", "del-node", address(ours), our_replica.id)
    rest = [node for node in nodes if node is not our_replica]
    wait_agreed(rest)
    assert all(our_replica.id not in node.nodes() for node in rest)
    assert list(our_replica.nodes()) == [our_replica.id]
    assert our_replica("DBSIZE") == 0
