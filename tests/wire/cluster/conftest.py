"""`make_node` makes a node of pyredisai, `make_redis_node` one of redis-server. Connections are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.server import Server
from tests.wire.cluster.support import Node, options

Make = Callable[..., Node]


def _maker(start: Callable[..., Server]) -> Iterator[Make]:
    made: list[Node] = []

    def make(*args: str | int, folder: Any = None, port: int | None = None, env: Any = None, **more: object) -> Node:
        node = Node(start(*options(**more), *args, folder=folder, port=port, env=env))
        made.append(node)
        return node

    yield make
    for node in made:
        node.client.close()


@pytest.fixture
def make_node(start_server: Callable[..., Server]) -> Iterator[Make]:
    """Options are names with underscores: `make_node(appendonly="yes")`."""
    yield from _maker(start_server)


@pytest.fixture
def make_redis_node(start_redis: Callable[..., Server]) -> Iterator[Make]:
    """The same."""
    yield from _maker(start_redis)
