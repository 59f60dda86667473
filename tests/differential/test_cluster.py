"""In a cluster: every request is served, refused or sent elsewhere as redis-server's nodes do it.

Two clusters of two primaries and a replica of the first, one of them of redis-server. Keys: b, c and f1 belong to the
first node, a, d and e to the second.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster, eventually
from tests.support.resp import RespClient
from tests.support.server import REDIS_SERVER, Server, redis_server

pytestmark = [
    pytest.mark.xdist_group("differential-cluster"),
    pytest.mark.skipif(REDIS_SERVER is None, reason="redis-server is not installed"),
]

# A line is a request to the first node; `@2` to the second, `@3` to the replica, a letter is another connection.
# N1 to N3 are the nodes' ids, P1 to P3 their ports; `<` reads one more reply. `! text` repeats the request until the
# reply holds the text.
DIALOGUES = {
    "slots of keys": r"""
        SET b 1; SET a 1; MGET b a; MGET a b; MGET {b}1 {b}2; MGET {a}1 {a}2; SET a; GET; EXEC; OBJECT ENCODING a
        XREAD BLOCK 1 STREAMS a 0; XREAD BLOCK 1 STREAMS b a 0 0; XREADGROUP GROUP g c STREAMS a b 0 0; BLPOP a b 1
        BLPOP a 1; LMPOP 2 a b LEFT; LMPOP x a LEFT; ZUNIONSTORE b 1 a; ZUNIONSTORE {b}1 1 b; BITOP AND a b
        GEORADIUS b 1 1 1 m STORE a; GEORADIUS b 1 1 1 m STORE {b}2; XINFO STREAM a; XGROUP CREATE a g 0
        MEMORY USAGE a; TOUCH b a; UNLINK a b; DUMP a; RESTORE a 0 x; RESTORE-ASKING a 0 x; SORT b STORE a
        MIGRATE 127.0.0.1 1 a 0 100; MIGRATE 127.0.0.1 1 "" 0 100 KEYS a b; EXISTS b {b}1; SET {}x 1; SET {}b{b}c 1
        CLUSTER KEYSLOT {}b{b}c; CLUSTER KEYSLOT a{b}{c}; CLUSTER KEYSLOT {b; CLUSTER KEYSLOT a; CLUSTER KEYSLOT
        PFCOUNT b a; PFMERGE b a; COPY b a; RENAME b a; SINTERCARD 2 a b; FLUSHALL x; KEYS *; DBSIZE; PING
    """,
    "one database": r"""
        SELECT 0; SELECT 1; SELECT x; SELECT 99; SELECT -1; SWAPDB 0 1; SWAPDB x y; MOVE b 1; MOVE a 1; MOVE b x
        SET b 1; COPY b {b}2 DB 1; COPY b {b}2 DB 0; COPY b {b}2 DB 99; COPY b b DB 1; COPY b b
        RPUSH l{b} 2 1; SORT l{b} BY w_*; SORT l{b} BY nosort; SORT l{b} BY w_* FOO; SORT l{b} FOO BY w_*
        SORT l{b} GET #; SORT l{b} GET; SORT_RO l{b} BY w_*; SORT_RO l{b} GET w_*; SORT l{b} STORE {b}s
        REPLICAOF NO ONE; SLAVEOF a 1; FAILOVER; FAILOVER ABORT; REPLICAOF a; CONFIG GET databases
    """,
    "transactions": r"""
        MULTI; GET a; EXEC; MULTI; SET b 1; GET b; GET {b}2; EXEC; MULTI; GET b; GET a; EXEC; MULTI; SET; EXEC
        MULTI; GET b; SELECT 1; PING; EXEC; WATCH a; WATCH b; MULTI; SSUBSCRIBE a; DISCARD; GET a
        WATCH b; @1x SET b 2; MULTI; GET b; EXEC; MULTI; GET b; GET c; EXEC; PING; MULTI; EXEC; EXEC
    """,
    "publish and subscribe": r"""
        SSUBSCRIBE a; SSUBSCRIBE a b; SSUBSCRIBE b {b}1; GET a; GET b; SUNSUBSCRIBE a; @1x SPUBLISH b x; <
        SUNSUBSCRIBE b; SUNSUBSCRIBE; @1x SPUBLISH a x; @1x SPUBLISH b x; @1x PUBLISH a x; SUBSCRIBE c
        @2 PUBLISH c hello; <; GET a; UNSUBSCRIBE; SPUBLISH b; PUBSUB SHARDCHANNELS
    """,
    "scripts": r"""
        SET b 1; EVAL "return 1" 0; EVAL "return 1" 1 a; EVAL "return 1" 1 b; EVAL "return 1" 2 a b
        EVAL "return 1" x a; EVAL "return 1" 9 a; EVAL "return redis.call('get','b')" 0
        EVAL "return redis.call('get','a')" 0; EVAL "return redis.call('get','a')" 1 b
        EVAL "return {redis.call('get','b'), redis.call('get','e')}" 0
        EVAL "return {redis.call('get','b'), redis.call('set','f1','x')}" 1 b; EVAL "return redis.pcall('get','a')" 0
        EVAL "return redis.pcall('mget','a','b')" 0; EVAL "return redis.pcall('select', 1)" 0
        EVAL "#!lua flags=allow-cross-slot-keys\nreturn {redis.call('get','b'), redis.call('set','f1','x')}" 1 b
        EVAL "#!lua\nreturn {redis.call('get','b'), redis.call('set','f1','x')}" 1 b
        EVAL "#!lua\nreturn {redis.call('set','f1','x')}" 1 b; EVAL "#!lua\nreturn {redis.pcall('set','f1','x')}" 0
        EVAL "#!lua\nreturn {redis.call('set','f1','x'),redis.pcall('get','b')}" 0
        EVAL "#!lua\nreturn {redis.pcall('mget','b','f1')}" 0; EVAL "#!lua flags=no-cluster\nreturn 1" 0
        EVAL "#!lua flags=no-cluster\nreturn 1" 1 a; EVAL "#!lua flags=no-cluster\nreturn 1" 1 b; EVALSHA abc 1 a
        MULTI; EVAL "#!lua\nreturn {redis.call('set','f1','x')}" 1 b
        EVAL "#!lua\nreturn {redis.pcall('set','b','x')}" 0; EXEC; MULTI
        EVAL "#!lua\nreturn {redis.call('set','f1','x')}" 0; EVAL "#!lua\nreturn {redis.pcall('set','b','x')}" 0; EXEC
    """,
    "functions": r"""
        FUNCTION LOAD REPLACE LIBRARY; SET b 1; FCALL f 0 b; FCALL f 1 b f1; FCALL f 1 b b; FCALL f 1 a b
        FCALL g 1 b f1; FCALL g 1 b a; FCALL h 1 b; FCALL nc 0; FCALL nosuch 1 a; FCALL_RO h 1 b; FCALL_RO f 1 b b
        FUNCTION FLUSH
    """,
    "keys of a slot": r"""
        SET b 1; SET {b}1 1; SET {b}2 1; SET f1 1; CLUSTER COUNTKEYSINSLOT x; CLUSTER COUNTKEYSINSLOT 99999
        CLUSTER COUNTKEYSINSLOT -1; CLUSTER COUNTKEYSINSLOT 3300; CLUSTER GETKEYSINSLOT 3300 -1
        CLUSTER GETKEYSINSLOT 3300 x; CLUSTER GETKEYSINSLOT x x; CLUSTER GETKEYSINSLOT 99999 1
        CLUSTER GETKEYSINSLOT 3300 10; CLUSTER GETKEYSINSLOT 3300 2; CLUSTER GETKEYSINSLOT 3300 0; SET b 2
        CLUSTER GETKEYSINSLOT 3300 10; RENAME b {b}7; CLUSTER GETKEYSINSLOT 3300 10; DEL {b}1 {b}2; SET {b}p 1 PX 1
        CLUSTER COUNTKEYSINSLOT 3300 ! :1; FLUSHALL; CLUSTER COUNTKEYSINSLOT 3300; SET b 1
        CLUSTER GETKEYSINSLOT 3300 9; @3 CLUSTER GETKEYSINSLOT 3300 9
    """,
    "what is shown": r"""
        CLUSTER; CLUSTER FOO; CLUSTER FOO a b; READONLY; READWRITE; ASKING; READONLY x; ASKING x; CLUSTER MYID
        CLUSTER MYID x; CLUSTER SLOTS; CLUSTER SLOTS x; CLUSTER SAVECONFIG; CLUSTER REPLICAS foo; CLUSTER REPLICAS N3
        @2 CLUSTER REPLICAS N2; CLUSTER COUNT-FAILURE-REPORTS N1; CLUSTER COUNT-FAILURE-REPORTS foo; HELLO x
        CLUSTER SET-CONFIG-EPOCH 5; CLUSTER SET-CONFIG-EPOCH -1; CLUSTER SET-CONFIG-EPOCH x; INFO cluster
        CONFIG SET cluster-preferred-endpoint-type hostname; GET a; CLUSTER SLOTS
        CONFIG SET cluster-preferred-endpoint-type unknown-endpoint; GET a; CLUSTER SLOTS
        CONFIG SET cluster-preferred-endpoint-type ip; GET a; @3 CLUSTER SLOTS; @3 ROLE x
    """,
    "refused changes of slots": r"""
        CLUSTER ADDSLOTS 3300; CLUSTER ADDSLOTS 15495; CLUSTER ADDSLOTS x; CLUSTER ADDSLOTS 99999
        CLUSTER ADDSLOTS -1; CLUSTER ADDSLOTS 1 1; CLUSTER ADDSLOTS 1 x; CLUSTER ADDSLOTSRANGE 1
        CLUSTER ADDSLOTSRANGE 1 2 3; CLUSTER ADDSLOTSRANGE 5 2; CLUSTER ADDSLOTSRANGE 1 2; CLUSTER ADDSLOTSRANGE x 2
        CLUSTER ADDSLOTSRANGE 2 16384; CLUSTER ADDSLOTSRANGE 5 2 1 1; CLUSTER ADDSLOTSRANGE 1 1 5 2
        CLUSTER DELSLOTSRANGE 1 5 3 4; CLUSTER DELSLOTS 1 1; SET b 1; CLUSTER FLUSHSLOTS
        CLUSTER SETSLOT 3300 MIGRATING abc; CLUSTER SETSLOT 3300 MIGRATING N3; CLUSTER SETSLOT 15495 MIGRATING N1
        CLUSTER SETSLOT 15495 IMPORTING N3; CLUSTER SETSLOT 15495 IMPORTING xx; CLUSTER SETSLOT 3300 IMPORTING N2
        CLUSTER SETSLOT 3300 FOO; CLUSTER SETSLOT 3300 FOO x; CLUSTER SETSLOT 3300 STABLE x
        CLUSTER SETSLOT 3300 STABLE; CLUSTER SETSLOT 3300 NODE; CLUSTER SETSLOT 3300 NODE x
        CLUSTER SETSLOT 3300 NODE N3; CLUSTER SETSLOT 3300 NODE N2; CLUSTER SETSLOT x STABLE
        CLUSTER SETSLOT 99999 STABLE; CLUSTER SETSLOT 3300; @3 CLUSTER ADDSLOTS 3300
        @3 CLUSTER SETSLOT 3300 MIGRATING N2; @3 CLUSTER FLUSHSLOTS; @3 REPLICAOF NO ONE
    """,
    "a slot that moves": r"""
        SET b 1; SET {b}1 1; CLUSTER SETSLOT 3300 MIGRATING N2; @1s SSUBSCRIBE b; MGET b {b}9; MGET {b}9 b
        MGET {b}9 {b}8; MGET {b}9 {b}9; GET {b}9; GET b; SET {b}9 1; SPUBLISH {b}9 x; @1s SSUBSCRIBE {b}9
        @1s GET {b}9; @1s GET b; MULTI; GET b; GET {b}9; EXEC; MULTI; GET b; SET {b}1 5; EXEC
        EVAL "return 1" 1 {b}9; EVAL "return redis.call('get','{b}9')" 1 {b}1
        EVAL "return redis.call('get','{b}9')" 0; MIGRATE 127.0.0.1 P3 {b}9 0 100; EXISTS {b}9 b
        @2 GET b; @2 CLUSTER SETSLOT 3300 IMPORTING N1; @2 GET b; @2 MGET b {b}1; @2 RESTORE-ASKING b 0 x
        @2 MIGRATE 127.0.0.1 P3 b 0 100; @2 EVAL "return redis.call('get','b')" 0; @2 ASKING; @2 GET b; @2 GET b
        @2 ASKING; @2 MGET b {b}1; @2 ASKING; @2 SET b 5; @2 ASKING; @2 MGET b b; @2 ASKING; @2 MULTI; @2 GET b
        @2 SET b 6; @2 EXEC; @2 GET b; @2 ASKING; @2 GET; @2 GET b; @2 ASKING; @2 NOSUCH; @2 GET b; @2 ASKING
        @2 EVAL "return redis.call('get','b')" 0; @2 ASKING; @2 EVAL "return redis.call('get','b')" 1 b; @2 ASKING
        @2 PING; @2 GET b; @2 MULTI; @2 ASKING; @2 EXEC; @2 GET b; @2 MULTI; @2 ASKING; @2 GET b; @2 EXEC; @2 ASKING
        @2 ASKING; @2 GET b; @2 GET b; @2 ASKING; @2 RESET; @2 GET b; @2 ASKING; @2 DEL b
        MIGRATE 127.0.0.1 P2 {b}9 0 5000; MIGRATE 127.0.0.1 P2 "" 0 5000 KEYS b {b}1 {b}9
        CLUSTER COUNTKEYSINSLOT 3300; @2 CLUSTER COUNTKEYSINSLOT 3300; @2 CLUSTER GETKEYSINSLOT 3300 5
        @2 CLUSTER SETSLOT 3300 NODE N2; CLUSTER SETSLOT 3300 NODE N2; @1s PING; GET b; @2 GET b
        SPUBLISH b x; @3 GET b ! MOVED 3300 127.0.0.1:P2; CLUSTER SLOTS; @2 CLUSTER SETSLOT 3300 MIGRATING N1
        CLUSTER SETSLOT 3300 IMPORTING N2; @2 MIGRATE 127.0.0.1 P1 "" 0 5000 KEYS b {b}1
        CLUSTER SETSLOT 3300 NODE N1; @2 CLUSTER SETSLOT 3300 NODE N1; GET b; @2 GET b
        @3 GET b ! MOVED 3300 127.0.0.1:P1; CLUSTER SLOTS
    """,
    "replicas": r"""
        SET b 1; @3 READONLY; @3 GET b ! 1; @3 GET a; @3 SET b 1; @3 MULTI; @3 GET b; @3 EXEC; @3 MULTI; @3 GET b
        @3 SET b 1; @3 EXEC; @3 EVAL "return redis.call('get','b')" 1 b
        @3 EVAL "return redis.call('set','b',1)" 1 b; @3 EVAL "#!lua\nreturn redis.call('get','b')" 1 b
        @3 EVAL "#!lua flags=no-writes\nreturn redis.call('get','b')" 1 b
        @3 EVAL_RO "return redis.call('get','b')" 1 b; @3 EVAL_RO "#!lua\nreturn redis.call('get','b')" 1 b
        @3 WATCH b; @3 BLPOP b 0.01; @3 XREAD BLOCK 10 STREAMS {b}s $; @3 READWRITE; @3 GET b
        @3 EVAL "return redis.call('get','b')" 0; @3 SPUBLISH b x; @3 SSUBSCRIBE b; @3 SUNSUBSCRIBE b; @3 READONLY
        @3 RESET; @3 GET b; @3 ASKING; @3 GET b
    """,
    "a cluster that is down": r"""
        SET b 1; CLUSTER DELSLOTS 8191; GET b; GET a; MGET a b; SSUBSCRIBE b; SUNSUBSCRIBE b; SPUBLISH b 1
        SPUBLISH a 1; EVAL "return redis.call('get','b')" 0; EVAL "return redis.call('get','b')" 1 b; KEYS *
        SET b 1; WATCH b; MULTI; PING; GET b; EXEC; CONFIG SET cluster-allow-reads-when-down yes; GET b; GET a
        SET b 1; EVAL "return redis.call('get','b')" 1 b; EVAL "return redis.call('set','b','x')" 1 b
        EVAL "#!lua\nreturn redis.call('set','b','x')" 1 b; EVAL "#!lua\nreturn redis.call('set','b','x')" 0
        EVAL "return redis.call('set','b','x')" 0; EVAL "return redis.pcall('get','a')" 0; MULTI; GET b; SET b 1; EXEC
        CONFIG SET cluster-allow-reads-when-down no; CONFIG SET cluster-allow-pubsubshard-when-down no; SPUBLISH b 1
        @1s SSUBSCRIBE b; CONFIG SET cluster-allow-pubsubshard-when-down yes; FLUSHALL
        CLUSTER DELSLOTSRANGE 0 8190; GET b; MGET b a; EVAL "return redis.call('get','b')" 0
        EVAL "return redis.call('get','b')" 1 b; BLPOP b 1; CLUSTER SLOTS; CLUSTER DELSLOTS 1
        CLUSTER ADDSLOTS 1 1; CLUSTER ADDSLOTSRANGE 0 8191; CLUSTER DELSLOTS 1; CLUSTER DELSLOTSRANGE 1 1
        CLUSTER SETSLOT 1 IMPORTING N2; CLUSTER ADDSLOTS 1; CLUSTER SLOTS; GET b ! $-1
    """,
}
LIBRARY = """#!lua name=l
redis.register_function{function_name='f', callback=function(k,a) return redis.call('get',a[1]) end}
redis.register_function{function_name='g', callback=function(k,a) return redis.call('get',a[1]) end,
  flags={'allow-cross-slot-keys','no-writes'}}
redis.register_function{function_name='h', callback=function(k,a) return redis.call('get',k[1]) end,
  flags={'no-writes'}}
redis.register_function{function_name='nc', callback=function(k,a) return 1 end, flags={'no-cluster'}}
"""
UNORDERED = "KEYS"


class Side:
    """One of the clusters, with its connections of a dialogue."""

    def __init__(self, cluster: Cluster, protocol: int = 2) -> None:
        self.cluster = cluster
        self.protocol = protocol
        self.connections: dict[str, RespClient] = {}

    def __enter__(self) -> Side:
        for client in self.cluster.clients[:2]:
            client.ok("FLUSHALL")
        return self

    def __exit__(self, *exc: object) -> None:
        for connection in self.connections.values():
            connection.close()

    def words(self, request: str) -> list[str]:
        words = [word.replace("\\n", "\n").replace("LIBRARY", LIBRARY) for word in shlex.split(request)]
        for i, (server, id) in enumerate(zip(self.cluster.servers, self.cluster.ids, strict=True), 1):
            words = [{f"N{i}": id, f"P{i}": str(server.port)}.get(word, word) for word in words]
        return words

    def shown(self, reply: bytes) -> str:
        """A reply with names for ids and ports."""
        text = reply.decode("latin-1")
        for i, (server, id) in enumerate(zip(self.cluster.servers, self.cluster.ids, strict=True), 1):
            text = re.sub(rf"\b{server.port}\b", f"P{i}", text.replace(id, f"N{i}"))
        return text

    def ask(self, where: str, request: str) -> str:
        client = self.connections.get(where)
        if client is None:
            server = self.cluster.servers[int(where[0]) - 1]
            client = self.connections[where] = server.client(timeout=60)
            if self.protocol == 3:
                client.ok("HELLO", 3)
        if request != "<":
            client.send(*self.words(request))
        reply = self.shown(client.read_raw())
        for _ in range(len(shlex.split(request)) - 2 if "SUBSCRIBE" in request and reply[0] != "-" else 0):
            reply += self.shown(client.read_raw())
        return reply


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    with Cluster(Server, 2, 1) as ours, Cluster(redis_server, 2, 1) as theirs:
        yield ours, theirs


@pytest.mark.parametrize(("name", "protocol"), [*((name, 2) for name in DIALOGUES), ("what is shown", 3)])
def test_replies_equal(clusters: tuple[Cluster, Cluster], name: str, protocol: int) -> None:
    different = []
    with Side(clusters[0], protocol) as ours, Side(clusters[1], protocol) as theirs:
        for line in re.split(r"\s*(?:;|\n)\s*", DIALOGUES[name].strip()):
            found = re.fullmatch(r"(?:@(\w+) )?(.*?)(?: ! (.*))?", line)
            assert found is not None
            where, request, awaited = found[1] or "1", found[2], found[3]
            if awaited is not None:
                for side in (ours, theirs):
                    eventually(lambda: awaited in side.ask(where, request), line)  # noqa: B023  # called at once
                continue
            replies = [side.ask(where, request) for side in (ours, theirs)]
            if request.startswith(UNORDERED):
                replies = ["".join(sorted(reply)) for reply in replies]
            if replies[0] != replies[1]:
                different.append(f"{line}\n  ours  {replies[0]!r}\n  redis {replies[1]!r}")
    assert not different, "\n".join(different)


MASKS = {
    r"\d{13}": "TIME",
    r"(?<=replication-offset\r\n):\d+": ":OFFSET",
    r"(?<=send-buffer-allocated\r\n):\d+": ":SIZE",
    r"(?<=send-buffer-used\r\n):\d+": ":SIZE",
    r"(?<=events\r\n)\$\d\r\nr?w?": "EVENTS",
    r"@\d+": "@BUS",
    r" (0|TIME) (0|TIME) ": " TIMES ",
}


def masked(text: str) -> str:
    """What no two clusters have in common, left out."""
    for pattern, name in MASKS.items():
        text = re.sub(pattern, name, text)
    return text


def parts(side: Side, node: str, request: str) -> list[str]:
    """A reply in pieces that redis-server gives in the order of its hash tables."""
    reply = masked(side.ask(node, request))
    if request == "CLUSTER SHARDS":
        return sorted(re.split(r"(?=[*%]\d\r\n\$5\r\nslots)", reply))
    if request == "CLUSTER LINKS":
        return sorted(re.split(r"(?=[*%]\d+\r\n\$9\r\ndirection)", reply))
    return sorted(re.sub(r"^[$=]\d+\r\n(txt:)?", "", reply).splitlines())


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("request_", ["CLUSTER SHARDS", "CLUSTER NODES", "CLUSTER LINKS"])
def test_unordered_views_equal(clusters: tuple[Cluster, Cluster], request_: str, protocol: int) -> None:
    with Side(clusters[0], protocol) as ours, Side(clusters[1], protocol) as theirs:
        for node in "123":
            assert parts(ours, node, request_) == parts(theirs, node, request_)


def test_info_has_the_same_fields(clusters: tuple[Cluster, Cluster]) -> None:
    fields = []
    for cluster in clusters:
        lines = cluster.clients[0].ok("CLUSTER", "INFO").decode().splitlines()
        fields.append([line for line in lines if not line.startswith("cluster_stats_messages")])
        assert re.search(r"cluster_stats_messages_ping_sent:\d+", "".join(lines))
    assert fields[0] == fields[1]


def test_shown_epochs(clusters: tuple[Cluster, Cluster]) -> None:
    """BUMPEPOCH, at the end: it changes what the others show."""
    replies = []
    for cluster in clusters:
        client = cluster.clients[2]
        replies.append(
            [client("CLUSTER", "BUMPEPOCH"), client("CLUSTER", "BUMPEPOCH"), client("CLUSTER", "BUMPEPOCH", 1)]
        )
    words = [[str(reply).split()[0] for reply in each] for each in replies]
    assert words[0] == words[1]
