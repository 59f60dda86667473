"""The plain commands answer as redis-server 7.0 does, byte for byte, in RESP2 and RESP3.

Random sequences of commands run against both servers; after each sequence the databases must hold the same.
PYREDISAI_EXAMPLES sets how many sequences are tried.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.differential import commands, special_commands
from tests.differential.commands import Command, same
from tests.support.resp import RespClient
from tests.support.server import Server

EXAMPLES = int(os.environ.get("PYREDISAI_EXAMPLES", "20"))
FAMILIES = {
    "keyspace": commands.STRINGS + commands.KEYSPACE,
    "hashes": commands.HASHES * 2 + commands.STRINGS + commands.KEYSPACE,
    "lists": commands.LISTS * 2 + commands.STRINGS + commands.KEYSPACE,
    "sets": commands.SETS * 2 + commands.STRINGS + commands.KEYSPACE,
    "sorted sets": commands.SORTED_SETS * 2 + commands.KEYSPACE[:12],
    "streams": commands.STREAMS,
    "hyperloglogs": special_commands.HYPERLOGLOGS + special_commands.SETTINGS,
    "places": special_commands.PLACES,
    "bits": commands.BITS * 3 + commands.STRINGS,
    "sorts": commands.SORTS * 3 + commands.LISTS[:3] + commands.SETS[:3],
    "transactions": commands.TRANSACTIONS * 8
    + commands.STRINGS
    + commands.KEYSPACE
    + commands.HASHES[:-3]
    + commands.LISTS
    + [c for c in commands.SETS if c is not commands.SRANDMEMBER],
}
DUMP = {
    "string": ("GET",),
    "list": ("LRANGE", 0, -1),
    "hash": ("HGETALL",),
    "set": ("SMEMBERS",),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
}


def compare(ours: RespClient, real: RespClient, command: Command, history: list[Command]) -> None:
    mine, theirs = ours.raw(*command), real.raw(*command)
    if mine != theirs:
        values = [parse(mine), parse(theirs)]
        shown = "\n".join(map(repr, history))
        assert same(command, *values), f"{command!r}\nours {mine!r}\nreal {theirs!r}\nafter\n{shown}"


class Parsed(RespClient):
    """A client that reads from bytes."""

    def __init__(self, raw: bytes) -> None:
        self._buf, self._pos = bytearray(raw), 0


def parse(raw: bytes) -> Any:
    return Parsed(raw).read()


def contents(client: RespClient) -> dict[tuple[int, bytes], Any]:
    """Everything in the first databases: type, value, encoding, whether it expires."""
    found: dict[tuple[int, bytes], Any] = {}
    for database in (0, 1, 2):
        client.ok("SELECT", database)
        for key in client("KEYS", "*"):
            kind = client("TYPE", key)
            if kind == "stream":
                value = commands.without_moments(client("XINFO", "STREAM", key, "FULL", "COUNT", 0))
                found[database, key] = (kind, value, client("PTTL", key) >= 0)
                continue
            name, *rest = DUMP[kind]
            value = (
                commands.without_order(client(name, key, *rest))
                if kind in ("set", "hash")
                else client(name, key, *rest)
            )
            found[database, key] = (kind, value, client("PTTL", key) >= 0)
    return found


@pytest.mark.parametrize("resp", [2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_same_replies_as_redis(family: str, resp: int, server: Server, redis_server: Server) -> None:
    with server.client() as ours, redis_server.client() as real:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(st.lists(st.one_of(FAMILIES[family]), min_size=5, max_size=40))
        def run(sequence: list[Command]) -> None:
            for client in (ours, real):
                client("DISCARD")
                client.ok("HELLO", resp)
                client.ok("FLUSHALL")
                client.ok("SELECT", 0)
            for index, command in enumerate(sequence):
                compare(ours, real, command, sequence[:index])
            for client in (ours, real):
                client("DISCARD")
            assert contents(ours) == contents(real), sequence

        run()
