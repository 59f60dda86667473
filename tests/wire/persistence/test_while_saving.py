"""What is written while a picture of the keys is in use: the file holds one moment, the server the latest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server
from tests.wire.persistence.test_files import info, wait_for

Start = Callable[..., Server]
Contents = dict[int, dict[bytes, tuple[Any, Any]]]

FAR_MS = 32_503_680_000_000
MANY = 10_000
SAVE = [("BGSAVE",), ("INFO", "persistence")]


def fill(client: RespClient) -> None:
    """Keys of all plain types in two databases, and so many more that a save takes a while."""
    for start in range(0, MANY, 5000):
        client("MSET", *[word for i in range(start, start + 5000) for word in (f"many:{i}", "x" * 30)])
    client.pipeline(*[("PEXPIREAT", f"many:{i}", FAR_MS) for i in range(0, MANY, 10)])
    commands: list[tuple[object, ...]] = []
    for i in range(30):
        commands += [
            *(("SET", f"str:{i}", "old"), ("SET", f"number:{i}", i), ("RPUSH", f"list:{i}", *range(40))),
            *(("HSET", f"hash:{i}", *range(40)), ("SADD", f"set:{i}", *"abcdef"), ("SADD", f"ints:{i}", 1, 2, 3)),
            *(("ZADD", f"zset:{i}", 1, "a", 2, "b", 3, "c"), ("XADD", f"stream:{i}", "1-1", "f", "v")),
            *(("XGROUP", "CREATE", f"stream:{i}", "g", "0"), ("PEXPIREAT", f"set:{i}", FAR_MS)),
        ]
    commands += [("SELECT", 1), *commands[:90], ("SELECT", 0)]
    assert not [reply for reply in client.pipeline(*commands) if isinstance(reply, Exception)]


def writes(i: int) -> list[tuple[object, ...]]:
    """Writes of all kinds."""
    return [
        *(("SET", f"str:{i}", "new"), ("APPEND", f"many:{i}", "y"), ("INCR", f"number:{i}"), ("SET", f"new:{i}", i)),
        *(("SETRANGE", f"many:{i + 100}", 5, "z"), ("GETDEL", f"many:{i + 200}"), ("DEL", f"many:{i + 300}")),
        *(("RPUSH", f"list:{i}", "late"), ("LPOP", f"list:{i}", 3), ("LTRIM", f"list:{i}", 2, -2)),
        *(("LMOVE", f"list:{i}", f"list:{i + 1}", "LEFT", "RIGHT"), ("LREM", f"list:{i}", 0, 7)),
        *(("HSET", f"hash:{i}", "f", "v", 0, 0), ("HDEL", f"hash:{i}", 2), ("HINCRBY", f"hash:{i}", 4, 3)),
        *(("SADD", f"set:{i}", "x"), ("SREM", f"set:{i}", "a"), ("SPOP", f"ints:{i}"), ("PERSIST", f"set:{i}")),
        *(("SINTERSTORE", f"ints:{i}", f"ints:{i}", f"set:{i}"), ("SADD", f"ints:{i}", 9)),
        *(("ZADD", f"zset:{i}", 9, "a"), ("ZREM", f"zset:{i}", "b"), ("ZPOPMIN", f"zset:{i}")),
        *(("XADD", f"stream:{i}", "2-1", "f", "w"), ("XDEL", f"stream:{i}", "1-1")),
        *(("XREADGROUP", "GROUP", "g", "c", "STREAMS", f"stream:{i}", ">"), ("XTRIM", f"stream:{i}", "MAXLEN", 0)),
        *(("PEXPIREAT", f"str:{i}", FAR_MS - 1), ("PEXPIRE", f"many:{i + 400}", 1), ("PERSIST", f"many:{i * 10}")),
        *(("RENAME", f"hash:{i}", f"hash:late:{i}"), ("HSET", f"hash:late:{i}", "late", 1)),
        *(("COPY", f"zset:{i}", f"zset:late:{i}"), ("ZADD", f"zset:late:{i}", 1, "late")),
        *(("MOVE", f"stream:{i}", 2), ("SORT", f"list:{i}", "ALPHA", "STORE", f"str:{i}")),
    ]


ROUNDS = [command for i in range(29) for command in writes(i)]
ENDS: dict[str, list[tuple[object, ...]]] = {
    "writes": ROUNDS,
    "a flush of all": [*ROUNDS, ("FLUSHALL",), *ROUNDS],
    "a flush of all, later": [*ROUNDS, ("FLUSHALL", "ASYNC"), *ROUNDS],
    "a flush of one": [("SELECT", 1), ("FLUSHDB",), ("SET", "one", "1"), ("SELECT", 0), *ROUNDS],
    "a swap": [("SWAPDB", 0, 1), *ROUNDS, ("SWAPDB", 1, 3), ("SELECT", 3), *ROUNDS, ("FLUSHDB",), ("SELECT", 0)],
    "a script": [("EVAL", "for i = 0, 28 do redis.call('LPUSH', 'list:' .. i, 'late') end", 0), *ROUNDS],
    "a transaction": [("MULTI",), *ROUNDS, ("EXEC",)],
}


def contents(server: Server) -> Contents:
    """Every key of every database with its expiry, as it can be compared."""
    found: Contents = {}
    with server.client() as client:
        for number in range(4):
            client("SELECT", number)
            names = sorted(client("KEYS", "*"))
            values = client.pipeline(*[("DUMP", name) for name in names])
            for at, name in enumerate(names):  # what equal values may be dumped differently for
                if name.startswith((b"set", b"ints")):
                    values[at] = sorted(client("SMEMBERS", name))
                elif name.startswith(b"hash"):
                    fields = iter(client("HGETALL", name))
                    values[at] = dict(zip(fields, fields, strict=True))
                elif name.startswith(b"stream"):
                    pending = client("XPENDING", name, "g", "-", "+", 9)  # an error where the group is gone
                    entries = [entry[:2] for entry in pending] if isinstance(pending, list) else "no group"
                    values[at] = (client("XRANGE", name, "-", "+"), entries)
            expiries = client.pipeline(*[("PEXPIRETIME", name) for name in names])
            found[number] = dict(zip(names, zip(values, expiries, strict=True), strict=True))
    return found


def saved(start_server: Start, server: Server) -> Contents:
    """What a server that starts with this one's file has."""
    folder = start_server().dir
    shutil.copy(server.dir / "dump.rdb", folder / "dump.rdb")
    return contents(start_server(folder=folder))


def no_save(client: RespClient) -> bool:
    """Whether nothing is being saved."""
    return info(client, "rdb_bgsave_in_progress") == info(client, "aof_rewrite_in_progress") == "0"


@pytest.mark.parametrize("what", ENDS)
def test_a_save_shows_the_moment_it_began(start_server: Start, start_redis: Start, what: str) -> None:
    """The server's own state is compared with that of a real one that got the same commands, without any save."""
    server, real = start_server(), start_redis()
    with server.client() as client, real.client() as other:
        fill(client)
        fill(other)
        before = contents(server)
        replies = client.pipeline(*SAVE, *ENDS[what])
        assert b"rdb_bgsave_in_progress:1" in replies[1]
        wait_for(lambda: no_save(client))
        assert info(client, "rdb_last_bgsave_status") == "ok"
        other.pipeline(*ENDS[what])
    assert saved(start_server, server) == before
    after = contents(server)
    expected = contents(real)
    assert {n: keys.keys() for n, keys in after.items()} == {n: keys.keys() for n, keys in expected.items()}
    for number, keys in expected.items():
        for name, (value, expiry) in keys.items():
            if not name.startswith(b"ints"):  # SPOP chooses
                assert after[number][name] == (value, expiry)


@pytest.mark.parametrize("first", ["BGREWRITEAOF", "BGSAVE"])
def test_a_rewrite_and_a_save_overlap(start_server: Start, first: str) -> None:
    """Each has its own moment; the log has everything."""
    server = start_server("--appendonly", "yes", "--auto-aof-rewrite-percentage", "0")
    with server.client() as client:
        fill(client)
        before = contents(server)
        if first == "BGREWRITEAOF":
            replies = client.pipeline(("BGREWRITEAOF",), *writes(3), ("BGSAVE",), ("INFO", "persistence"))
            assert b"aof_rewrite_in_progress:1" in replies[-1]
        else:
            replies = client.pipeline(("BGSAVE",), ("CONFIG", "SET", "appendonly", "no"), *writes(3))
            replies = client.pipeline(("CONFIG", "SET", "appendonly", "yes"), ("INFO", "persistence"))
        assert b"rdb_bgsave_in_progress:1" in replies[-1]
        client.pipeline(*ROUNDS)
        wait_for(lambda: no_save(client))
        client.pipeline(*writes(5))
        after = contents(server)
    loaded = saved(start_server, server)
    if first == "BGSAVE":
        assert loaded == before
    else:
        assert loaded[0][b"new:3"] != before[0].get(b"new:3")
        assert b"new:4" not in loaded[0]
    server.kill()
    server.start()
    assert contents(server) == after


def test_saves_one_after_the_other_while_much_is_written(start_server: Start) -> None:
    """A save begins while the layers of the last one are merged."""
    server = start_server()
    with server.client() as client:
        fill(client)
        for number in range(4):
            replies = client.pipeline(("BGSAVE",), *[("SET", f"many:{i}", number) for i in range(0, MANY, 2)])
            assert replies[0] == "Background saving started"
            wait_for(lambda: no_save(client))
        assert client("GET", "many:0") == b"3"
        assert client("GET", "many:1") == b"x" * 30
        assert len(set(client("KEYS", "*"))) == client("DBSIZE")
    assert saved(start_server, server)[0][b"many:0"][0] != contents(server)[0][b"many:0"][0]


@pytest.mark.parametrize("policy", ["allkeys-random", "allkeys-lru", "volatile-ttl"])
def test_what_is_evicted_during_a_save_is_in_it(start_server: Start, policy: str) -> None:
    server = start_server("--maxmemory-policy", policy, "--rdb-key-save-delay", 100)
    with server.client() as client:
        fill(client)
        before, size = contents(server), client("DBSIZE")
        replies = client.pipeline(*SAVE, ("CONFIG", "SET", "maxmemory", 1), ("SET", "new", "1"))
        assert b"rdb_bgsave_in_progress:1" in replies[1]
        assert replies[3] == "OK"  # the rest goes between commands
        wait_for(lambda: client("DBSIZE") <= size - 900)
        assert client("CONFIG", "SET", "maxmemory", 0) == "OK"
        wait_for(lambda: no_save(client))
    assert saved(start_server, server) == before


def test_keys_can_be_looked_at_in_every_way_while_they_are_saved(start_server: Start) -> None:
    server = start_server()
    with server.client() as client:
        fill(client)
        size = client("DBSIZE")
        cursor, found = client("SCAN", 0, "COUNT", 1000)
        replies = client.pipeline(
            *(("BGSAVE",), ("DEL", "many:1"), ("SET", "new", "1"), ("DBSIZE",), ("KEYS", "many:1"), ("KEYS", "new")),
            *(("RANDOMKEY",), ("INFO", "keyspace"), ("EXISTS", "many:1", "new"), ("MEMORY", "STATS")),
            *(("SCAN", cursor, "COUNT", 100_000), ("OBJECT", "ENCODING", "list:1"), ("INFO", "persistence")),
        )
        assert b"rdb_bgsave_in_progress:1" in replies[-1]
        assert replies[3] == size
        assert replies[4:6] == [[], [b"new"]]
        assert b"db0:keys=%d,expires=" % size in replies[7]
        assert replies[8] == 1
        assert set(found) | set(replies[10][1]) >= {b"many:%d" % i for i in range(2, MANY)}
        client("WATCH", "many:5")
        client("SET", "many:5", "touched")
        client("MULTI")
        assert client("EXEC") is None
