"""Pairs of servers, what is in them, and waiting for them to agree."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server


def wait_for(condition: Callable[[], object], seconds: float = 30, what: str = "") -> None:
    """Until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain {what}"
        time.sleep(0.03)


def info(client: RespClient, field: str) -> str:
    """One field of INFO replication; empty where it is missing."""
    for line in bytes(client("INFO", "replication")).decode().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value
    return ""


def counter(client: RespClient, field: str) -> int:
    """A counter of INFO stats."""
    lines = bytes(client("INFO", "stats")).decode().splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).partition(":")[2])


def follow(replica: RespClient, primary: Server) -> None:
    """Make it a replica, and wait until the link is up."""
    replica.ok("REPLICAOF", "127.0.0.1", primary.port)
    wait_up(replica)


def wait_up(replica: RespClient, seconds: float = 30) -> None:
    """Until the replica has its primary's stream."""
    wait_for(lambda: info(replica, "master_link_status") == "up", seconds, "for the link")


def caught_up(primary: RespClient, *replicas: RespClient) -> bool:
    """Whether all have applied what the primary has fed."""
    offset = info(primary, "master_repl_offset")
    return all(info(replica, "slave_repl_offset") == offset for replica in replicas)


def wait_caught_up(primary: RespClient, *replicas: RespClient, seconds: float = 30) -> None:
    """Until that is so."""
    for replica in replicas:
        wait_up(replica, seconds)
    wait_for(lambda: caught_up(primary, *replicas), seconds, "for the offset")


def dump(client: RespClient, databases: int = 3) -> dict[tuple[int, bytes], Any]:
    """Every key with its type, value and expiry."""
    found: dict[tuple[int, bytes], Any] = {}
    for index in range(databases):
        client.ok("SELECT", index)
        for key in client.ok("KEYS", "*"):
            found[index, key] = (value_of(client, key), client("PEXPIRETIME", key))
    client.ok("SELECT", 0)
    return found


def value_of(client: RespClient, key: bytes) -> Any:
    """A value in a form that can be compared."""
    kind = client("TYPE", key)
    match kind:
        case "string":
            return client("GET", key)
        case "list":
            return client("LRANGE", key, 0, -1)
        case "set":
            return sorted(client("SMEMBERS", key))
        case "zset":
            return client("ZRANGE", key, 0, -1, "WITHSCORES")
        case "stream":
            groups = [(group[1], group[3], group[5], group[7]) for group in client("XINFO", "GROUPS", key)]
            return client("XRANGE", key, "-", "+"), groups
        case "hash":
            flat = client("HGETALL", key)
            return dict(zip(flat[::2], flat[1::2], strict=True))
        case "AI_TENSOR":
            return client("AI.TENSORGET", key, "META", "BLOB")
        case "AI__MODEL":
            return client("AI.MODELGET", key, "META", "BLOB")
        case "AI_SCRIPT":
            return client("AI.SCRIPTGET", key)
    raise AssertionError(f"a value of type {kind}")


def workload(seed: int) -> Iterator[tuple[Any, ...]]:
    """Endless random commands on plain types; some fail, some change several keys, some expire them."""
    choose = random.Random(seed)
    makers = (_strings, _lists, _hashes, _sets, _sorted_sets, _streams, _keys, _effects, sketches, places)
    while True:
        yield from choose.choice(makers)(choose)


def _name(choose: random.Random, kind: str) -> str:
    return f"{kind}{choose.randrange(12)}"


def _strings(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key, number = _name(choose, "s"), choose.randrange(1000)
    yield choose.choice(
        [
            ("SET", key, number),
            ("SET", key, number, "PX", 100_000 + number),
            ("SET", key, number, "EX", 1000, "NX"),
            ("APPEND", key, "xyz"),
            ("INCRBY", _name(choose, "n"), number),
            ("INCRBYFLOAT", _name(choose, "n"), number / 7),
            ("SETRANGE", key, 3, "abc"),
            ("GETEX", key, "PX", 500_000),
            ("GETDEL", key),
            ("MSET", key, 1, _name(choose, "s"), 2),
            ("SETBIT", _name(choose, "bits"), number, 1),
            ("SETEX", key, 2000, "v"),
            ("GETSET", key, "old"),
        ]
    )


def _lists(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key, other = _name(choose, "l"), _name(choose, "l")
    yield choose.choice(
        [
            ("RPUSH", key, "a", choose.randrange(99), "c"),
            ("LPUSH", key, choose.random()),
            ("LPOP", key, 2),
            ("RPOP", key),
            ("LMOVE", key, other, "LEFT", "RIGHT"),
            ("LINSERT", key, "BEFORE", "a", "b"),
            ("LREM", key, 1, "a"),
            ("LTRIM", key, 0, 20),
            ("LMPOP", 2, key, other, "LEFT", "COUNT", 2),
            ("BLPOP", key, other, 0.001),
        ]
    )


def _hashes(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key, field = _name(choose, "h"), f"f{choose.randrange(9)}"
    yield choose.choice(
        [
            ("HSET", key, field, choose.randrange(99), "g", 1),
            ("HINCRBY", key, "count", 3),
            ("HINCRBYFLOAT", key, "real", 0.25),
            ("HDEL", key, field),
            ("HSETNX", key, field, "x"),
        ]
    )


def _sets(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key, other = _name(choose, "t"), _name(choose, "t")
    yield choose.choice(
        [
            ("SADD", key, *(choose.randrange(50) for _ in range(5))),
            ("SPOP", key),
            ("SPOP", key, 3),
            ("SREM", key, 1, 2, 3),
            ("SMOVE", key, other, choose.randrange(50)),
            ("SUNIONSTORE", key, key, other),
            ("SDIFFSTORE", other, key, _name(choose, "t")),
        ]
    )


def _sorted_sets(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key, other, number = _name(choose, "z"), _name(choose, "z"), choose.randrange(50)
    yield choose.choice(
        [
            ("ZADD", key, number, f"m{number}", choose.random(), "x"),
            ("ZADD", key, "GT", "CH", number, "x"),
            ("ZINCRBY", key, number / 7, "x"),
            ("ZPOPMIN", key),
            ("ZREM", key, f"m{number}"),
            ("ZUNIONSTORE", other, 2, key, other),
            ("ZREMRANGEBYRANK", key, 0, 0),
        ]
    )


def sketches(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    """A HyperLogLog command."""
    key, other = _name(choose, "p"), _name(choose, "p")
    yield choose.choice(
        [
            ("PFADD", key, *(choose.randrange(10_000) for _ in range(5))),
            ("PFADD", key, *(choose.randrange(10**6) for _ in range(400))),
            ("PFADD", key),
            ("PFCOUNT", key),
            ("PFCOUNT", key, other),
            ("PFMERGE", key, other, _name(choose, "p")),
            ("PFDEBUG", choose.choice(["TODENSE", "GETREG"]), key),
        ]
    )


def places(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    """A geo command."""
    key, other, member = _name(choose, "g"), _name(choose, "g"), f"m{choose.randrange(30)}"
    centre = (choose.uniform(-180, 180), choose.uniform(-85, 85))
    yield choose.choice(
        [
            ("GEOADD", key, *centre, member, choose.uniform(0, 5), choose.uniform(0, 5), "x"),
            ("GEOADD", key, choose.choice(["NX", "XX"]), "CH", *centre, member),
            ("GEOSEARCHSTORE", other, key, "FROMLONLAT", *centre, "BYRADIUS", 9000, "km", "STOREDIST"),
            ("GEOSEARCHSTORE", other, key, "FROMMEMBER", "x", "BYBOX", 5e6, 3e6, "m", "COUNT", 3),
            ("GEORADIUS", key, *centre, 5000, "mi", "STORE", other, "COUNT", 5, "ANY"),
            ("GEORADIUSBYMEMBER", key, "x", 1e7, "m", "STOREDIST", other),
        ]
    )


def _streams(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key = _name(choose, "x")
    yield choose.choice(
        [
            ("XADD", key, "*", "a", choose.random()),
            ("XADD", key, "MAXLEN", 20, "*", "a", 1, "b", 2),
            ("XGROUP", "CREATE", key, "group", 0, "MKSTREAM"),
            ("XREADGROUP", "GROUP", "group", "someone", "COUNT", 2, "STREAMS", key, ">"),
            ("XTRIM", key, "MAXLEN", "~", 5),
            ("XAUTOCLAIM", key, "group", "other", 0, 0, "COUNT", 1),
        ]
    )


def _keys(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key = _name(choose, choose.choice("slhtzx"))
    yield choose.choice(
        [
            ("EXPIRE", key, 1000),
            ("PEXPIRE", key, choose.choice([1, 20, 500_000])),
            ("PERSIST", key),
            ("DEL", key),
            ("UNLINK", key),
            ("RENAME", key, key + "r"),
            ("COPY", key, key + "c", "REPLACE"),
            ("MOVE", key, choose.randrange(3)),
            ("SELECT", choose.randrange(3)),
            ("SWAPDB", 1, 2),
        ]
    )


def _effects(choose: random.Random) -> Iterator[tuple[Any, ...]]:
    key = _name(choose, "s")
    yield ("MULTI",)
    yield ("SET", key, choose.random())
    yield ("RPUSH", _name(choose, "l"), key)
    yield ("SELECT", choose.randrange(3))
    yield ("SADD", _name(choose, "t"), key)
    yield ("EXEC",)
    script = "redis.call('set', KEYS[1], ARGV[1]); return redis.call('incrby', KEYS[2], 2)"
    yield ("EVAL", script, 2, key, _name(choose, "n"), choose.random())
    yield ("FLUSHDB",) if choose.random() < 0.02 else ("PING",)


def run(client: RespClient, commands: Iterator[tuple[Any, ...]], count: int) -> int:
    """Run so many of the commands, and what is left of a transaction, in pipelines; how many did not fail."""
    done = sent = 0
    while sent < count:
        batch = [next(commands) for _ in range(min(50, count - sent))]
        words = [command[0] for command in batch]
        while words.count("MULTI") > words.count("EXEC"):
            batch.append(next(commands))
            words.append(batch[-1][0])
        sent += len(batch)
        done += sum(not isinstance(reply, ErrorReply) for reply in client.pipeline(*batch))
    return done
