"""Clients of today against a cluster of three of our nodes, also while slots move under them."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.cluster import RedisCluster

from tests.support.cluster import Cluster
from tests.support.server import Server
from tests.wire.cluster.support import needs_redis_cli, redis_cli

pytestmark = pytest.mark.xdist_group("cluster-clients")
NODES = 3


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with Cluster(Server, NODES) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    for client in running.clients:
        client.ok("FLUSHALL")
    return running


def address(cluster: Cluster, node: int = 0) -> str:
    return f"127.0.0.1:{cluster.servers[node].port}"


@pytest.mark.parametrize("protocol", [2, 3])
def test_redis_py(cluster: Cluster, protocol: int) -> None:
    with RedisCluster("127.0.0.1", cluster.servers[0].port, protocol=protocol) as r:
        for i in range(100):
            r.set(f"k{i}", i)
        assert [int(r.get(f"k{i}")) for i in range(100)] == list(range(100))
        assert r.dbsize(target_nodes=RedisCluster.ALL_NODES) == 100
        assert all(client("DBSIZE") > 10 for client in cluster.clients)
        with r.pipeline() as pipe:
            for i in range(100):
                pipe.incr(f"k{i}")
            assert pipe.execute() == list(range(1, 101))
        with r.pipeline(transaction=True) as pipe:
            assert pipe.incr("{t}a").incr("{t}a").execute() == [1, 2]
        assert r.mget_nonatomic("k1", "k2", "k3") == [b"2", b"3", b"4"]
        assert r.register_script("return redis.call('get', KEYS[1])")(keys=["k1"]) == b"2"
        assert r.cluster_info()["cluster_state"] == "ok"
        assert len(r.cluster_shards()) == len(r.cluster_slots()) == NODES
        assert r.cluster_countkeysinslot(r.keyslot("k1")) == 1
        check_messages(r)


def check_messages(r: RedisCluster) -> None:
    """A message to a channel reaches all nodes, one to a shard channel those that listen there."""
    with r.pubsub() as listener:
        listener.subscribe("channel")
        assert listener.get_message(timeout=10)["type"] == "subscribe"
        for node in r.get_primaries():
            r.execute_command("PUBLISH", "channel", node.name, target_nodes=node)
        heard = {listener.get_message(timeout=10)["data"].decode() for _ in range(NODES)}
        assert heard == {node.name for node in r.get_primaries()}
    with r.pubsub() as listener:
        listener.ssubscribe("shard")
        assert listener.get_sharded_message(timeout=10)["type"] == "ssubscribe"
        assert r.spublish("shard", "x") == 1
        assert listener.get_sharded_message(timeout=10)["data"] == b"x"


def test_redis_py_asyncio(cluster: Cluster) -> None:
    async def run() -> None:
        async with AsyncRedisCluster(host="127.0.0.1", port=cluster.servers[1].port) as r:
            for first in range(0, 100, 20):
                await asyncio.gather(*(r.set(f"k{i}", i) for i in range(first, first + 20)))
            async with r.pipeline() as pipe:
                for i in range(100):
                    pipe.incr(f"k{i}")
                assert await pipe.execute() == list(range(1, 101))

    asyncio.run(run())


@needs_redis_cli
def test_redis_cli(cluster: Cluster) -> None:
    requests = "".join(f"SET k{i} v{i}\n" for i in range(50))
    command = [shutil.which("redis-cli") or "", "-c", "-p", str(cluster.servers[0].port)]
    done = subprocess.run(command, input=requests, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines().count("OK") == 50
    assert done.stdout == "OK\n" * 50 or "Redirected to slot" in done.stdout
    assert sum(client("DBSIZE") for client in cluster.clients) == 50
    assert "[OK] All 16384 slots covered." in redis_cli("--cluster", "check", address(cluster))
    assert "[OK] 50 keys in 3 masters." in redis_cli("--cluster", "info", address(cluster))


@pytest.mark.skipif(shutil.which("redis-benchmark") is None, reason="redis-benchmark is not installed")
def test_redis_benchmark(cluster: Cluster) -> None:
    port = str(cluster.servers[0].port)
    command = ["redis-benchmark", "--cluster", "-p", port, "-t", "set,get", "-n", "2000", "-r", "500", "-c", "6", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.count("requests per second") == 2, done.stdout + done.stderr
    assert all(client("DBSIZE") > 0 for client in cluster.clients)


class Load(threading.Thread):
    """Counts keys of one slot up, as long as it runs."""

    KEYS = 200

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port = port
        self.counted = 0
        self.begun, self.ended = threading.Event(), threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with RedisCluster("127.0.0.1", self.port) as r:
                for i in itertools.cycle(range(self.KEYS)):
                    r.incr(f"{{moving}}{i}")
                    self.counted += 1
                    if self.counted == self.KEYS:
                        self.begun.set()
                    if self.ended.is_set():
                        return
        except Exception as failure:
            self.failure = failure
            self.begun.set()


@needs_redis_cli
def test_slots_move_while_they_are_used(cluster: Cluster) -> None:
    """Nothing is lost: each of the load's increments has been made once."""
    load = Load(cluster.servers[0].port)
    load.start()
    try:
        assert load.begun.wait(60)
        slot = cluster.clients[0].ok("CLUSTER", "KEYSLOT", "{moving}")
        for source, target in ((slot * NODES // 16384, 0), (0, 1), (1, 2), (2, slot * NODES // 16384)):
            move(cluster, slot, source, target)
    finally:
        load.ended.set()
        load.join(60)
    assert load.failure is None
    with RedisCluster("127.0.0.1", cluster.servers[1].port) as r:
        assert sum(int(r.get(f"{{moving}}{i}") or 0) for i in range(load.KEYS)) == load.counted


def move(cluster: Cluster, slot: int, source: int, target: int) -> None:
    """Move a slot as redis-cli --cluster reshard does."""
    if source == target:
        return
    giving, taking = cluster.clients[source], cluster.clients[target]
    taking.ok("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.ids[source])
    giving.ok("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.ids[target])
    port = cluster.servers[target].port
    while keys := giving.ok("CLUSTER", "GETKEYSINSLOT", slot, 10):
        assert giving.ok("MIGRATE", "127.0.0.1", port, "", 0, 30_000, "KEYS", *keys) == "OK"
    for client in (taking, giving, *cluster.clients):
        client.ok("CLUSTER", "SETSLOT", slot, "NODE", cluster.ids[target])


@needs_redis_cli
def test_reshard(cluster: Cluster) -> None:
    with RedisCluster("127.0.0.1", cluster.servers[0].port) as r:
        for i in range(100):
            r.set(f"k{i}", i)
        to_and_from = ("--cluster-from", cluster.ids[0], "--cluster-to", cluster.ids[1])
        back = ("--cluster-from", cluster.ids[1], "--cluster-to", cluster.ids[0])
        for direction in (to_and_from, back):
            redis_cli("--cluster", "reshard", address(cluster), *direction, "--cluster-slots", 30, "--cluster-yes")
            assert "[OK] All 16384 slots covered." in redis_cli("--cluster", "check", address(cluster, 2))
            assert [int(r.get(f"k{i}")) for i in range(100)] == list(range(100))


def test_models_with_their_tensors(cluster: Cluster, models: Path) -> None:
    """A model runs on any node, if its key and those of its tensors share a hash tag."""
    pytest.importorskip("onnxruntime")
    blob = (models / "mul_1.onnx").read_bytes()
    inputs = np.ones((3, 2), np.float32)
    with RedisCluster("127.0.0.1", cluster.servers[0].port) as r:
        tags = {r.keyslot(tag) * NODES // 16384: tag for tag in (f"{{{i}}}" for i in range(20))}
        assert len(tags) == NODES
        for tag in tags.values():
            assert r.execute_command("AI.MODELSTORE", f"{tag}m", "ONNX", "CPU", "BLOB", blob) == b"OK"
            r.execute_command("AI.TENSORSET", f"{tag}x", "FLOAT", 3, 2, "BLOB", inputs.tobytes())
            run = (f"{tag}m", "INPUTS", 1, f"{tag}x", "OUTPUTS", 1, f"{tag}y")
            assert r.execute_command("AI.MODELEXECUTE", *run) == b"OK"
            assert len(np.frombuffer(r.execute_command("AI.TENSORGET", f"{tag}y", "BLOB"), np.float32)) == 6
    crossing = cluster.clients[0]("AI.MODELEXECUTE", "{0}m", "INPUTS", 1, "{0}x", "OUTPUTS", 1, "y")
    assert crossing.text == "CROSSSLOT Keys in request don't hash to the same slot"


def test_models_move_with_their_slot(cluster: Cluster, models: Path) -> None:
    pytest.importorskip("onnxruntime")
    blob = (models / "mul_1.onnx").read_bytes()
    client = cluster.clients[0]
    slot = client.ok("CLUSTER", "KEYSLOT", "{m}")
    home = slot * NODES // 16384
    cluster.clients[home].ok("AI.MODELSTORE", "{m}", "ONNX", "CPU", "TAG", "v1", "BLOB", blob)
    away = (home + 1) % NODES
    move(cluster, slot, home, away)
    stored = cluster.clients[away].ok("AI.MODELGET", "{m}", "BLOB")
    assert stored == blob
    move(cluster, slot, away, home)
