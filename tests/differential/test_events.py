"""Keyspace notifications: the same events in the same order as redis-server's, for the same commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.differential import commands, special_commands
from tests.differential.commands import Command
from tests.support.resp import RespClient
from tests.support.server import Server

EXAMPLES = int(os.environ.get("PYREDISAI_EXAMPLES", "20"))
EVERYTHING = "KEAmn"
COMMANDS = [
    *commands.STRINGS,
    *commands.KEYSPACE,
    *commands.HASHES,
    *commands.LISTS,
    *commands.SETS,
    *commands.SORTED_SETS,
    *commands.STREAMS,
    *commands.BITS[:7],
    *commands.SORTS[:3],
    *special_commands.HYPERLOGLOGS,
    *special_commands.PLACES,
]
# these read keys in an order or number of their own; their misses are not compared
READERS = (
    b"sort",
    b"sort_ro",
    b"xautoclaim",
    b"georadius",
    b"georadiusbymember",
    b"sinter",
    b"sunion",
    b"sdiff",
    b"sintercard",
    b"zintercard",
    b"lcs",
    b"bitop",
    b"touch",
    b"object",
)


class Listener:
    """Hears all events of a server. A PING after each command tells where its events end."""

    def __init__(self, server: Server) -> None:
        self.client: RespClient = server.client()
        self.client("PSUBSCRIBE", "__key*__:*")

    def heard(self) -> list[Any]:
        self.client.send("PING")
        events = []
        while True:
            message = self.client.read()
            if message[0] == b"pong":
                return events
            events.append(message[2:])


def without_misses(events: list[Any]) -> list[Any]:
    return [event for event in events if b"keymiss" not in event and not event[0].endswith(b":keymiss")]


def test_same_events_as_redis(start_server: Callable[..., Server], start_redis: Callable[..., Server]) -> None:
    servers = [start("--notify-keyspace-events", EVERYTHING) for start in (start_server, start_redis)]
    clients = [server.client() for server in servers]
    listeners = [Listener(server) for server in servers]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(st.one_of(COMMANDS), min_size=5, max_size=40))
    def run(sequence: list[Command]) -> None:
        for client, listener in zip(clients, listeners, strict=True):
            client.ok("FLUSHALL")
            client.ok("SELECT", 0)
            listener.heard()
        for index, command in enumerate(sequence):
            for client in clients:
                client(*command)
            ours, real = (listener.heard() for listener in listeners)
            if command[0].lower() in READERS or command[0].lower().endswith(b"store"):
                ours, real = without_misses(ours), without_misses(real)
            assert ours == real, f"{command!r}: ours {ours!r}, real {real!r} after {sequence[:index]!r}"

    try:
        clients[0].ok("SET", "k", "v")
        assert [b"__keyspace@0__:k", b"set"] in listeners[0].heard(), "events arrive"
        run()
    finally:
        for client in [*clients, *(listener.client for listener in listeners)]:
            client.close()
