"""A job: one run of a model or script, from the command to its result. Pure, no threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from pyredisai.ai.tensor import Tensor


class Runnable(Protocol):
    """What a job runs: a backend's session, or a script function bound to its arguments."""

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run on the calling thread; raises BackendError or RunTimeout. None: an output that is no tensor."""


class TimedOut:
    """The outcome of a job whose TIMEOUT passed before it started."""


TIMED_OUT = TimedOut()
Outcome: TypeAlias = "list[Tensor | None] | Exception | TimedOut"


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """A model's batching: rows wanted at most and at least, and how long to wait for the least (ms; 0: for ever)."""

    size: int
    min_size: int = 0
    min_timeout_ms: int = 0


@dataclass(slots=True, eq=False)
class Job:
    """One run. `done(job)` is called once, on the loop, when `outcome` is set; it must not raise.

    `deadline_ns` (perf_counter clock) is the TIMEOUT: a job that has not started by then is not run.
    `duration_us` is the time of the run (of the whole batch, for a batched one).
    """

    target: Runnable
    inputs: Sequence[Tensor]
    done: Callable[[Job], None]
    batch: BatchPolicy | None = None
    deadline_ns: int = 0
    queued_ns: int = 0
    outcome: Outcome | None = None
    duration_us: int = 0
    batch_rows: int = field(default=0)
