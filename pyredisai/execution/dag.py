"""A graph of steps that hand tensors to each other. Pure: it says which steps may start; others run them.

Each name that a step sets is a slot of its own, so that a later step may reuse the name. The steps of one
device run one after the other in the order in which they were given, those of different devices at the same
time; a step starts when its inputs are there. After a failure or a time-out nothing more is started, and the
graph ends when what was running has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from pyredisai.ai.tensor import Tensor
from pyredisai.execution.job import TIMED_OUT, Job, Outcome

Slots: TypeAlias = "list[Tensor | None]"


class Work(Protocol):
    """What a step runs."""

    def at_once(self, inputs: Sequence[Tensor]) -> Outcome | None:
        """Run here and now where that is known to be short; None: it is to be a job."""

    def job(self, inputs: Sequence[Tensor], done: Callable[[Job], None]) -> Job:
        """The run as a job."""


class Step:
    """A run of a model or script. `inputs` and `outputs` are slots; `outcome` is None until it ran."""

    __slots__ = ("device", "inputs", "outcome", "outputs", "started", "work")

    def __init__(
        self, device: str, inputs: tuple[int, ...], outputs: tuple[int, ...], work: Work | None = None
    ) -> None:
        self.device = device
        self.inputs = inputs
        self.outputs = outputs
        self.work = work
        self.outcome: Outcome | None = None
        self.started = False


class Dag:
    """The state of one graph. `slots` holds the tensors that are known so far."""

    __slots__ = ("_by_device", "_running", "failed", "slots", "timed_out")

    def __init__(self, steps: Sequence[Step], slots: Slots) -> None:
        self.slots = slots
        self.failed = False
        self.timed_out = False
        self._running = 0
        self._by_device: dict[str, deque[Step]] = {}
        for step in steps:
            self._by_device.setdefault(step.device, deque()).append(step)

    def start(self) -> list[Step]:
        """The steps that may start at first; each is to be run and then given to `finish`."""
        return self._ready()

    def finish(self, step: Step, outcome: Outcome) -> list[Step]:
        """Take a step's outcome; the steps that may start now."""
        self._running -= 1
        step.outcome = outcome
        waiting = self._by_device[step.device]
        waiting.popleft()
        if not waiting:
            del self._by_device[step.device]
        if isinstance(outcome, list):
            for slot, tensor in zip(step.outputs, outcome, strict=False):
                self.slots[slot] = tensor
        elif outcome is TIMED_OUT:
            self.timed_out = True
        else:
            self.failed = True
        return [] if self.failed or self.timed_out else self._ready()

    @property
    def ended(self) -> bool:
        """Whether nothing runs and nothing more will."""
        return not self._running

    @property
    def stuck(self) -> Step | None:
        """A step that waits for a tensor that its maker did not give (an output that is no tensor)."""
        if self._running or self.failed or self.timed_out:
            return None
        return next((steps[0] for steps in self._by_device.values()), None)

    def _ready(self) -> list[Step]:
        slots = self.slots
        ready = []
        for steps in self._by_device.values():
            step = steps[0]
            if not step.started and all(slots[i] is not None for i in step.inputs):
                step.started = True
                ready.append(step)
        self._running += len(ready)
        return ready
