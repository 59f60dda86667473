"""What a client takes of memory: CLIENT LIST shows it, maxmemory-clients bounds it. Bytes throughout.

Names of keys and channels that others hold as well are not counted, as in Redis: a place in a table is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pyredisai.commands.client import Client
from pyredisai.commands.context import Services

CONNECTION: Final = 4_500  # measured: the resident set of a server grows by so much with each idle connection
_QUEUED, _ARGUMENT = 120, 41  # a queued command, and each of its arguments beside the bytes of it
_WATCHED, _LISTENED, _PREFIX = 150, 120, 120  # entries of tables
_SECONDS: Final = 8


class ClientMemory(NamedTuple):
    """`query` and `query_free`: bytes of a request that is not complete, and room made for the rest of it.

    `arguments`: of the request that is being received or that waits. `queued`: of commands in MULTI. `encoded`: replies
    that were not sent yet, `output`: those that the client does not read.
    """

    query: int
    query_free: int
    arguments: int
    queued: int
    encoded: int
    output: int
    total: int


@dataclass(slots=True, eq=False)
class _Queue:
    """How far a MULTI queue has been measured."""

    queue: list[Any]
    count: int = 0
    size: int = 0

    def measure(self) -> int:
        """What it takes; only what has been added is looked at."""
        for _, args in self.queue[self.count :]:
            self.size += _QUEUED + _ARGUMENT * len(args) + size_of(args)
        self.count = len(self.queue)
        return self.size


def size_of(args: Iterable[Any]) -> int:
    """The bytes of arguments."""
    return sum(map(len, args))


def client_memory(client: Client) -> ClientMemory:
    """What `client` takes now."""
    buffers = client.link.buffers()
    arguments = buffers.arguments
    if client.waiting is not None and client.waiting.args is not None:
        arguments += size_of(client.waiting.args)
    output = client.link.output_buffered()
    queued = _queued(client)
    total = CONNECTION + buffers.query + buffers.query_free + arguments + queued + buffers.replies + output
    total += len(client.watched) * _WATCHED + client.subscriptions * _LISTENED
    if client.tracking is not None:
        total += len(client.tracking.prefixes) * _PREFIX
    return ClientMemory(buffers.query, buffers.query_free, arguments, queued, buffers.replies, output, total)


def clients_memory(clients: Iterable[Client]) -> int:
    """What all of these take together, but for replicas, whose memory is the stream's."""
    return sum(client_memory(client).total for client in clients if client.replica is None)


def _queued(client: Client) -> int:
    queue = client.queued
    if queue is None:
        client.extra.pop("queue", None)
        return 0
    known: _Queue | None = client.extra.get("queue")
    if known is None or known.queue is not queue:
        known = client.extra["queue"] = _Queue(queue)
    return known.measure()


class ClientPeaks:
    """The largest input and output buffers of the last eight seconds; INFO clients shows them."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=_SECONDS)

    def sample(self, clients: Iterable[Client]) -> None:
        """Once a second."""
        most_in = most_out = 0
        for client in clients:
            buffers = client.link.buffers()
            most_in = max(most_in, buffers.query + buffers.query_free + buffers.arguments)
            most_out = max(most_out, client.link.output_buffered() + buffers.replies)
        self._seconds.append((most_in, most_out))

    @property
    def input(self) -> int:
        """Bytes."""
        return max((most for most, _ in self._seconds), default=0)

    @property
    def output(self) -> int:
        """Bytes."""
        return max((most for _, most in self._seconds), default=0)


def client_peaks(services: Services) -> ClientPeaks:
    """The server's."""
    found: ClientPeaks | None = services.extra.get("client-peaks")
    if found is None:
        found = services.extra["client-peaks"] = ClientPeaks()
    return found
