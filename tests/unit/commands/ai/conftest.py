"""`run("AI.TENSORSET", …)` runs a command on a server without sockets and gives its RESP2 reply.

Models run on a backend that doubles numbers; `scheduler` keeps jobs and background work until `work()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.sharing import SessionShare
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.config.registry import Registry
from pyredisai.errors import BackendError
from pyredisai.execution.batching import run_target
from pyredisai.execution.job import Job
from pyredisai.execution.staging import Stage
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import Blocked
from pyredisai.server.app import build_services
from pyredisai.server.dispatch import process


class NoLink:
    """A client without a connection."""

    def push(self, reply: object) -> None:
        raise AssertionError("nothing is pushed to this client")

    def close(self, *, after_reply: bool = False) -> None:
        raise AssertionError("this client is not closed")

    def delay_packets(self) -> None:
        raise AssertionError("no replica")

    def output_buffered(self) -> int:
        return 0


class FakeSession:
    """`add`: sum of two; `two`: one tensor and something that is none; else the double."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.input_names = ("a", "b") if kind == "add" else ("x",)
        self.output_names = ("y", "z") if kind == "two" else ("y",)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        if self.kind == "broken":
            raise BackendError("a text of the framework")
        if self.kind == "bug":
            raise ZeroDivisionError("oops")
        total = sum(tensor.array for tensor in inputs) if len(inputs) > 1 else inputs[0].array * 2
        result = Tensor.from_array(np.asarray(total))
        return [result, None] if self.kind == "two" else [result]

    def close(self) -> None:
        pass


class FakeBackend:
    """Opens every blob but `garbage`; has no GPU."""

    name = "ONNX"
    version = "0"

    def has_device(self, device: str) -> bool:
        return device.startswith("CPU")

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> FakeSession:
        if not self.has_device(device):
            raise BackendError("ERR GPU requested")
        if bytes(blob) == b"garbage":
            raise BackendError("no model")
        return FakeSession(bytes(blob).decode("latin-1"))


class FakeLoader:
    def __init__(self) -> None:
        self.share = SessionShare()

    def names(self) -> tuple[str, ...]:
        return ("TF", "TFLITE", "TORCH", "ONNX")

    def get(self, name: str) -> FakeBackend:
        return FakeBackend()


class FakeScheduler:
    """Runs nothing before `work`, and jobs past their TIMEOUT (`late`) never. `staging`: the stage opens for each."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, Job]] = []
        self.background: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []
        self.devices = ["CPU"]
        self.late = False
        self.short = False
        self.staging = False
        self.stage = Stage()
        self.ran_now = 0
        self.last_run_us = 7

    def submit(self, device: str, job: Job) -> None:
        self.jobs.append((device, job))

    def run_now(self, device: str, target: Any, inputs: Sequence[Tensor], batch: Any = None) -> Any:
        """Nothing is known to be short, unless a test says so."""
        if not self.short:
            return None
        self.ran_now += 1
        return run_target(target, inputs)

    def run_in_background(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self.background.append((function, done))

    def ensure_queue(self, device: str) -> None:
        if device.upper() not in self.devices:
            self.devices.append(device.upper())

    def work(self) -> None:
        """Do all that waits."""
        from pyredisai.execution.job import TIMED_OUT

        self.stage.close()
        while self.background or self.jobs:
            if self.background:
                function, done = self.background.pop(0)
                try:
                    result = function()
                except Exception as error:
                    result = error
                done(result)
            else:
                _, job = self.jobs.pop(0)
                try:
                    job.outcome = TIMED_OUT if self.late and job.deadline_ns else job.target.run(job.inputs)
                except Exception as error:
                    job.outcome = error
                job.duration_us = 7
                job.done(job)


@pytest.fixture
def scheduler() -> FakeScheduler:
    return FakeScheduler()


@pytest.fixture
def services(scheduler: FakeScheduler) -> Iterator[Services]:
    async def build() -> Services:
        return build_services(Registry())

    with asyncio.Runner() as runner:
        services = runner.run(build())
        close = getattr(services.scheduler, "close", None)
        if close is not None:
            close()
        services.scheduler = scheduler  # type: ignore[assignment]
        services.loader = FakeLoader()  # type: ignore[assignment]
        services.log = lambda level, text: None
        yield services


@pytest.fixture
def ctx(services: Services) -> Context:
    return Context(Client(1, NoLink()), services)


@pytest.fixture
def run(ctx: Context, scheduler: FakeScheduler) -> Callable[..., bytes]:
    """Run a command to its reply; what it queued is worked off."""

    def run(*words: str | bytes | memoryview, resp: int = 2) -> bytes:
        scheduler.stage.is_open = scheduler.staging
        reply = start(ctx, *words)
        scheduler.work()
        return finished(reply, resp)

    return run


def start(ctx: Context, *words: str | bytes | memoryview) -> object:
    """Run a command; a command that waits gives its Blocked."""
    return process(ctx, [word.encode() if isinstance(word, str) else word for word in words])


def finished(reply: object, resp: int = 2) -> bytes:
    """The bytes of a reply that is there."""
    if isinstance(reply, Blocked):
        assert reply.resolved
        reply = reply.reply
    out: Buffers = []
    encode(reply, resp, out)
    return b"".join(out)
