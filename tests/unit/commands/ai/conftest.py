"""`run("AI.TENSORSET", …)` runs a command on a server without sockets and gives its RESP2 reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import Blocked
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process


class NoLink:
    """A client without a connection."""

    def push(self, reply: object) -> None:
        raise AssertionError("nothing is pushed to this client")

    def close(self, *, after_reply: bool = False) -> None:
        raise AssertionError("this client is not closed")

    def output_buffered(self) -> int:
        return 0


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


@pytest.fixture
def ctx(services: Services) -> Context:
    return Context(Client(1, NoLink()), services)


@pytest.fixture
def run(ctx: Context) -> Callable[..., Any]:
    def run(*words: str | bytes | memoryview, resp: int = 2) -> Any:
        reply = process(ctx, [word.encode() if isinstance(word, str) else word for word in words])
        if type(reply) is Blocked:
            if not reply.resolved:
                return reply
            reply = reply.reply
        return encoded(reply, resp)

    return run


def encoded(reply: object, resp: int = 2) -> bytes:
    """The reply's bytes."""
    out: Buffers = []
    encode(reply, resp, out)
    return b"".join(out)
