"""Failures leave nothing behind: no cycle keeps a model's bytes or a run's inputs until the collector comes."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Sequence
from typing import Any

import pytest

from pyredisai.errors import BackendError
from pyredisai.execution.background import BackgroundPool
from pyredisai.execution.batching import run_jobs
from pyredisai.execution.frames import without_frames
from pyredisai.execution.job import Job
from pyredisai.execution.scheduler import Scheduler


class Payload(bytearray):
    """Something that can be watched."""


@pytest.fixture(autouse=True)
def _no_collector():
    gc.disable()
    yield
    gc.enable()


def fail(payload: Payload) -> None:
    try:
        raise ValueError("cause")
    except ValueError as error:
        raise BackendError("refused") from error


def test_every_link_of_a_chain_is_stripped() -> None:
    with pytest.raises(BackendError) as caught:
        fail(Payload())
    error = without_frames(caught.value)
    assert error.__traceback__ is None
    assert error.__cause__ is not None
    assert error.__cause__.__traceback__ is None


def test_background_failures() -> None:
    """The bytes are gone once `done` has had the exception."""

    async def main() -> weakref.ref[Payload]:
        payload, found = Payload(), asyncio.get_running_loop().create_future()
        seen = weakref.ref(payload)

        def function(payload: Payload = payload) -> None:
            fail(payload)

        scheduler.run_in_background(function, lambda result: found.set_result(str(result)))
        assert await found == "refused"
        await asyncio.sleep(0.05)  # the helper thread lets go as well
        return seen

    scheduler = Scheduler()
    seen = asyncio.run(main())
    assert seen() is None
    scheduler.close()


def test_a_helper_thread_keeps_nothing_while_it_waits() -> None:
    pool, payload = BackgroundPool(), Payload()
    seen, done = weakref.ref(payload), []

    def function(payload: Payload = payload) -> None:
        done.append(len(payload))

    pool.run(function)
    del function, payload
    for _ in range(200):
        if done and seen() is None:
            break
        time.sleep(0.01)
    assert seen() is None
    pool.close()


def test_failed_runs() -> None:
    """A job that failed, and its inputs, go with their last holder."""

    class Target:
        def run(self, inputs: Sequence[Any]) -> list[Any]:
            fail(inputs[0])
            return []

    payload: Any = Payload()
    seen = weakref.ref(payload)
    job = Job(Target(), [payload], lambda job: None)
    run_jobs([job])
    assert isinstance(job.outcome, BackendError)
    del job, payload
    assert seen() is None
