"""A connection that is lost leaves no cycle: its buffers are free without the cycle collector."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator

import pytest

from pyredisai.commands.client import Client
from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services
from pyredisai.server.connection import Connection
from pyredisai.server.limits import Limits

END = {
    "idle": b"PING\r\n",
    "half a big value": b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\nbegin",
    "blocked": b"*3\r\n$5\r\nBLPOP\r\n$4\r\nnone\r\n$2\r\n20\r\n",
    "subscribed": b"SUBSCRIBE c\r\n",
    "in a transaction": b"WATCH k\r\nMULTI\r\nGET k\r\n",
    "monitor": b"MONITOR\r\n",
    "tracking": b"HELLO 3\r\nCLIENT TRACKING ON\r\nGET k\r\n",
}


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Reference counts only."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Transport(asyncio.Transport):
    """Takes what is written."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock})

    def write(self, data: object) -> None:
        """It is not looked at."""

    def writelines(self, list_of_data: object) -> None:
        """It is not looked at."""

    def close(self) -> None:
        """Nothing to close."""

    def get_write_buffer_size(self) -> int:
        """Nothing waits."""
        return 0


def in_memory() -> int:
    """How many connections and clients there are."""
    return sum(type(each) in (Connection, Client) for each in gc.get_objects())


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("state", END)
def test_a_lost_connection_is_freed_at_once(state: str) -> None:
    async def scenario() -> None:
        connection = Connection(services, limits)
        near, far = socket.socketpair()
        with near, far:
            connection.connection_made(Transport(near))
            data = END[state]
            connection.get_buffer(-1)[: len(data)] = data
            connection.buffer_updated(len(data))
            assert in_memory() == before + 2
            connection.connection_lost(None)

    services = build_services(Registry())
    limits = Limits(services.config)
    before = in_memory()
    asyncio.run(scenario())
    assert in_memory() == before
