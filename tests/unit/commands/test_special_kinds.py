"""HyperLogLogs and places: what is journaled, announced and noticed by WATCH."""

from __future__ import annotations

from typing import Any

import pytest

from pyredisai.commands.client import Client, NoLink
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.resp.replies import NULL_ARRAY, OK, Error
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


@pytest.fixture
def journal(services: Services) -> list[list[bytes]]:
    found: list[list[bytes]] = []
    services.journal.subscribers.append(lambda index, effects: found.extend(list(e) for e in effects))
    return found


@pytest.fixture
def ctx(services: Services) -> Context:
    return Context(Client(1, NoLink()), services)


def send(ctx: Context, *args: Any) -> Any:
    return process(ctx, [str(arg).encode() if not isinstance(arg, bytes) else arg for arg in args])


def test_pfadd_is_journaled_where_it_changes_something(ctx: Context, journal: list[list[bytes]]) -> None:
    assert send(ctx, "PFADD", "h", "a") == 1
    assert send(ctx, "PFADD", "h", "a") == 0
    assert journal == [[b"PFADD", b"h", b"a"]]


def test_pfcount_is_journaled_where_it_computes(ctx: Context, journal: list[list[bytes]]) -> None:
    """The estimate is part of the value, so replicas keep it too."""
    send(ctx, "PFADD", "h", "a")
    assert [send(ctx, "PFCOUNT", "h") for _ in range(3)] == [1, 1, 1]
    assert send(ctx, "PFCOUNT", "h", "nokey") == 1
    assert journal == [[b"PFADD", b"h", b"a"], [b"PFCOUNT", b"h"]]


def test_pfcount_keeps_the_expiry_and_fails_watchers(services: Services, ctx: Context) -> None:
    send(ctx, "PFADD", "h", "a")
    send(ctx, "EXPIRE", "h", 1000)
    other = Context(Client(2, NoLink()), services)
    send(other, "WATCH", "h")
    assert send(ctx, "PFCOUNT", "h") == 1
    send(other, "MULTI")
    assert send(other, "EXEC") is NULL_ARRAY
    assert 0 < send(ctx, "TTL", "h") <= 1000


def test_geoadd_is_journaled_as_zadd(ctx: Context, journal: list[list[bytes]]) -> None:
    assert send(ctx, "GEOADD", "g", "NX", "CH", 13.361389, 38.115556, "p", 15.087269, 37.502669, "c") == 2
    send(ctx, "GEOADD", "g", 13.361389, 38.115556, "p")
    scores = b"3479099956230698", b"3479447370796909"
    assert journal == [[b"ZADD", b"g", b"NX", b"CH", scores[0], b"p", scores[1], b"c"]]


def test_searches_that_store_are_journaled_as_they_came(ctx: Context, journal: list[list[bytes]]) -> None:
    send(ctx, "ZADD", "g", 3479099956230698, "p")
    requests = [
        "GEORADIUS g 13 38 500 km STORE d",
        "GEORADIUSBYMEMBER g p 1 m STOREDIST d",
        "GEOSEARCHSTORE d g FROMMEMBER p BYRADIUS 1 m",
        "GEOSEARCHSTORE d nokey FROMMEMBER p BYRADIUS 1 m",
    ]
    for request in [*requests, "GEORADIUS g 13 38 500 km", "GEOSEARCHSTORE d nokey FROMMEMBER p BYRADIUS 1 m"]:
        assert not isinstance(send(ctx, *request.split()), Error)
    assert journal[1:] == [request.encode().split() for request in requests]


def test_what_needs_memory_is_refused_where_there_is_none(services: Services, ctx: Context) -> None:
    names = {
        "geoadd",
        "georadius",
        "georadiusbymember",
        "geosearchstore",
        "pfadd",
        "pfmerge",
        "pfdebug",
        "restore-asking",
    }
    assert all(services.table.commands[name].denyoom for name in names)


def test_selftest(ctx: Context) -> None:
    assert send(ctx, "PFSELFTEST") is OK


def test_scripts_that_only_read_may_not_count(services: Services) -> None:
    """PFCOUNT may write; so may PUBLISH for replicas."""
    flags = {name: services.table.commands[name].flags for name in ("pfcount", "publish", "spublish", "eval", "fcall")}
    assert all("may_replicate" in words for words in flags.values())
