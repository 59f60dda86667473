"""tls-cluster: redis-server and pyredisai in one cluster over TLS, and clients with and without it."""

from __future__ import annotations

import socket
import ssl

import pytest
from redis.cluster import RedisCluster

from pyredisai.cluster.slots import slot_of
from tests.support.certificates import Certificates
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import free_port
from tests.wire.cluster.conftest import Make
from tests.wire.cluster.support import Node, agree, text, view, wait_agreed
from tests.wire.replication.support import wait_for, wait_up

pytestmark = pytest.mark.xdist_group("cluster")

SLOTS = 16384
OF_FIRST, OF_SECOND = "b", "a"


class TlsNode:
    """A node with both kinds of ports."""

    def __init__(self, make: Make, certificates: Certificates, *args: str, **more: object) -> None:
        self.tls_port = free_port()
        given = certificates.options(tls_port=self.tls_port, tls_cluster="yes")
        self.node: Node = make(*given, *args, **more)
        self.port = self.node.server.port
        self.context = certificates.context()

    def tls(self, *args: str | int) -> object:
        """A command over TLS."""
        with RespClient(self.tls_port, tls=self.context) as client:
            return client(*args)


def join(nodes: list[TlsNode]) -> None:
    """The first two serve half of the slots each; all know each other."""
    for number, node in enumerate(nodes[:2]):
        node.node.client.ok("CLUSTER", "ADDSLOTSRANGE", SLOTS // 2 * number, SLOTS // 2 * (number + 1) - 1)
        node.node.client.ok("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    for other in nodes[1:]:
        nodes[0].node.client.ok("CLUSTER", "MEET", "127.0.0.1", other.tls_port, other.node.bus_port)
    plain = [node.node for node in nodes]
    wait_for(lambda: all(len(node.nodes()) == len(nodes) for node in plain), 30, "for the nodes to meet")
    wait_agreed(plain)


def shown(node: TlsNode, *, tls: bool) -> dict[str, str]:
    """The addresses of CLUSTER NODES by id."""
    reply = (node.tls if tls else node.node)("CLUSTER", "NODES")
    return {words[0]: words[1] for words in map(str.split, text(reply).splitlines())}


def test_mixed_cluster(make_node: Make, make_redis_node: Make, certificates: Certificates) -> None:
    """What the nodes tell is the same, and true: ports by the kind of client, in scripts those of TLS."""
    ours = TlsNode(make_node, certificates, env={"PYREDISAI_LOOP": "uvloop"})
    theirs = TlsNode(make_redis_node, certificates)
    replica = TlsNode(make_node, certificates, env={"PYREDISAI_LOOP": "asyncio"})
    nodes = [ours, theirs, replica]
    join(nodes)

    def told(tls: bool) -> dict[str, str]:
        ports = [(node, node.tls_port if tls else node.port) for node in nodes]
        return {node.node.id: f"127.0.0.1:{port}@{node.node.bus_port}" for node, port in ports}

    for tls in (False, True):  # plain ports come with the first ping
        for node in nodes:
            wait_for(lambda: shown(node, tls=tls) == told(tls), 20, "for the ports to be known")  # noqa: B023
    for node, other, key in ((ours, theirs, OF_SECOND), (theirs, ours, OF_FIRST)):
        moved = f"MOVED {slot_of(key.encode())} 127.0.0.1:"
        assert node.node("GET", key) == ErrorReply(f"{moved}{other.port}")
        assert node.tls("GET", key) == ErrorReply(f"{moved}{other.tls_port}")
    saved = (ours.node.server.dir / "nodes.conf").read_text()
    assert all(address in saved for address in told(tls=True).values())

    replica.node.client.ok("CLUSTER", "REPLICATE", ours.node.id)
    wait_up(replica.node.client)  # at the plain port: there is no tls-replication
    assert replica.node("ROLE")[2] == ours.port
    wait_agreed([node.node for node in nodes])
    for node in (ours, theirs):
        script = text(node.node("EVAL", "return redis.call('cluster', 'nodes')", 0))
        assert {words[0]: words[1] for words in map(str.split, script.splitlines())} == told(tls=True)
        assert text(node.node("CLUSTER", "REPLICAS", ours.node.id)[0]).split()[1] == told(tls=False)[replica.node.id]
        # A replica is shown when the node has heard from it that it has data.
        wait_for(lambda: endpoints(node, tls=False) == {each.port for each in nodes}, 20, "for plain ports")  # noqa: B023 - called at once
        assert endpoints(node, tls=True) == {each.tls_port for each in nodes}
        shards = {tuple(member[:8]) for shard in node.node("CLUSTER", "SHARDS") for member in shard[3]}
        ids = [(each.node.id.encode(), each.port, each.tls_port) for each in nodes]
        assert shards == {(b"id", id, b"port", p, b"tls-port", t, b"ip", b"127.0.0.1") for id, p, t in ids}
    for tls in (False, True):
        assert serve_by_redirect(ours, certificates, tls=tls)
    for node in (ours, theirs):
        with node.node.server.client() as listener:
            listener.ok("SUBSCRIBE", "news")
            other = theirs if node is ours else ours
            assert other.node("PUBLISH", "news", "x" * 100_000) == 0  # several records of TLS
            assert listener.read() == [b"message", b"news", b"x" * 100_000]


def endpoints(node: TlsNode, *, tls: bool) -> set[int]:
    """The ports of CLUSTER SLOTS."""
    reply = (node.tls if tls else node.node)("CLUSTER", "SLOTS")
    assert isinstance(reply, list)
    return {each[1] for entry in reply for each in entry[2:]}


def serve_by_redirect(node: TlsNode, certificates: Certificates, *, tls: bool) -> bool:
    """Keys of both nodes, by a client that knows one."""
    more = {
        "ssl": True,
        "ssl_ca_certs": str(certificates / "ca.crt"),
        "ssl_certfile": str(certificates / "client.crt"),
        "ssl_keyfile": str(certificates / "client.key"),
        "ssl_check_hostname": False,
    }
    client = RedisCluster("127.0.0.1", node.tls_port if tls else node.port, **(more if tls else {}))
    try:
        return all(client.set(key, key) and client.get(key) == key.encode() for key in (OF_FIRST, OF_SECOND))
    finally:
        client.close()


def test_tls_replication(make_node: Make, make_redis_node: Make, certificates: Certificates) -> None:
    """A redis-server follows at the TLS port; with the option off at run time one of ours goes to the plain port."""
    options = {"tls_replication": "yes"}
    nodes = [
        TlsNode(make, certificates, **options) for make in (make_node, make_redis_node, make_redis_node, make_node)
    ]
    join(nodes)
    ours, theirs, their_replica, our_replica = nodes
    their_replica.node.client.ok("CLUSTER", "REPLICATE", ours.node.id)
    our_replica.node.client.ok("CLUSTER", "REPLICATE", theirs.node.id)
    for replica, primary in ((their_replica, ours), (our_replica, theirs)):
        wait_up(replica.node.client)
        assert replica.node("ROLE")[2] == primary.tls_port
    our_replica.node.client.ok("CONFIG", "SET", "tls-replication", "no")
    wait_for(lambda: our_replica.node("ROLE")[2:4] == [theirs.port, b"connected"], 20, "for the plain port")


def test_certificates_and_switching(make_node: Make, certificates: Certificates) -> None:
    """Links are opened with what CONFIG SET says last; the ones that are there stay."""
    nodes = [TlsNode(make_node, certificates, "--loglevel", "debug") for _ in range(2)]
    join(nodes)
    one, two = (node.node for node in nodes)
    links = one("CLUSTER", "LINKS")
    one.client.ok(
        "CONFIG", "SET", "tls-cert-file", certificates / "stranger.crt", "tls-key-file", certificates / "stranger.key"
    )
    assert agree([one, two])
    assert [link[5] for link in one("CLUSTER", "LINKS")] == [link[5] for link in links]
    two.server.kill()
    two.restart()
    wait_for(lambda: "certificate verify failed" in two.server.log, 20, "for a refusal")
    assert "disconnected" in one.nodes()[two.id]
    one.client.ok(
        "CONFIG", "SET", "tls-cert-file", certificates / "server.crt", "tls-key-file", certificates / "server.key"
    )
    wait_agreed([one, two])
    for node in (one, two):
        node.client.ok("CONFIG", "SET", "tls-cluster", "no")
    assert view(one)[one.id][0] == f"127.0.0.1:{one.server.port}@{one.bus_port}"
    two.server.kill()
    two.restart()  # by its command line with TLS
    wait_for(lambda: "wrong version number" in two.server.log, 20, "for bytes that are no TLS")
    two.client.ok("CONFIG", "SET", "tls-cluster", "no")
    wait_agreed([one, two])
    assert shown(nodes[0], tls=True)[two.id] == f"127.0.0.1:{two.server.port}@{two.bus_port}"


def is_refused(sock: ssl.SSLSocket) -> bool:
    """Whether the other side has said so."""
    try:
        return not sock.recv(1000)
    except ssl.SSLError as error:
        return error.reason == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


def test_who_is_not_a_node(make_node: Make, certificates: Certificates) -> None:
    """No certificate, no TLS, nothing at all: the link is closed, and the node goes on."""
    node = TlsNode(make_node, certificates, "--loglevel", "verbose", tls_auth_clients="no").node
    with socket.create_connection(("127.0.0.1", node.bus_port), 20) as silent:
        with socket.create_connection(("127.0.0.1", node.bus_port), 20) as plain:
            plain.sendall(b"RCmb" + bytes(3000))
            while plain.recv(1000):
                pass
        sock = socket.create_connection(("127.0.0.1", node.bus_port), 20)
        with certificates.context(None).wrap_socket(sock) as stranger:
            wait_for(lambda: is_refused(stranger), 20, "for the refusal")
        assert silent.recv(1) == b""  # after cluster-node-timeout
    assert "Error accepting cluster node connection" in node.server.log
    assert node("PING") == "PONG"
    assert node("CLUSTER", "LINKS") == []
