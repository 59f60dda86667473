"""Several clients at once: blocking pops and WATCH answer as redis-server 7.0 does, byte for byte.

A step is `client: command`. `client> command` sends without waiting for the reply, `client<` reads it.
"""

from __future__ import annotations

import time

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server

SCENARIOS = {
    "blpop is served by a later push": """
        a> BLPOP k 0 | b: RPUSH k x y | a< | b: LRANGE k 0 -1""",
    "waiters are served in the order in which they came": """
        a> BLPOP k 0 | b> BRPOP k 0 | c> BLPOP k 0 | d: RPUSH k 1 2 | a< | b< | d: EXISTS k | d: LPUSH k 3 | c<""",
    "the push is over before a waiter is served": """
        a> BLPOP k 0 | b: LPUSH k 1 2 3 | a< | b: LRANGE k 0 -1""",
    "a transaction is over before a waiter is served": """
        a> BLPOP k 0 | b: MULTI | b: RPUSH k 1 2 | b: LPOP k | b: EXEC | a< | b: EXISTS k""",
    "nothing is left after the transaction": """
        a> BLPOP k 0.3 | b: MULTI | b: RPUSH k 1 | b: DEL k | b: EXEC | a<""",
    "several keys": """
        a> BLPOP k1 k2 k3 0 | b: RPUSH k3 z | a<""",
    "another type does not wake": """
        a> BLPOP k 0.3 | b: SADD k x | a< | b: TYPE k""",
    "blmove to a key of another type": """
        b: SET t x | a> BLMOVE k t LEFT LEFT 0 | b: RPUSH k v | a< | b: LRANGE k 0 -1""",
    "brpoplpush in a circle": """
        a> BRPOPLPUSH k k 0 | b: RPUSH k 1 2 | a< | b: LRANGE k 0 -1""",
    "one waiter feeds the next": """
        a> BLMOVE k l LEFT RIGHT 0 | b> BLPOP l 0 | c: RPUSH k v | a< | b< | c: DBSIZE""",
    "blmpop with a count": """
        a> BLMPOP 0 2 k l RIGHT COUNT 2 | b: RPUSH l 1 2 3 | a< | b: LRANGE l 0 -1""",
    "rename wakes": "a> BLPOP k 0 | b: RPUSH other v | b: RENAME other k | a<",
    "copy wakes": "a> BLPOP k 0 | b: RPUSH other v | b: COPY other k | a<",
    "move wakes": "b: SELECT 1 | b: RPUSH k v | a> BLPOP k 0 | b: MOVE k 0 | a<",
    "swapdb wakes": "b: SELECT 1 | b: RPUSH k v | a> BLPOP k 0 | b: SWAPDB 0 1 | a<",
    "sort store wakes": "b: RPUSH l 2 1 | a> BLPOP k 0 | b: SORT l STORE k | a<",
    "time runs out": "a: BLPOP k 0.01 | a: BLMOVE k l LEFT LEFT 0.01 | a: BLMPOP 0.01 1 k LEFT",
    "requests behind a blocked one wait": "a> BLPOP k 0 | a> PING | b: RPUSH k v | a< | a<",
    "no waiting within a transaction": "a: MULTI | a: BLPOP k 0 | a: BLMOVE k l LEFT LEFT 0 | a: EXEC",
    "bzpopmin is served by a later zadd": """
        a> BZPOPMIN k l 0 | b: ZADD l 2 x 1 y | a< | b: ZRANGE l 0 -1""",
    "bzpopmax waits for a sorted set": """
        a> BZPOPMAX k 0 | b: SADD k x | b: DEL k | b: ZADD k 1 x | a< | b: EXISTS k""",
    "bzmpop with a count": """
        a> BZMPOP 0 2 k l MAX COUNT 2 | b: ZADD l 1 x 2 y 3 z | a< | b: ZRANGE l 0 -1""",
    "zunionstore wakes": """
        b: ZADD o 1 x | a> BZPOPMIN k 0 | b: ZUNIONSTORE k 1 o WEIGHTS 3 | a<""",
    "zincrby wakes, the order of the waiters holds": """
        a> BZPOPMIN k 0 | b> BZPOPMAX k 0 | c: ZINCRBY k 5 x | a< | c: ZADD k 1 m 2 n | b< | c: ZRANGE k 0 -1""",
    "no waiting for sorted sets within a transaction": """
        a: MULTI | a: BZPOPMIN k 0 | a: BZMPOP 0 1 k MIN | a: EXEC""",
    "xread is served by a later xadd": """
        a> XREAD BLOCK 0 STREAMS k l 0 $ | b: XADD l 5-1 f v | a< | b: XLEN l""",
    "all readers of a stream are served": """
        a: XADD k 1-1 f v | a> XREAD BLOCK 0 STREAMS k $ | b> XREAD BLOCK 0 STREAMS k 1-1
        | c: XADD k 2-1 f v | a< | b<""",
    "each entry goes to one consumer": """
        a: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x COUNT 1 BLOCK 0 STREAMS k >
        | b> XREADGROUP GROUP g y BLOCK 0 STREAMS k > | c: MULTI | c: XADD k 1-1 f v | c: XADD k 1-2 f v
        | c: XADD k 1-3 f v | c: EXEC | a< | b< | c: XPENDING k g""",
    "entries of a transaction are there when it is over": """
        a> XREAD BLOCK 0 STREAMS k $ | b: MULTI | b: XADD k 1-1 f v | b: XADD k 1-2 f v | b: XDEL k 1-1 | b: EXEC
        | a<""",
    "an entry that is gone already": """
        a> XREAD BLOCK 0 STREAMS k $ | b: MULTI | b: XADD k 1-1 f v | b: XDEL k 1-1 | b: EXEC | a<""",
    "a reader ends with the group": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: XGROUP DESTROY k g | a<""",
    "a reader of a group ends with the key": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: DEL k | a<""",
    "a reader of a group ends with flushall": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: FLUSHALL | a<""",
    "a reader of a group ends with another type": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: SET k v | a<""",
    "a reader of a group ends with rename": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: RENAME k l | a<""",
    "a reader of a group ends with swapdb": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x BLOCK 0 STREAMS k > | b: SWAPDB 0 1 | a<""",
    "a plain reader waits on": """
        b: XGROUP CREATE k g $ MKSTREAM | a> XREAD BLOCK 300 STREAMS k 0 | b: DEL k | b: SADD k x | a<""",
    "a plain reader waits for a new stream": """
        a: XADD k 5-1 f v | a> XREAD BLOCK 300 STREAMS k $ | b: DEL k | b: XADD k 1-1 f v | b: XADD k 6-1 f v | a<""",
    "readers without new acknowledge": """
        a: XGROUP CREATE k g $ MKSTREAM | a> XREADGROUP GROUP g x NOACK BLOCK 0 STREAMS k > | b: XADD k 1-1 f v | a<
        | b: XPENDING k g | b: XINFO GROUPS k""",
    "no waiting for streams within a transaction": """
        a: MULTI | a: XREAD BLOCK 0 STREAMS k $ | a: EXEC""",
    "groups do not touch their key": """
        a: XADD k 1-1 f v | a: WATCH k | b: XGROUP CREATE k g 0 | b: XREADGROUP GROUP g c STREAMS k > | b: XACK k g 1-1
        | a: MULTI | a: PING | a: EXEC""",
    "watched key changes": "a: WATCH k | b: SET k 1 | a: MULTI | a: GET k | a: EXEC | a: GET k",
    "watched key is set and deleted": "a: WATCH k | b: SET k 1 | b: DEL k | a: MULTI | a: PING | a: EXEC",
    "watched key is untouched": "a: WATCH k | b: SET other 1 | a: MULTI | a: SET k 2 | a: EXEC",
    "own change counts": "a: WATCH k | a: SET k 1 | a: MULTI | a: PING | a: EXEC",
    "unwatch": "a: WATCH k | b: SET k 1 | a: UNWATCH | a: MULTI | a: PING | a: EXEC",
    "discard forgets": "a: WATCH k | b: SET k 1 | a: MULTI | a: DISCARD | a: MULTI | a: PING | a: EXEC",
    "exec forgets": "a: WATCH k | b: SET k 1 | a: MULTI | a: EXEC | a: MULTI | a: PING | a: EXEC",
    "flushall touches what is there": "b: SET k 1 | a: WATCH k | b: FLUSHALL | a: MULTI | a: PING | a: EXEC",
    "flushall leaves what is not there": "a: WATCH k | b: FLUSHALL | a: MULTI | a: PING | a: EXEC",
    "swapdb touches": "b: SET k 1 | a: WATCH k | b: SWAPDB 0 1 | a: MULTI | a: PING | a: EXEC",
    "swapdb of others": "b: SET k 1 | a: WATCH k | b: SWAPDB 2 1 | a: MULTI | a: PING | a: EXEC",
    "expired": "a: SET k 1 PX 30 | a: WATCH k | a: MULTI | a: PING | sleep | a: EXEC",
    "expired before": "a: SET k 1 PX 30 | sleep | a: WATCH k | a: MULTI | a: PING | a: EXEC",
    "ttl touches": "a: SET k 1 | a: WATCH k | b: EXPIRE k 100 | a: MULTI | a: PING | a: EXEC",
    "no change does not touch": "a: SADD k 1 | a: WATCH k | b: SADD k 1 | b: SREM k 2 | a: MULTI | a: PING | a: EXEC",
    "reset ends a transaction": "a: WATCH k | a: MULTI | a: RESET | a: EXEC | b: SET k 1 | a: MULTI | a: EXEC",
    "select within exec": "a: MULTI | a: SELECT 1 | a: SET k 1 | a: EXEC | a: DBSIZE | b: EXISTS k",
    "errors within exec": "a: SET k x | a: MULTI | a: INCR k | a: LPUSH k 1 | a: SET k 2 | a: EXEC | a: GET k",
    "errors when queued": "a: MULTI | a: SET k | a: SET k 2 | a: EXEC | a: GET k",
    "replies are as they were": "a: HSET h f 1 | a: MULTI | a: HGETALL h | a: HSET h f 2 g 3 | a: HGETALL h | a: EXEC",
    "unblock": "a: CLIENT SETNAME w | a> BLPOP k 0 | b: PING | a.unblock | a<",
    "unblock with an error": "a> BLPOP k 0 | b: PING | a.unblock ERROR | a<",
}


def play(server: Server, scenario: str) -> list[bytes]:
    """The replies, in the order in which they are read."""
    clients: dict[str, RespClient] = {}
    ids: dict[str, int] = {}
    replies = []

    def client(name: str) -> RespClient:
        if name not in clients:
            clients[name] = server.client()
            ids[name] = clients[name].ok("CLIENT", "ID")
        return clients[name]

    client("z").ok("FLUSHALL")
    try:
        for step in map(str.strip, scenario.split("|")):
            if step == "sleep":
                time.sleep(0.06)
            elif step.endswith("<"):
                replies.append(client(step[:-1]).read_raw())
            elif ".unblock" in step:
                name, _, rest = step.partition(".unblock")
                replies.append(client("z").raw("CLIENT", "UNBLOCK", ids[name], *rest.split()))
            elif "> " in step:
                name, _, command = step.partition("> ")
                client(name).send(*command.split())
                client("z")("PING")
                time.sleep(0.02)
            else:
                name, _, command = step.partition(": ")
                replies.append(client(name).raw(*command.split()))
        return replies
    finally:
        for each in clients.values():
            each.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_same_as_redis(name: str, server: Server, redis_server: Server) -> None:
    assert play(server, SCENARIOS[name]) == play(redis_server, SCENARIOS[name])


def test_a_client_that_goes_away_waits_no_more(server: Server) -> None:
    with server.client() as other:
        other.ok("FLUSHALL")
        gone = server.client()
        gone.send("BLPOP", "k", "0")
        time.sleep(0.05)
        gone.close()
        time.sleep(0.05)
        other.ok("RPUSH", "k", "v")
        assert other("LRANGE", "k", 0, -1) == [b"v"]
