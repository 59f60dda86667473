"""What each of the lazyfree options counts as freed lazily, beside redis-server's count."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.resp import RespClient

MEMBERS = [f"member {number}" for number in range(700)]
OPTIONS = ("expire", "eviction", "server-del", "user-del")
SCENARIOS = {
    "overwritten by SET": "SET big x",
    "overwritten by SET with options": "SET big x EX 100",
    "overwritten by MSET": "MSET big x other y",
    "overwritten by SETEX": "SETEX big 100 x",
    "overwritten by RENAME": "RENAME small big",
    "renamed": "RENAME big new",
    "renamed over another": "RENAME big big2",
    "renamed to itself": "RENAME big big",
    "moved": "MOVE big 1",
    "overwritten by COPY": "COPY small big REPLACE",
    "copied": "COPY big new",
    "overwritten by a union": "SUNIONSTORE big small",
    "overwritten by a union of itself": "SUNIONSTORE big big small",
    "overwritten by nothing": "SINTERSTORE big small none",
    "overwritten by ZUNIONSTORE": "ZUNIONSTORE big 1 small",
    "overwritten by ZRANGESTORE": "ZRANGESTORE big none 0 1",
    "overwritten by SORT": "SORT numbers STORE big",
    "overwritten by BITOP": "BITOP NOT big string",
    "overwritten by RESTORE": "RESTORE big 0 PAYLOAD REPLACE",
    "deleted": "DEL big big2 small",
    "unlinked": "UNLINK big small",
    "small ones": "SET small x",
    "its time has come": "EXPIRE big -1",
    "restored with a time that has come": "RESTORE big 1 PAYLOAD REPLACE ABSTTL",
    "expired, then read": "DEBUG SET-ACTIVE-EXPIRE 0; PEXPIRE big 1; WAIT-A-LITTLE; TYPE big",
    "expired, then written": "DEBUG SET-ACTIVE-EXPIRE 0; PEXPIRE big 1; WAIT-A-LITTLE; SET big x",
    "expired by itself": "PEXPIRE big 1; WAIT-UNTIL-GONE",
    "evicted": "CONFIG SET maxmemory-policy allkeys-random maxmemory 1; SET a b; CONFIG SET maxmemory 0",
    "emptied": "FLUSHALL",
}


def settled(client: RespClient) -> int:
    """Freed lazily so far, when nothing is pending any more.

    redis-server's thread takes a value off what is pending before it counts it as freed: two looks must agree.
    """
    end, before = time.monotonic() + 30, ""
    while time.monotonic() < end:
        info = dict(line.split(":", 1) for line in client("INFO", "memory").decode().splitlines() if ":" in line)
        freed = info["lazyfreed_objects"] if info["lazyfree_pending_objects"] == "0" else ""
        if freed and freed == before:
            return int(freed)
        before = freed
        time.sleep(0.005)
    raise AssertionError("something stays pending")


@pytest.fixture
def both(client: RespClient, redis_client: RespClient) -> Iterator[tuple[RespClient, RespClient]]:
    yield client, redis_client
    for one in (client, redis_client):
        for option in OPTIONS:
            one("CONFIG", "SET", f"lazyfree-lazy-{option}", "no")
        one("CONFIG", "SET", "maxmemory", "0", "maxmemory-policy", "noeviction")
        one("DEBUG", "SET-ACTIVE-EXPIRE", "1")
        one("CONFIG", "RESETSTAT")


def count(client: RespClient, option: str, steps: str) -> int:
    client("FLUSHALL")
    client("DEBUG", "SET-ACTIVE-EXPIRE", "1")
    for other in OPTIONS:
        client("CONFIG", "SET", f"lazyfree-lazy-{other}", "yes" if other == option else "no")
    client("SADD", "big", *MEMBERS)
    client("SADD", "big2", *MEMBERS)
    client("SADD", "small", "a", "b")
    client("RPUSH", "numbers", 3, 1, 2)
    client("SET", "string", "abc")
    payload = client("DUMP", "small")
    before = settled(client)
    for step in steps.split("; "):
        if step == "WAIT-A-LITTLE":
            time.sleep(0.01)
        elif step == "WAIT-UNTIL-GONE":
            end = time.monotonic() + 30
            while client("DBSIZE") == 5 and time.monotonic() < end:
                time.sleep(0.02)
        else:
            client(*(payload if word == "PAYLOAD" else word for word in step.split()))
    return settled(client) - before


@pytest.mark.parametrize("option", OPTIONS)
def test_as_many_values_are_freed_lazily(both: tuple[RespClient, RespClient], option: str) -> None:
    different = {}
    for name, steps in SCENARIOS.items():
        ours, theirs = (count(one, option, steps) for one in both)
        if ours != theirs:
            different[name] = f"{ours}, redis {theirs}"
    assert not different
