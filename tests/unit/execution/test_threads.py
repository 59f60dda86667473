"""The scheduler with its threads, on a real loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pyredisai.errors import BackendError
from pyredisai.execution.job import TIMED_OUT, BatchPolicy, Job
from pyredisai.execution.placement import PlacementPolicy
from pyredisai.execution.scheduler import Scheduler
from tests.unit.execution.support import MS, Target, tensor

WORKERS_ONLY = PlacementPolicy(inline_us=0)


def run(body: Callable[[Scheduler], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        scheduler = Scheduler(asyncio.get_running_loop(), **options)
        try:
            await asyncio.wait_for(body(scheduler), 20)
        finally:
            scheduler.close()

    asyncio.run(main())


def submit(scheduler: Scheduler, target: Any, device: str = "CPU", timeout_ms: int = 0, **options: Any) -> Any:
    future: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
    deadline = time.perf_counter_ns() + timeout_ms * MS if timeout_ms else 0
    scheduler.submit(device, Job(target, [tensor(1)], future.set_result, deadline_ns=deadline, **options))
    return future


class Sleep(Target):
    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.thread = ""

    def run(self, inputs: Any) -> Any:
        self.thread = threading.current_thread().name
        time.sleep(self.seconds)
        return super().run(inputs)


class Held(Target):
    """Runs until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def run(self, inputs: Any) -> Any:
        self.let_go.wait()
        return super().run(inputs)


def test_many_jobs_come_back_in_order_on_the_loop_with_both_ways() -> None:
    async def body(scheduler: Scheduler) -> None:
        ended: list[Job] = []
        target = Target()
        loop_thread = threading.get_ident()
        done = asyncio.Event()

        def end(one: Job) -> None:
            assert threading.get_ident() == loop_thread
            assert isinstance(one.outcome, list)
            ended.append(one)
            if len(ended) == 500:
                done.set()

        jobs = [Job(target, [tensor(1)], end) for _ in range(500)]
        for index, one in enumerate(jobs):
            scheduler.submit("CPU", one)
            if index % 50 == 0:
                await asyncio.sleep(0.002)
        await done.wait()
        assert ended == jobs

    run(body)
    run(body, policy=WORKERS_ONLY)


def test_a_target_that_raises_ends_no_worker() -> None:
    class Failing:
        def run(self, inputs: Any) -> Any:
            raise SystemExit(1)

    async def body(scheduler: Scheduler) -> None:
        for _ in range(3):
            assert isinstance((await submit(scheduler, Failing())).outcome, BackendError)
        assert isinstance((await submit(scheduler, Target())).outcome, list)

    run(body)


def test_a_timeout_is_told_while_the_only_worker_is_busy() -> None:
    async def body(scheduler: Scheduler) -> None:
        target = Held()
        long = submit(scheduler, target)
        assert (await submit(scheduler, Target(), timeout_ms=30)).outcome is TIMED_OUT
        assert not long.done()
        target.let_go.set()
        assert isinstance((await long).outcome, list)

    run(body)


def test_a_timeout_is_told_while_a_batch_waits_for_company() -> None:
    async def body(scheduler: Scheduler) -> None:
        target = Target()
        late = submit(scheduler, target, timeout_ms=30, batch=BatchPolicy(4, 2))
        assert (await late).outcome is TIMED_OUT
        one, two = (submit(scheduler, target, batch=BatchPolicy(4, 2)) for _ in range(2))
        assert (await one).batch_rows == (await two).batch_rows == 2
        assert target.shapes == [[(2, 2)]]

    run(body)


def test_minbatchtimeout_wakes_a_sleeping_worker() -> None:
    async def body(scheduler: Scheduler) -> None:
        start = time.monotonic()
        one = await submit(scheduler, Target(), batch=BatchPolicy(4, 3, 50))
        assert time.monotonic() - start >= 0.05
        assert one.batch_rows == 0

    run(body)
    run(body, threads=3)


def test_a_worker_that_goes_to_work_leaves_the_timer_to_another() -> None:
    async def body(scheduler: Scheduler) -> None:
        waiting = submit(scheduler, Target(), batch=BatchPolicy(4, 3, 100))
        await asyncio.sleep(0.02)
        target = Held()
        long = submit(scheduler, target)
        assert isinstance((await waiting).outcome, list)
        assert not long.done()
        target.let_go.set()
        await long

    run(body, threads=2)


def test_each_device_has_its_queue_and_threads() -> None:
    async def body(scheduler: Scheduler) -> None:
        sleeps = [Sleep(0.05), Sleep(0.05)]
        await asyncio.gather(submit(scheduler, sleeps[0]), submit(scheduler, sleeps[1], "cpu:1"))
        assert [s.thread.split("_")[0] for s in sleeps] == ["CPU", "CPU:1"]
        scheduler.ensure_queue("gpu:0")
        assert [q.device for q in scheduler.queues()] == ["CPU", "CPU:1", "GPU:0"]
        assert [len(q.cpu_seconds) for q in scheduler.queues()] == [2, 2, 2]

    run(body, threads=2)


def test_cpu_seconds_of_a_thread_that_worked() -> None:
    class Busy(Target):
        def run(self, inputs: Any) -> Any:
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
            return super().run(inputs)

    async def body(scheduler: Scheduler) -> None:
        assert scheduler.queues()[0].cpu_seconds == (0.0,)
        await submit(scheduler, Busy())
        assert scheduler.queues()[0].cpu_seconds[0] >= 0.02

    run(body)


def test_what_runs_in_the_background_answers_on_the_loop() -> None:
    async def body(scheduler: Scheduler) -> None:
        loop = asyncio.get_running_loop()
        results: asyncio.Queue[Any] = asyncio.Queue()

        def fail() -> None:
            raise ValueError("no")

        scheduler.run_in_background(lambda: threading.get_ident(), results.put_nowait)
        assert await results.get() != threading.get_ident()
        scheduler.run_in_background(fail, results.put_nowait)
        assert isinstance(await results.get(), ValueError)
        barrier = threading.Barrier(4)
        for _ in range(4):
            scheduler.run_in_background(lambda: barrier.wait(5), results.put_nowait)
        assert sorted([await results.get() for _ in range(4)]) == [0, 1, 2, 3]
        assert loop.is_running()

    run(body)
