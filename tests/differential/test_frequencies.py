"""LFU: the counters that OBJECT FREQ shows, beside redis-server's.

With `lfu-log-factor 0` each use counts, so the counters tell which commands use which keys, and how often. (Left out:
BLMOVE and BZPOPMIN on a key that is there, which redis-server looks up twice.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server

KEYS = ("string", "number", "list", "hash", "set", "zset", "stream", "other", "new")
FILL = """
    SET string abcdef; SET number 5; RPUSH list 3 1 2; HSET hash f 1 g 2; SADD set a b c; ZADD zset 1 a 2 b
    XADD stream 1-1 f v; SADD other b c d
"""
COMMANDS = """
    GET string; GET new; GET string; GET string; SET string x; SET new x; SET string x XX; SET string x NX; SET new x NX
    SET string x GET; SET string x XX GET; SET string x KEEPTTL; SET string x EX 100; SETNX string x; SETNX new x
    SETEX string 100 x; GETSET string x; GETDEL string; GETEX string; GETEX string EX 100; APPEND string x
    APPEND new x; STRLEN string; SETRANGE string 1 x; GETRANGE string 0 1; SUBSTR string 0 1; INCR number; INCR new
    INCRBY number 2; INCRBYFLOAT number 1; DECR number; MGET string number new; MSET string a number 2
    MSETNX new a number 2; MSETNX new a; LCS string number; SETBIT string 1 1; GETBIT string 1; BITCOUNT string
    BITPOS string 1; BITOP NOT new string; BITOP AND string string number; BITFIELD number SET u8 0 1
    BITFIELD number GET u8 0; BITFIELD_RO number GET u8 0; PFADD new a; PFCOUNT new
    LPUSH list x; RPUSH new x; LPUSHX list x; LPOP list; RPOP list; LLEN list; LRANGE list 0 -1; LINDEX list 0
    LSET list 0 x; LINSERT list BEFORE 1 x; LREM list 1 x; LTRIM list 0 1; LPOS list 1; LMOVE list new LEFT LEFT
    LMOVE list list LEFT RIGHT; RPOPLPUSH list new; LMPOP 1 list LEFT; BLPOP list 1; SORT list; SORT list STORE new
    SORT_RO list; SORT list BY new* GET num*
    HSET hash f 1; HSETNX hash f 1; HGET hash f; HMGET hash f; HDEL hash f; HLEN hash; HSTRLEN hash f; HKEYS hash
    HVALS hash; HGETALL hash; HEXISTS hash f; HINCRBY hash f 1; HINCRBYFLOAT hash f 1; HSCAN hash 0; HRANDFIELD hash
    SADD set x; SREM set x; SISMEMBER set a; SMISMEMBER set a; SCARD set; SPOP set; SPOP set 1; SRANDMEMBER set
    SRANDMEMBER set 2; SMEMBERS set; SSCAN set 0; SMOVE set other a; SMOVE set new a; SINTER set other
    SUNION set other; SDIFF set other; SINTERSTORE new set other; SUNIONSTORE set set other; SDIFFSTORE set other set
    SINTERCARD 2 set other
    ZADD zset 3 c; ZADD zset NX 3 a; ZINCRBY zset 1 a; ZSCORE zset a; ZMSCORE zset a; ZCARD zset; ZCOUNT zset 0 1
    ZLEXCOUNT zset - +; ZRANGE zset 0 -1; ZREVRANGE zset 0 -1; ZRANGEBYSCORE zset 0 1; ZRANGEBYLEX zset - +
    ZRANK zset a; ZREVRANK zset a; ZREM zset a; ZREMRANGEBYRANK zset 0 0; ZREMRANGEBYSCORE zset 1 1
    ZPOPMIN zset; ZPOPMAX zset; ZMPOP 1 zset MIN; ZRANDMEMBER zset; ZSCAN zset 0
    ZRANGESTORE new zset 0 -1; ZRANGESTORE zset zset 0 -1; ZUNIONSTORE new 2 zset set; ZINTERSTORE zset 2 zset set
    ZUNION 2 zset set; ZDIFF 2 zset set; ZINTERCARD 2 zset set; GEOADD zset 1 1 x; GEOPOS zset a; GEODIST zset a b
    GEOHASH zset a; GEOSEARCH zset FROMLONLAT 1 1 BYRADIUS 1 km; GEOSEARCHSTORE new zset FROMLONLAT 1 1 BYRADIUS 1 km
    XADD stream * f v; XADD new * f v; XLEN stream; XRANGE stream - +; XREVRANGE stream + -; XDEL stream 1-1
    XTRIM stream MAXLEN 0; XREAD STREAMS stream 0; XINFO STREAM stream; XINFO GROUPS stream
    XGROUP CREATE stream g 0; XSETID stream 5-0; XREAD STREAMS stream 9
    EXISTS string; TOUCH string; TOUCH string number new; TYPE string; TTL string; PTTL string; EXPIRETIME string
    EXPIRE string 100; EXPIRE string 100 NX; PERSIST string; DEL number; UNLINK number; RENAME string new
    RENAME string number; RENAMENX string number; RENAMENX string new; RENAME string string; COPY string new
    COPY string number REPLACE; COPY string number; MOVE string 1; DUMP string; OBJECT ENCODING string
    OBJECT FREQ string; OBJECT REFCOUNT string; MEMORY USAGE string; SCAN 0; SCAN 0 TYPE string; KEYS *; RANDOMKEY
    DBSIZE; DEBUG OBJECT string; WATCH string; MULTI; GET string; EXEC; UNWATCH
    RESTORE string 0 PAYLOAD REPLACE; RESTORE new 0 PAYLOAD; RESTORE new 0 PAYLOAD FREQ 77
    RESTORE string 0 PAYLOAD FREQ 255 REPLACE; RESTORE string 0 PAYLOAD REPLACE FREQ 0
    RESTORE new 0 PAYLOAD IDLETIME 100; RESTORE new 0 PAYLOAD FREQ 5 IDLETIME 100
    RESTORE new 0 PAYLOAD IDLETIME 5 FREQ 100; RESTORE new 0 PAYLOAD FREQ 256; RESTORE new 0 PAYLOAD FREQ x
    RESTORE new 0 PAYLOAD FREQ -1; RESTORE new 0 PAYLOAD FREQ; RESTORE new 0 PAYLOAD FREQ 1 FREQ 2
    WRONG string; LPUSH string x; GET list; INCR string
"""


def requests(text: str) -> list[list[str]]:
    return [part.split() for line in text.strip().splitlines() for part in line.split(";")]


@pytest.fixture
def both(client: RespClient, redis_client: RespClient) -> Iterator[tuple[RespClient, RespClient]]:
    for one in (client, redis_client):
        # With a limit, redis-server's small integers are values of their own, each with its counter.
        one("CONFIG", "SET", "maxmemory", "900gb", "maxmemory-policy", "allkeys-lfu")
        one("CONFIG", "SET", "lfu-log-factor", "0", "lfu-decay-time", "0")
        one("FLUSHALL")
    yield client, redis_client
    for one in (client, redis_client):
        one("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
        one("CONFIG", "SET", "lfu-log-factor", "10", "lfu-decay-time", "1")


def counters(client: RespClient, request: list[str]) -> dict[str, object]:
    client("FLUSHALL")
    for each in requests(FILL):
        client(*each)
    payload = client("DUMP", "string")
    reply = client(*(payload if word == "PAYLOAD" else word for word in request))
    if request[0] == "MULTI":
        client("DISCARD")
    error = {"error": str(reply)} if type(reply).__name__ == "ErrorReply" else {}
    return error | {key: client("OBJECT", "FREQ", key) for key in KEYS}


def test_commands_use_the_same_keys_as_often(both: tuple[RespClient, RespClient]) -> None:
    different = []
    for request in requests(COMMANDS):
        ours, theirs = (counters(one, request) for one in both)
        changed = {key: f"{ours.get(key)}, redis {theirs[key]}" for key in theirs if ours.get(key) != theirs[key]}
        if changed or ours.keys() != theirs.keys():
            different.append(f"{' '.join(request)}: {changed} {ours.get('error')}")
    assert not different, "\n".join(different)


def test_debug_object_shows_the_counter(both: tuple[RespClient, RespClient]) -> None:
    shown = []
    for one in both:
        one("SET", "string", "x")
        one("RESTORE", "restored", 0, one("DUMP", "string"), "FREQ", 200)
        words = {key: one("DEBUG", "OBJECT", key) for key in ("string", "restored")}
        shown.append({key: re.sub(r"at:\S+|seconds_idle:\d+", "", text) for key, text in words.items()})
    assert shown[0] == shown[1]


def test_the_policy_decides_what_is_noted(both: tuple[RespClient, RespClient]) -> None:
    """Both refuse the other question, and begin anew when the policy changes."""
    dialogues = []
    for one in both:
        replies = []
        one("SET", "string", "x")
        for policy in ("volatile-lfu", "allkeys-lru", "noeviction", "allkeys-lfu"):
            one("CONFIG", "SET", "maxmemory-policy", policy)
            for question in ("FREQ", "IDLETIME"):
                reply = one("OBJECT", question, "string")
                replies.append((policy, question, None if isinstance(reply, int) else str(reply)))
                replies.append(one("OBJECT", question, "none"))
        dialogues.append(replies)
    assert dialogues[0] == dialogues[1]


@pytest.mark.parametrize("ours_first", [True, False])
@pytest.mark.parametrize("policy", ["allkeys-lfu", "volatile-lfu", "allkeys-lru", "noeviction"])
def test_files_keep_the_use_of_keys(
    start_server: Callable[..., Server], start_redis: Callable[..., Server], ours_first: bool, policy: str
) -> None:
    """A file of either is read by the other."""
    start = [start_server, start_redis] if ours_first else [start_redis, start_server]
    options = ("--maxmemory-policy", policy, "--lfu-decay-time", 0)
    question, amount = ("FREQ", 99) if policy.endswith("lfu") else ("IDLETIME", 5000)
    writer = start[0](*options)
    with writer.client() as client:
        client("SET", "string", "x")
        payload = client("DUMP", "string")
        assert client("RESTORE", "a", 0, payload, question, amount) == "OK"
        assert client("RESTORE", "b", 100_000_000, payload, question, amount + 1) == "OK"
        client("RPUSH", "list", *range(1000))
        client("SAVE")
        asked(client, question, [amount, amount + 1])
    reader = start[1](*options, folder=writer.dir)
    with reader.client() as client:
        assert client("DBSIZE") == 4
        asked(client, question, [0, 0] if policy == "noeviction" else [amount, amount + 1])
        assert client("LRANGE", "list", 0, -1) == [b"%d" % number for number in range(1000)]


def asked(client: RespClient, question: str, wanted: list[int]) -> None:
    found = [client("OBJECT", question, key) for key in ("a", "b")]
    assert all(0 <= got - want < 60 for got, want in zip(found, wanted, strict=True)), found
    fresh = [client("OBJECT", question, key) for key in ("string", "list")]
    assert all(got in range(5, 8) if question == "FREQ" else got < 60 for got in fresh), fresh
