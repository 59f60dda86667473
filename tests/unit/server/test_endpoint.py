"""Connections serve on asyncio's own loop and on uvloop alike."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable

import pytest

from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services
from pyredisai.server.connection import Connection
from pyredisai.server.endpoint import Endpoint
from pyredisai.server.limits import Limits
from tests.support.resp import encode

BIG = b"x" * 1_000_000


async def dialogue() -> bytes:
    services = build_services(Registry())
    limits = Limits(services.config)
    server = await asyncio.get_running_loop().create_server(
        lambda: Endpoint(Connection(services, limits)), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        writer.write(encode("PING") + encode("SET", "k", BIG) + encode("STRLEN", "k") + encode("GET", "k"))
        expected = b"+PONG\r\n+OK\r\n:1000000\r\n$1000000\r\n" + BIG + b"\r\n"
        found = await asyncio.wait_for(reader.readexactly(len(expected)), 10)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        assert not services.clients
        return found.replace(BIG, b"big")
    finally:
        writer.close()
        server.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_both_loops(loop: str) -> None:
    module = pytest.importorskip(loop) if loop == "uvloop" else importlib.import_module(loop)
    make: Callable[[], asyncio.AbstractEventLoop] = module.new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        assert runner.run(dialogue()) == b"+PONG\r\n+OK\r\n:1000000\r\n$1000000\r\nbig\r\n"
