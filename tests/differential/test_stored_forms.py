"""Sorted sets and streams have the forms that redis-server gives them: encodings, nodes of streams, bytes of DUMP."""

from __future__ import annotations

import random

import pytest

from tests.support.resp import RespClient

VALUES = [b"1", b"123456", b"-5000000", b"99999999999", b"x" * 70, b"x" * 6000]
NAMES = [[b"f"], [b"f", b"g"], [b"long" * 30]]


def additions(chance: random.Random, count: int) -> list[list[bytes]]:
    """XADD with entries of all sizes and the ids of a clock, some with trimming; some are deleted again."""
    ms, requests = chance.choice([1, 1000, 2**40]), []
    for seq in range(1, count + 1):
        ms += chance.choice([0, 0, 1, 3, 300])
        trim: list[bytes] = chance.choices(
            [
                [],
                [b"MAXLEN", b"~", b"%d" % chance.randrange(50, 900)],
                [b"MINID", b"~", b"%d" % max(ms - chance.randrange(3000), 0)],
                [b"MAXLEN", b"%d" % chance.randrange(50, 900)],
                [b"MAXLEN", b"~", b"10", b"LIMIT", b"%d" % chance.randrange(100, 400)],
            ],
            [96, 1, 1, 1, 1],
        )[0]
        id = b"%d-%d" % (ms, seq)
        fields = [
            part
            for name in chance.choice(NAMES)
            for part in (name, chance.choice([*VALUES, b"x" * chance.randrange(200)]))
        ]
        requests.append([b"XADD", b"s", *trim, id, *fields])
        if chance.random() < 0.1:
            requests.append([b"XDEL", b"s", id])
    return requests


@pytest.mark.parametrize("seed", range(3))
def test_nodes_are_cut_as_in_redis(client: RespClient, redis_client: RespClient, seed: int) -> None:
    for at, request in enumerate(additions(random.Random(seed), 1500)):
        assert client(*request) == redis_client(*request), request[:6]
        if at % 50 == 0:
            assert client("XINFO", "STREAM", "s") == redis_client("XINFO", "STREAM", "s")


def test_dump_gives_the_same_bytes(client: RespClient, redis_client: RespClient) -> None:
    chance = random.Random(1)
    for request in additions(chance, 400):
        # what is cut out of a node leaves a mark in Redis; very long strings are not compressed here
        if request[0] == b"XADD" and b"MAXLEN" not in request and VALUES[-1] not in request:
            redis_client.ok(*request)
    redis_client.ok("XGROUP", "CREATE", "s", "g", "0")
    for consumer in ("c", "b"):
        redis_client.ok("XREADGROUP", "GROUP", "g", consumer, "COUNT", 5, "STREAMS", "s", ">")
    payload = redis_client("DUMP", "s")
    client.ok("RESTORE", "s", 0, payload)
    assert client("DUMP", "s") == payload


def test_dump_of_sorted_sets(client: RespClient, redis_client: RespClient) -> None:
    for size in (5, 200):
        scores = [x for n in range(size) for x in (n * 1.5 if n % 3 else n * 10**16, f"m{n}")]
        for one in (client, redis_client):
            one.ok("ZADD", f"z{size}", *scores)
        assert client("DUMP", f"z{size}") == redis_client("DUMP", f"z{size}")


def test_encodings_of_sorted_sets(client: RespClient, redis_client: RespClient) -> None:
    for one in (client, redis_client):
        one.ok("ZADD", "small", *(x for n in range(128) for x in (n, n)))
        one.ok("ZADD", "many", *(x for n in range(129) for x in (n, n)))
        one.ok("ZADD", "short", 1, "x" * 64)
        one.ok("ZADD", "long", 1, "x" * 65)
        one.ok("ZUNIONSTORE", "sum", 2, "small", "short")
    for key in ("small", "many", "short", "long", "sum"):
        assert client("OBJECT", "ENCODING", key) == redis_client("OBJECT", "ENCODING", key), key
