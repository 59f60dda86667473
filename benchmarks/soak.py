"""Soak: millions of commands of every kind on a bounded set of keys; what the server holds must not grow.

    python -m benchmarks.soak [--commands N] [--bound-mb MB]

The server starts without limits of its own. Four pipelined connections send what `soak_mix` gives, a fifth comes and
goes; resident memory, descriptors and threads are read from /proc all along. The exit code is 1 when there is more
of any of them at the end than when a third of the commands had been sent: of memory by more than --bound-mb, of
descriptors and threads by more than a few.
"""

from __future__ import annotations

import argparse
import itertools
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.load import run_threads
from benchmarks.servers import cpu_seconds, resident_mb, start_ours
from benchmarks.soak_mix import Mix, farewells, pack, talk
from tests.support.resp import encode
from tests.support.server import Server

CONNECTIONS = 4
BATCHES = 200  # of each connection, sent in turn
SAMPLES = 120
LEAST_SAMPLES = 6  # `growth` says nothing of fewer
FEW = 3


@dataclass(frozen=True)
class Sample:
    """What the server held when so many commands had been sent. `used_mb` is its own account (INFO)."""

    commands: int
    seconds: float
    rss_mb: float
    used_mb: float
    descriptors: int
    threads: int
    keys: int


@dataclass(frozen=True)
class Growth:
    """From the first third to the end, as medians of some samples around each."""

    rss_mb: float
    descriptors: float
    threads: float


def growth(samples: Sequence[Sample]) -> Growth:
    """What was added. Raises ValueError for fewer than LEAST_SAMPLES samples: they tell nothing."""
    if len(samples) < LEAST_SAMPLES:
        raise ValueError("too few samples")
    some = max(len(samples) // 12, 1)
    third = len(samples) // 3
    first, last = samples[third - some : third + some], samples[-2 * some :]

    def added(field: str) -> float:
        return median(getattr(s, field) for s in last) - median(getattr(s, field) for s in first)

    return Growth(added("rss_mb"), added("descriptors"), added("threads"))


def too_much(grown: Growth, bound_mb: float) -> list[str]:
    """What grew beyond its bound, in words."""
    checks = (("resident memory, MB", grown.rss_mb, bound_mb), ("descriptors", grown.descriptors, FEW),
              ("threads", grown.threads, FEW))  # fmt: skip
    return [f"{name}: +{value:.1f}, bound {bound}" for name, value, bound in checks if value > bound]


class Tally:
    """Commands sent by all connections."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.sent = 0
        self.sampled = False  # a fast machine sends all before there is enough to judge by: the load goes on till then
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many more."""
        with self._lock:
            self.sent += count

    @property
    def done(self) -> bool:
        """Whether that was enough."""
        return self.sampled and self.sent >= self.wanted


def steady(server: Server, mix: Mix, tally: Tally, number: int) -> None:
    """One connection that stays."""
    token = b"end-of-batch-%d" % number
    batches = [mix.batch() for _ in range(BATCHES)]
    packed = [(pack(batch, token), len(batch) + 1) for batch in batches]
    with socket.create_connection((server.host, server.port), timeout=120) as sock:
        for data, count in itertools.cycle(packed):
            talk(sock, data, token)
            tally.add(count)
            if tally.done:
                return


def fickle(server: Server, tally: Tally) -> None:
    """Connections that come, and go in the middle of something."""
    ends = [b"".join(encode(*command) for command in batch) for batch in farewells()]
    token = b"still-there"
    for end in itertools.cycle([*ends, b"*3\r\n$3\r\nSET\r\n$5\r\nhal", b"*1\r\n$99999999\r\n"]):
        with socket.create_connection((server.host, server.port), timeout=120) as sock:
            talk(sock, encode("PING", token), token)
            sock.sendall(end)
            time.sleep(0.002)
        tally.add(2)
        if tally.done:
            return


def look(server: Server, tally: Tally, start: float) -> Sample:
    """A sample now."""
    with server.client(timeout=120) as client:
        info = dict(line.split(b":", 1) for line in client("INFO", "everything").splitlines() if b":" in line)
        keys = client("DBSIZE")
    process = Path(f"/proc/{server.pid}")
    return Sample(
        tally.sent, time.perf_counter() - start, resident_mb(server.pid), int(info[b"used_memory"]) / 1e6,
        len(list((process / "fd").iterdir())), len(list((process / "task").iterdir())), keys,
    )  # fmt: skip


def watch(server: Server, tally: Tally, samples: list[Sample], show: Callable[[Sample], None]) -> None:
    """Sample at even distances until all is sent."""
    start = time.perf_counter()
    step = tally.wanted / SAMPLES
    try:
        while tally.sent < tally.wanted or len(samples) < LEAST_SAMPLES:
            if tally.sent >= step * (len(samples) + 1):
                samples.append(look(server, tally, start))
                if len(samples) % (SAMPLES // 20) == 0:
                    show(samples[-1])
            time.sleep(0.02)
    finally:
        tally.sampled = True  # what ends the others, after an error too


HEAD = f"{'commands':>12} {'seconds':>8} {'RSS MB':>8} {'used MB':>8} {'files':>6} {'threads':>8} {'keys':>6}"


def line(sample: Sample) -> str:
    """A row of the table."""
    return (
        f"{sample.commands:>12,} {sample.seconds:>8.0f} {sample.rss_mb:>8.1f} {sample.used_mb:>8.1f}"
        f" {sample.descriptors:>6} {sample.threads:>8} {sample.keys:>6}"
    )


def soak(server: Server, commands: int) -> list[Sample]:
    """Send so many commands; the samples."""
    samples: list[Sample] = []
    tally = Tally(commands)
    mixes = [Mix(server, random.Random(number)) for number in range(CONNECTIONS)]
    mixes[0].check()
    print(f"kinds of work: {', '.join(mixes[0].names)}\n{HEAD}", flush=True)
    workers: list[Callable[[], None]] = [
        lambda mix=mix, number=number: steady(server, mix, tally, number)  # type: ignore[misc]
        for number, mix in enumerate(mixes)
    ]
    workers += [
        lambda: fickle(server, tally),
        lambda: watch(server, tally, samples, lambda sample: print(line(sample), flush=True)),
    ]
    run_threads(workers)
    return samples


def main() -> int:
    """Soak, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=10_000_000, help="how many are sent (default: 10 million)")
    parser.add_argument("--bound-mb", type=float, default=8, help="growth of resident memory that is an error")
    options = parser.parse_args()
    with start_ours() as server:
        samples = soak(server, options.commands)
        cpu = cpu_seconds(server.pid)
    grown = growth(samples)
    print(
        f"server CPU {cpu:.0f} s; from a third to the end: RSS {grown.rss_mb:+.1f} MB,"
        f" files {grown.descriptors:+.0f}, threads {grown.threads:+.0f}"
    )
    for text in (problems := too_much(grown, options.bound_mb)):
        print("grew: " + text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
