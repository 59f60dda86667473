"""What many small tensors cost in memory beyond their bytes, against strings of the same size in redis-server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from benchmarks.cases import Case
from benchmarks.load import Sample, Unavailable, check
from benchmarks.servers import Pair, resident_mb, start_ours
from tests.support.resp import encode
from tests.support.server import REDIS_SERVER, Server, redis_server

KEYS_A_SECOND = 500_000  # of a run's length: a million keys in a full run
SIZES = (("64 bytes", 64), ("1 KB", 1024))
PIPELINE = 500

Request = Callable[[bytes, bytes], bytes]  # key and value to what is sent


@dataclass(frozen=True)
class Filled:
    """A server that has come to rest with so many keys."""

    beyond: float  # bytes a key, without those of the value
    resident_mb: float


def tensor(key: bytes, value: bytes) -> bytes:
    """The request that stores a vector of floats."""
    return encode("AI.TENSORSET", key, "FLOAT", len(value) // 4, "BLOB", value)


def string(key: bytes, value: bytes) -> bytes:
    """The request that stores a string."""
    return encode("SET", key, value)


def fill(server: Server, request: Request, keys: int, size: int) -> Filled:
    """Store so many keys, let the server give back what it does not need, and look."""
    value = bytes(range(64)) * (size // 64)
    check(server, "PING")
    before = resident_mb(server.pid)
    with socket.create_connection((server.host, server.port), timeout=120) as sock:
        for start in range(0, keys, PIPELINE):
            batch = [request(b"key:%08d" % n, value) for n in range(start, min(start + PIPELINE, keys))]
            sock.sendall(b"".join(batch))
            lines = 0
            while lines < len(batch):
                data = sock.recv(1 << 16)
                if not data or b"-" in data:
                    raise Unavailable(f"the server answered {data[:100]!r}")
                lines += data.count(b"\n")
    check(server, "MEMORY", "PURGE")
    resident = resident_mb(server.pid)
    return Filled((resident - before) * 1e6 / keys - size, resident)


@cache
def ours(keys: int, size: int) -> Filled:
    """Tensors in a fresh pyredisai; once a run, since it is the same each time."""
    with start_ours() as server:
        return fill(server, tensor, keys, size)


@cache
def theirs(keys: int, size: int) -> Filled:
    """Strings in a fresh redis-server."""
    if REDIS_SERVER is None:
        raise Unavailable("redis-server is not installed")
    with redis_server() as server:
        return fill(server, string, keys, size)


def memory(_pair: Pair) -> Iterator[Case]:
    """Bytes a key beyond the value, and resident memory as a whole."""
    for label, size in SIZES:

        def side(measure: Callable[[int, int], Filled], field: str, size: int = size) -> Callable[[float], Sample]:
            return lambda seconds: Sample(p50=getattr(measure(int(KEYS_A_SECOND * seconds), size), field))

        for what, field, unit in (("bytes a key beyond the value", "beyond", "bytes"),
                                  ("resident memory with all keys", "resident_mb", "MB")):  # fmt: skip
            title = f"tensors of {label}: {what}"
            yield Case("memory", title, "SET", side(ours, field), side(theirs, field), "p50", unit=unit)
