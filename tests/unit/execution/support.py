"""Jobs and a clock for the tests of the execution rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyredisai.ai.tensor import Tensor
from pyredisai.execution.job import BatchPolicy, Job

MS = 1_000_000


def tensor(rows: int, width: int = 2, dtype: Any = np.float32, start: int = 0) -> Tensor:
    values = np.arange(start, start + rows * width).astype(dtype)
    return Tensor.from_array(values.reshape(rows, width))


class Target:
    """Doubles its inputs; counts its runs, takes `cost_us` of the fake clock."""

    def __init__(self, clock: FakeClock | None = None, cost_us: float = 0, *, estimates: bool = True) -> None:
        if estimates:
            self.estimates: dict[Any, Any] = {}
        self.clock = clock
        self.cost_us = cost_us
        self.shapes: list[list[tuple[int, ...]]] = []

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        self.shapes.append([t.shape for t in inputs])
        if self.clock is not None:
            self.clock.advance_us(self.cost_us)
        return [Tensor.from_array(t.array * 2) for t in inputs]


class FakeClock:
    """Wall and CPU time that pass when they are told to."""

    def __init__(self) -> None:
        self.ns = 1_000 * MS
        self.cpu_ns = 0

    def now(self) -> int:
        return self.ns

    def cpu(self) -> int:
        return self.cpu_ns

    def advance_us(self, us: float, *, cpu: bool = True) -> None:
        self.ns += int(us * 1000)
        if cpu:
            self.cpu_ns += int(us * 1000)


class FakeLoop:
    """Runs what call_soon was given, one tick at a time."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self.errors: list[dict[str, Any]] = []

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        self.soon.append((callback, args))

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        raise AssertionError("no timer expected")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def tick(self) -> None:
        due, self.soon = self.soon, []
        for callback, args in due:
            callback(*args)


def job(
    target: Any,
    rows: int = 1,
    *,
    done: Callable[[Job], None] = lambda job: None,
    batch: BatchPolicy | None = None,
    queued: int = 0,
    **shape: Any,
) -> Job:
    made = Job(target, [tensor(rows, **shape)], done, batch=batch)
    made.queued_ns = queued
    return made
