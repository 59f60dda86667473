"""A job: one run of a model or script, from the command to its result. Pure, no threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from pyredisai.ai.tensor import Tensor

if TYPE_CHECKING:
    from pyredisai.execution.placement import Estimate


class Runnable(Protocol):
    """What a job runs: a backend's session, or a script function bound to its arguments.

    A target that may run on the loop when it is known to be fast carries an attribute `estimates`, an empty
    dict at first, in which the scheduler keeps its notes (`backends.base.SessionBase` has it). Without it
    every run is a worker's: so it must be for anything that may wait for the loop, as scripts do.
    """

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run on the calling thread; raises BackendError or RunTimeout. None: an output that is no tensor."""


class TimedOut:
    """The outcome of a job whose TIMEOUT passed before it started."""


TIMED_OUT = TimedOut()
Outcome: TypeAlias = "list[Tensor | None] | Exception | TimedOut"


class BatchPolicy(NamedTuple):
    """A model's batching: rows wanted at most and at least, and how long to wait for the least (ms; 0: for ever)."""

    size: int
    min_size: int = 0
    min_timeout_ms: int = 0


class Job:
    """One run. `done(job)` is called once, on the loop, when `outcome` is set; it must not raise.

    `deadline_ns` (perf_counter clock) is the TIMEOUT: a job that has not started by then is not run.
    `duration_us` is the time of the run (of the whole batch, for a batched one); `batch_rows` the rows that
    ran with it, itself included (0: it ran alone). The fields after them are the scheduler's own.
    """

    __slots__ = (
        "batch",
        "batch_rows",
        "deadline_ns",
        "done",
        "duration_us",
        "estimate",
        "inputs",
        "outcome",
        "queue",
        "queued_ns",
        "rows",
        "taken",
        "target",
        "timer",
    )

    def __init__(
        self,
        target: Runnable,
        inputs: Sequence[Tensor],
        done: Callable[[Job], None],
        batch: BatchPolicy | None = None,
        deadline_ns: int = 0,
    ) -> None:
        self.target = target
        self.inputs = inputs
        self.done = done
        self.batch = batch
        self.deadline_ns = deadline_ns
        self.queued_ns = 0
        self.outcome: Outcome | None = None
        self.duration_us = 0
        self.batch_rows = 0
        self.rows = 0
        self.taken = False
        self.estimate: Estimate | None = None
        self.queue: Any = None
        self.timer: Any = None
