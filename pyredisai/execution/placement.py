"""Where a job runs: on the loop or on a worker. Pure: times are arguments.

A hand-over to a thread costs about 50 us, a tiny model runs in 5. So the run time of each target and input
signature is estimated, as a leaky minimum of what was measured (a minimum, because noise only adds; leaky, so
that it follows a model that became slower), and what is known to be short runs on the loop at the end of the
tick. A first run has no estimate and is a worker's. A worker's run is dearer than one on the loop: its thread wakes
up with cold caches, on a busy machine by ten times. So a signature whose runs would fit into a tick is tried on
the loop now and then. A run on the loop that took far longer than foretold puts
its signature in debt: it goes to the workers until fast runs there have paid for it.

Runs that may share a batch wait for the tick's end, so that others can join. Where nobody did for some ticks, the next
runs do not wait.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from pyredisai.ai.tensor import Tensor
from pyredisai.execution.batching import batch_rows, least_rows
from pyredisai.execution.job import BatchPolicy, Job, Runnable

LEAK: Final = 1.02
PROBE_GAP: Final = 16  # workers' runs before the loop is tried; doubled while that is in vain
MOST_PROBE_GAP: Final = 1024
PROBES: Final = 8
LONE_TICKS: Final = 8  # in which nobody joined; then some runs do not wait for that
LONE_RUNS: Final = 16
MAX_SIGNATURES: Final = 256


class PlacementPolicy(NamedTuple):
    """`inline_us`: runs estimated below it run on the loop, 0: none does. `tick_us`: the most of runs in a tick."""

    inline_us: float = 120.0
    tick_us: float = 500.0


class Estimate:
    """What is known of one target and input signature. Touched on the loop only. Times in microseconds.

    `rows` is the first dimension that the inputs share, 0 where they do not. `lone` counts ticks in which nobody
    joined a job, and then the runs that need not wait for that; `company` is about how many shared a batch lately.
    Where its jobs are: `at_workers` with the workers, `in_tick` on the tick's list (`ticked`: those of them that may
    share a batch), `waiting` for the workers to give theirs back.
    """

    __slots__ = (
        "at_workers",
        "company",
        "debt_us",
        "each_us",
        "in_tick",
        "lone",
        "probe_gap",
        "probe_in",
        "probes",
        "rows",
        "run_us",
        "ticked",
        "waiting",
    )

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows
        self.run_us = math.inf
        self.each_us = math.inf
        self.debt_us = 0.0
        self.probes = 0
        self.probe_in = self.probe_gap = PROBE_GAP
        self.lone = 0
        self.company = 0
        self.at_workers = 0
        self.in_tick = 0
        self.ticked: deque[Job] = deque()
        self.waiting: deque[Job] = deque()

    def short(self, policy: PlacementPolicy) -> bool:
        """Whether a run belongs on the loop."""
        return (self.run_us < policy.inline_us or (self.probes > 0 and policy.inline_us > 0)) and self.debt_us <= 0

    def free(self) -> bool:
        """Whether no job of it is anywhere, so that one that comes now overtakes none, and no debt is to be paid."""
        return not (self.at_workers or self.in_tick or self.waiting or self.debt_us > 0)

    def alone(self, policy: BatchPolicy) -> bool:
        """Whether a run of a model with batches is to share none: it may not, or it seems that nobody would join."""
        if not 0 < self.rows < policy.size:
            return True
        if self.lone < LONE_TICKS or self.rows < least_rows(policy):
            return False
        self.lone -= 1
        return True

    def add_tick(self, jobs: int, lone: bool) -> None:
        """After a tick with jobs that others could join: how many ran as one, and whether nobody joined."""
        self.company = max(jobs, self.company - 1)
        if not lone:
            self.lone = 0
        elif self.lone < LONE_TICKS:
            self.lone += 1
            if self.lone == LONE_TICKS:
                self.lone += LONE_RUNS - 1

    def add_worker_run(self, policy: PlacementPolicy) -> None:
        """After a worker's run: perhaps it is time to try the loop."""
        if policy.inline_us <= self.run_us < policy.tick_us:
            self.probe_in -= 1
            if self.probe_in <= 0:
                self.probes = PROBES
                self.probe_gap = self.probe_in = min(2 * self.probe_gap, MOST_PROBE_GAP)

    def add_loop_run(self, inline_us: float) -> None:
        """After a run on the loop: the trial ends when it has shown that the loop is the place, or has failed."""
        if self.run_us < inline_us:
            self.probes = 0
            self.probe_gap = self.probe_in = PROBE_GAP
        elif self.probes > 0:
            self.probes -= 1

    def add_run(self, elapsed_us: float) -> None:
        """Learn from a run of one job, wherever it was."""
        run_us = self.run_us * LEAK
        if elapsed_us < run_us:
            run_us = elapsed_us
        self.run_us = run_us
        if self.each_us > run_us:
            self.each_us = run_us

    def add_batch(self, elapsed_us: float, jobs: int) -> None:
        """Learn from a run of several jobs as one batch: a job costs less in it than alone."""
        each = elapsed_us / jobs
        self.each_us = min(each, self.each_us * LEAK)
        if self.run_us == math.inf:
            self.run_us = elapsed_us

    def slow_on_loop(self, cpu_us: float) -> None:
        """Note that a run on the loop took `cpu_us`, more than a tick may."""
        self.debt_us = max(self.debt_us, 0.0) + cpu_us

    def pay(self, elapsed_us: float, policy: PlacementPolicy) -> None:
        """A worker's run pays a debt off when it would fit into a tick."""
        if self.debt_us > 0 and elapsed_us < policy.tick_us:
            self.debt_us -= policy.inline_us

    def most_in_batch(self, budget_us: float) -> int:
        """How many jobs may run as one batch within `budget_us`; at least one."""
        each = self.each_us if self.each_us < math.inf else self.run_us
        return max(1, int(budget_us / max(each, 0.01)))


def estimate_of(target: Runnable, inputs: Sequence[Tensor]) -> Estimate | None:
    """The estimate of runs of `target` with such inputs; None where its runs belong to workers alone."""
    estimates: dict[object, Estimate] | None = getattr(target, "estimates", None)
    if estimates is None:
        return None
    key: object
    count = len(inputs)
    if count == 1:
        one = inputs[0]
        key = (one.dtype, one.shape)
    elif count == 2:
        one, two = inputs
        key = (one.dtype, one.shape, two.dtype, two.shape)
    else:
        key = tuple([(tensor.dtype, tensor.shape) for tensor in inputs])
    found = estimates.get(key)
    if found is None:
        if len(estimates) >= MAX_SIGNATURES:
            return None
        found = estimates[key] = Estimate(batch_rows(inputs))
    return found
