"""Load generators: redis-benchmark for small requests, plain sockets in threads for big ones and for latencies.

Each returns a `Sample`. Rates are requests a second over all clients; latencies are in milliseconds; CPU is the
server's user and system time per request in microseconds (10 ms resolution over the whole run).
"""

from __future__ import annotations

import csv
import io
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from benchmarks.servers import cpu_seconds
from tests.support.resp import Argument, ErrorReply, encode
from tests.support.server import Server

REDIS_BENCHMARK = shutil.which("redis-benchmark")


class Unavailable(Exception):
    """The measurement cannot be made here; the text says why."""


@dataclass(frozen=True)
class Sample:
    """One run."""

    rate: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    cpu: float = 0.0
    longest: float = 0.0


def check(server: Server, *args: Argument) -> None:
    """The command works: no error is measured as if it were work."""
    with server.client(timeout=120) as client:
        reply = client(*args)
    for part in reply if isinstance(reply, list) else [reply]:
        if isinstance(part, ErrorReply):
            raise Unavailable(f"{args[0]!s}: {part.text[:100]}")


def redis_benchmark(server: Server, args: Sequence[str], *, clients: int, pipeline: int, seconds: float) -> Sample:
    """Run redis-benchmark for about so long."""
    check(server, *args)
    count = least = max(20, 2 * clients * pipeline)
    while True:
        sample = _redis_benchmark(server, args, clients, pipeline, count)
        wanted = max(int(min(sample.rate, 1e9) * seconds), least)  # a run of no time has an endless rate
        if wanted <= 3 * count:  # long enough to be believed
            return sample if wanted <= count else _redis_benchmark(server, args, clients, pipeline, wanted)
        count = min(wanted, 20 * count)


def _redis_benchmark(server: Server, args: Sequence[str], clients: int, pipeline: int, count: int) -> Sample:
    if REDIS_BENCHMARK is None:
        raise Unavailable("redis-benchmark is not installed (package redis-tools)")
    before = cpu_seconds(server.pid)
    command = [REDIS_BENCHMARK, "-p", str(server.port), "--csv"]
    command += ["-c", str(clients), "-P", str(pipeline), "-n", str(count), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise Unavailable(
            f"redis-benchmark ended with {done.returncode}: {(done.stderr or done.stdout)[-300:].strip()}"
        )
    cpu = (cpu_seconds(server.pid) - before) / count * 1e6
    lines = done.stdout.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith('"test"'))
    row = next(iter(csv.DictReader(io.StringIO("\n".join(lines[head:])))))
    return Sample(float(row["rps"]), float(row["p50_latency_ms"]), float(row["p99_latency_ms"]), cpu)


def blob_load(server: Server, request: bytes, reply_size: int, *, clients: int, seconds: float) -> Sample:
    """Send one big request again and again from `clients` threads; every reply has `reply_size` bytes."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    before, start = cpu_seconds(server.pid), time.perf_counter()
    run_threads([lambda: _blob_client(server, request, reply_size, end, times)] * clients)
    wall = time.perf_counter() - start
    cpu = (cpu_seconds(server.pid) - before) / len(times) * 1e6
    p50, p99 = percentiles(times)
    return Sample(len(times) / wall, p50, p99, cpu)


def _blob_client(server: Server, request: bytes, reply_size: int, end: float, times: list[float]) -> None:
    view = memoryview(bytearray(reply_size))
    with socket.create_connection((server.host, server.port), timeout=60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            begin = time.perf_counter()
            sock.sendall(request)
            got = 0
            while got < reply_size:
                size = sock.recv_into(view[got:])
                if not size:
                    raise ConnectionError("the server closed the connection")
                got += size
            times.append(time.perf_counter() - begin)
            if time.perf_counter() >= end:
                return


def ping_latencies(server: Server, until: Callable[[], bool]) -> Sample:
    """PING from one client until told to stop: the latencies that others feel."""
    times: list[float] = []
    with server.client(timeout=120) as client:
        request, start = encode("PING"), time.perf_counter()
        while not until():
            begin = time.perf_counter()
            client.send_bytes(request)
            client.read()
            times.append(time.perf_counter() - begin)
        wall = time.perf_counter() - start
    p50, p99 = percentiles(times)
    return Sample(len(times) / wall, p50, p99, longest=max(times) * 1e3)


def for_seconds(seconds: float) -> Callable[[], bool]:
    """A condition that becomes true after so long."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def run_threads(functions: Sequence[Callable[[], None]]) -> None:
    """Run all at once, wait for all, raise the first error."""
    errors: list[Exception] = []

    def guarded(function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def percentiles(times: Sequence[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds, of seconds."""
    if len(times) < 2:
        return times[0] * 1e3, times[0] * 1e3
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49] * 1e3, cuts[98] * 1e3


def reply_size(server: Server, *args: Argument) -> int:
    """The length of the reply to a command, in bytes; it must not be an error."""
    with server.client(timeout=120) as client:
        reply = client.raw(*args)
    if reply.startswith(b"-"):
        raise Unavailable(f"{args[0]!s}: {reply[1:101].decode('latin-1').strip()}")
    return len(reply)
