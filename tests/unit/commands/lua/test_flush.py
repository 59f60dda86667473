"""A flush frees the Lua runtime at once: reference counts do it, not the cycle collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pyredisai.commands.client import NO_LINK, Client
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.resp.replies import Reply
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process

pytest.importorskip("lupa", reason="the extra lua is not installed")

LIBRARY = b"#!lua name=lib\nredis.register_function('f', function(keys) return redis.call('GET', keys[1]) end)"


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Reference counts only."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def send(services: Services, *args: bytes) -> Reply:
    return process(Context(Client(1, NO_LINK), services), list(args))


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("kind", ["script", "function"])
def test_a_flush_frees_the_runtime(services: Services, kind: str) -> None:
    gone = []
    for _ in range(2):  # it works again after the first flush
        send(services, b"SET", b"k", b"v")
        if kind == "script":
            send(services, b"EVAL", b"cjson.decode('[1]'); return redis.call('GET', KEYS[1])", b"1", b"k")
            world = services.extra["scripts"].world
            send(services, b"EVAL", b"error('x')", b"0")
        else:
            send(services, b"FUNCTION", b"LOAD", LIBRARY)
            send(services, b"FCALL", b"f", b"1", b"k")
            world = services.extra["functions"].world
        gone += [weakref.ref(world), weakref.ref(world.convert)]
        assert world.memory > 0
        runtimes = lua_runtimes()
        del world
        send(services, kind.upper().encode(), b"FLUSH")
        assert [each() for each in gone] == [None] * len(gone)
        assert lua_runtimes() == runtimes - 1


def lua_runtimes() -> int:
    """How many there are in this process."""
    return sum(type(each).__name__ == "LuaRuntime" for each in gc.get_objects())
