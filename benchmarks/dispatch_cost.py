"""What the server adds to a command: the path from received bytes to the write, without sockets and without a loop.

    python -m benchmarks.dispatch_cost [--pipeline N] [--rounds N] [--only TEXT]

CPU time of one thread in microseconds a command, the best of several rounds. The echo is the least that asyncio and
hiredis need: it parses the same bytes and writes the same replies, which it has ready.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import hiredis

from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services
from pyredisai.server.connection import Connection
from pyredisai.server.limits import Limits

KEYS: Final = 1000
VALUE: Final = b"v" * 64
TENSOR: Final = (b"FLOAT", b"4", b"16", b"BLOB", bytes(256))
COMMANDS_A_ROUND: Final = 20_000

# The arguments of a command on a numbered key.
CASES: Final[dict[str, Callable[[bytes], Sequence[bytes]]]] = {
    "PING": lambda key: (b"PING",),
    "SET": lambda key: (b"SET", b"string:" + key, VALUE),
    "GET": lambda key: (b"GET", b"string:" + key),
    "INCR": lambda key: (b"INCR", b"counter:" + key),
    "HSET": lambda key: (b"HSET", b"hash:" + key, b"field", VALUE),
    "HGET": lambda key: (b"HGET", b"hash:" + key, b"field"),
    "SADD": lambda key: (b"SADD", b"set", key),
    "ZADD": lambda key: (b"ZADD", b"sorted", key, key),
    "AI.TENSORSET": lambda key: (b"AI.TENSORSET", b"tensor:" + key, *TENSOR),
    "AI.TENSORGET": lambda key: (b"AI.TENSORGET", b"tensor:" + key, b"META", b"BLOB"),
}


class Sink:
    """A transport that takes everything and keeps the last write."""

    def __init__(self) -> None:
        self.socket, self._other = socket.socketpair()
        self.last = b""

    def get_extra_info(self, name: str) -> Any:
        """A connection asks for its socket only."""
        return self.socket if name == "socket" else None

    def write(self, data: bytes) -> None:
        """One write for each read."""
        self.last = data

    def close(self) -> None:
        """Close the pair of sockets."""
        self.socket.close()
        self._other.close()


class Echo(asyncio.BufferedProtocol):
    """Parses requests and answers each with the same bytes."""

    def __init__(self, reply: bytes, transport: Any) -> None:
        self._buffer = memoryview(bytearray(256 * 1024))
        self._reader = hiredis.Reader()
        self._reply = reply
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Always the same buffer."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """A reply for each request, in one write."""
        reader, reply = self._reader, self._reply
        reader.feed(self._buffer[:nbytes])
        self._transport.write(b"".join([reply for _ in iter(reader.gets, False)]))


def request(make: Callable[[bytes], Sequence[bytes]], number: int) -> bytes:
    """The bytes of one request."""
    return bytes(hiredis.pack_command(tuple(make(b"%d" % number))))


def chunks(make: Callable[[bytes], Sequence[bytes]], pipeline: int) -> list[bytes]:
    """What a socket would bring: `pipeline` requests at a time, over all keys."""
    requests = [request(make, number) for number in range(KEYS)]
    return [b"".join(requests[start : start + pipeline]) for start in range(0, KEYS - pipeline + 1, pipeline)]


def feed(protocol: asyncio.BufferedProtocol, data: Sequence[bytes]) -> int:
    """Let the protocol receive each chunk; nanoseconds of CPU time."""
    start = time.thread_time_ns()
    for chunk in data:
        size = len(chunk)
        protocol.get_buffer(size)[:size] = chunk  # type: ignore[index]
        protocol.buffer_updated(size)
    return time.thread_time_ns() - start


def measure(
    connection: Connection, sink: Sink, make: Callable[[bytes], Sequence[bytes]], pipeline: int, rounds: int
) -> tuple[float, float]:
    """Microseconds a command of the echo and of the server, each the best of its rounds. Ends at an error reply."""
    data = chunks(make, pipeline)
    feed(connection, data)
    feed(connection, [request(make, 0)])
    if sink.last.startswith(b"-"):
        raise SystemExit(f"the server refused: {sink.last!r}")
    echo = Echo(sink.last, sink)
    commands = len(data) * pipeline
    times = -(-COMMANDS_A_ROUND // commands)
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for side, protocol in enumerate((echo, connection)):
            spent = sum(feed(protocol, data) for _ in range(times))
            best[side] = min(best[side], spent / 1000 / (times * commands))
    return best[0], best[1]


def compare(pipeline: int, rounds: int, only: str = "") -> Iterator[tuple[str, float, float]]:
    """Name, echo and server of each command whose name contains `only`, on a server of their own."""
    config = Registry()
    services = build_services(config)
    sink = Sink()
    connection = Connection(services, Limits(config))
    connection.connection_made(sink)
    try:
        for name, make in CASES.items():
            if only.upper() in name:
                yield name, *measure(connection, sink, make, pipeline, rounds)
            else:
                feed(connection, chunks(make, pipeline))  # what the reading commands find
    finally:
        services.scheduler.close()
        sink.close()


def main() -> None:
    """Measure each command and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", type=int, default=16, help="requests in one read (16)")
    parser.add_argument("--rounds", type=int, default=15, help=f"rounds of {COMMANDS_A_ROUND} commands each (15)")
    parser.add_argument("--only", default="", help="commands whose name contains this text")
    options = parser.parse_args()
    gc.disable()  # what the cycle collector takes depends on what a server holds: it is not part of these figures
    print(f"us of CPU time a command, {options.pipeline} in one read; best of {options.rounds} rounds")
    print(f"{'command':14}{'echo':>8}{'server':>8}{'added':>8}")
    for name, echo, server in compare(options.pipeline, options.rounds, options.only):
        print(f"{name:14}{echo:8.3f}{server:8.3f}{server - echo:8.3f}", flush=True)


if __name__ == "__main__":
    main()
