"""THREADS_PER_QUEUE 1, 2 and 4 with one and with several threads within an operation, on all cores.

The rule of thumb that is held against the figures: threads per queue times intra-op threads should equal the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from benchmarks import models
from benchmarks.cases import CPU, Case, store_model
from benchmarks.load import Sample, redis_benchmark
from benchmarks.models import BenchModel
from benchmarks.servers import CORES, Pair, pin, start_ours
from tests.support.server import Server

CLIENTS = 8
WORKERS_ONLY = ("INLINE_RUN_US", 0)  # else the low-effort model runs on the main thread, whatever the threads are
KINDS: tuple[tuple[str, Callable[[], BenchModel]], ...] = (("mnist", models.mnist), ("medium", models.medium))
PER_QUEUE = (1, 2, 4)


class Run:
    """A server with its options, started at the first run; the case's stack stops it."""

    def __init__(self, stack: ExitStack, make: Callable[[], BenchModel], *options: str | int) -> None:
        self._stack, self._make, self._options = stack, make, options
        self._server: Server | None = None

    def __call__(self, seconds: float) -> Sample:
        """Requests of eight clients for so long."""
        if self._server is None:
            self._server = self._stack.enter_context(start_ours(*self._options))
            pin(self._server.pid, set(CORES))
        args = store_model(self._server, self._make())
        return redis_benchmark(self._server, args, clients=CLIENTS, pipeline=1, seconds=seconds)


def settings(threads: int, intra: int) -> tuple[str | int, ...]:
    """Module options."""
    return ("THREADS_PER_QUEUE", threads, "INTRA_OP_PARALLELISM", intra)


def threads(_pair: Pair) -> Iterator[Case]:
    """Each combination against one thread of each kind, where all runs are the workers'."""
    several = max(2, len(CORES))
    for kind, make in KINDS:
        base = (*settings(1, 1), *WORKERS_ONLY)
        rows = [(f"{n} x {i}", (*settings(n, i), *WORKERS_ONLY)) for i in (1, several) for n in PER_QUEUE]
        if kind == "mnist":
            rows.append(("1 x 1, short runs on the main thread", settings(1, 1)))
        for name, options in rows[1:]:
            with ExitStack() as stack:
                title = f"{kind}, threads x intra-op {name}"
                ours, reference = Run(stack, make, *options), Run(stack, make, *base)
                yield Case("threads", title, "1 x 1", ours, reference, also=(CPU,))
