"""Where a job runs: on its device's workers, or, when it is known to be short, on the loop.

One queue a device, made when the device is first named. Everything here but the outbox's `put` and `signal`
is called on the loop. Three ways lead through it:

- at once: run_now -> its outcome, for what is known to be short and has nothing before it;
- to the workers: submit -> DeviceQueue -> a worker runs -> outbox -> one wake-up of the loop -> `done`;
- on the loop: submit -> the tick's list -> run at the end of the tick -> `done`.

Nothing overtakes within a target and input signature: while some of it are at the workers, the ones that
would run on the loop wait for them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pyredisai.ai.tensor import Tensor
from pyredisai.clock import monotonic_ns
from pyredisai.execution.batching import joinable_rows, most_rows, needs_company, run_jobs, run_target
from pyredisai.execution.device_queue import DeviceQueue, QueueInfo
from pyredisai.execution.job import TIMED_OUT, BatchPolicy, Job, Outcome, Runnable
from pyredisai.execution.loop_access import LoopAccess
from pyredisai.execution.outbox import Loop, LoopOutbox
from pyredisai.execution.placement import Estimate, PlacementPolicy, estimate_of
from pyredisai.execution.staging import Stage

GATHER_NS: Final = 100_000  # the longest that a batch waits for more of what comes in
CPU_STAMP_NS: Final = 1_000_000  # reading a thread's CPU clock costs a microsecond, so not at every tick


class Scheduler(LoopAccess):
    """Device name to queue. `threads` workers a queue; `policy` says what runs on the loop.

    `loop` is the running one when it is not given (it must run by the first job).
    `cpu_ns` is the CPU clock of the calling thread, `now_ns` a monotonic clock; tests give their own.
    """

    def __init__(
        self,
        loop: Loop | None = None,
        *,
        threads: int = 1,
        policy: PlacementPolicy | None = None,
        now_ns: Callable[[], int] = monotonic_ns,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.threads = threads
        self.policy = policy or PlacementPolicy()
        super().__init__(loop)
        self._now_ns = now_ns
        self._cpu_ns = cpu_ns
        self._outbox = LoopOutbox(self._deliver)
        self._queues: dict[str, DeviceQueue] = {}
        self._tick: deque[Job | Estimate] = deque()
        self._tick_called = False
        self._in_tick = False
        self._more_came = False
        self._spent_ns = 0
        self._tick_began_ns = 0
        self._stamp_ns, self._stamp_cpu_ns = -CPU_STAMP_NS, 0
        self._closed = False
        self.runs_on_loop = 0
        self.last_run_us = 0
        self.stage = Stage(now_ns)
        self.ensure_queue("CPU")

    def ensure_queue(self, device: str) -> None:
        """Make the queue of a device (upper-cased); its threads start with its first job."""
        self._queue(device)

    def used(self) -> bool:
        """Whether a job ever ran, or waits."""
        return self.runs_on_loop > 0 or any(queue.started or len(queue) for queue in self._queues.values())

    def set_threads(self, threads: int) -> None:
        """Give every queue so many worker threads; only while nothing has run yet (`used`)."""
        self.threads = threads
        if not self.used():
            self._queues = {name: self._new_queue(name) for name in self._queues}

    @property
    def policy(self) -> PlacementPolicy:
        """What runs on the loop."""
        return self._policy

    @policy.setter
    def policy(self, policy: PlacementPolicy) -> None:
        self._policy = policy
        self._inline_us, self._tick_ns = policy.inline_us, int(policy.tick_us * 1000)

    def set_inline_us(self, inline_us: float) -> None:
        """Runs estimated below this run on the loop; 0: none does."""
        self.policy = self.policy._replace(inline_us=inline_us)

    def queues(self) -> Sequence[QueueInfo]:
        """The queues in the order in which they were made."""
        return [queue.info() for queue in self._queues.values()]

    def submit(self, device: str, job: Job) -> None:
        """Queue a job. Its `done` is called later on the loop, once, with `outcome` set."""
        queue = self._queues.get(device)
        job.queue = self._queue(device) if queue is None else queue
        job.queued_ns = self._now_ns()
        estimate = job.estimate = estimate_of(job.target, job.inputs)
        if estimate is None:
            self._to_workers(job)
        # Behind what there is of its own kind: where it runs is decided when its turn comes.
        elif estimate.in_tick or self._goes_to_loop(job, estimate):
            self._to_tick(job, estimate)

    def run_now(
        self, device: str, target: Runnable, inputs: Sequence[Tensor], batch: BatchPolicy | None = None
    ) -> Outcome | None:
        """Run at once, on the loop, what is known to be short and has nothing before it; `last_run_us` tells how long.

        None: it is to be submitted as a job. So are runs that others may join. What runs here counts for the
        present tick; when its time is used up, a job takes the next one. Where no job asks for a tick, one counts
        as over when it has lasted twice its time.
        """
        if self._tick or self._held or self._in_tick:
            return None
        estimate = estimate_of(target, inputs)
        if estimate is None or estimate.run_us >= self._inline_us or not estimate.free():
            return None
        if batch is not None and not estimate.alone(batch):
            return None
        start, spent_ns = self._now_ns(), self._spent_ns
        if spent_ns >= self._tick_ns and start - self._tick_began_ns >= 2 * self._tick_ns:
            spent_ns = 0
        if not spent_ns:
            self._tick_began_ns = start
        elif spent_ns >= self._tick_ns:
            return None
        self._stamp(start)
        self._in_tick = True
        outcome = run_target(target, inputs)
        self._in_tick = False
        elapsed_ns = self._now_ns() - start
        self._spent_ns = spent_ns + elapsed_ns
        self.runs_on_loop += 1
        self.last_run_us = elapsed_ns // 1000
        if type(outcome) is list:
            estimate.add_run(elapsed_ns / 1000)
            estimate.add_loop_run(self._inline_us)
        if elapsed_ns > self._tick_ns:
            self._judge(estimate, device, elapsed_ns / 1000, start)
        return outcome

    def begin_slice(self) -> None:
        """Whoever runs several commands says so that he has let everybody else go first: the tick's time is new."""
        if not self._tick and not self._in_tick:
            self._spent_ns = 0

    def flush(self) -> None:
        """Run at once what this tick's time still allows, for a caller that would else wait for the tick's end.

        Jobs that may share a batch are left for the tick's end: others may join them.
        """
        tick = self._tick
        if tick and type(tick[0]) is not Estimate and not self._in_tick and self._spent_ns < self._tick_ns:
            self._run_tick(batches=False)

    def close(self, timeout: float = 1.0) -> None:
        """End the workers; what has not started is dropped, a run in progress gets `timeout` seconds."""
        self._closed = True
        self._tick.clear()
        self._background.close()
        for queue in self._queues.values():
            queue.close(timeout)

    def _queue(self, device: str) -> DeviceQueue:
        name = device.upper()
        queue = self._queues.get(name)
        if queue is None:
            queue = self._queues[name] = self._new_queue(name)
        return queue

    def _new_queue(self, name: str) -> DeviceQueue:
        return DeviceQueue(name, self.threads, self._outbox, self._begin_thread)

    def _goes_to_loop(self, job: Job, estimate: Estimate) -> bool:
        """Whether the job may run on the loop now; if not, it was sent to the workers or waits for them."""
        if estimate.short(self.policy) and not needs_company(job):
            if not estimate.at_workers and not estimate.waiting:
                return True
            if not job.deadline_ns:
                estimate.waiting.append(job)
                return False
        while estimate.waiting:
            self._to_workers(estimate.waiting.popleft())
        self._to_workers(job)
        return False

    # To the workers and back

    def _to_workers(self, job: Job) -> None:
        if self._outbox.loop is None:
            self._outbox.loop = self._loop
        if job.estimate is not None:
            job.estimate.at_workers += 1
        if job.deadline_ns:
            delay = max(0, job.deadline_ns - self._now_ns()) / 1e9
            job.timer = self._loop.call_later(delay, self._expire, job)
        job.queue.push(job)

    def _expire(self, job: Job) -> None:
        if self._held:
            self._postponed.append(partial(self._expire, job))
            return
        job.timer = None
        if job.queue.discard(job):
            job.outcome = TIMED_OUT
            self._returned(job)

    def _deliver(self) -> None:
        if self._held:
            self._postponed.append(self._deliver)
            return
        while (job := self._outbox.take()) is not None:
            if job.timer is not None:
                job.timer.cancel()
                job.timer = None
            self._returned(job)

    def _returned(self, job: Job) -> None:
        """A worker's job is back: learn from it, let go what waited for it, tell its owner."""
        estimate = job.estimate
        if estimate is not None:
            estimate.at_workers -= 1
            if isinstance(job.outcome, list):
                elapsed = job.duration_us
                if job.batch_rows:
                    estimate.add_batch(elapsed, max(1, job.batch_rows // max(1, job.rows)))
                else:
                    estimate.add_run(elapsed)
                estimate.add_worker_run(self.policy)
                estimate.pay(elapsed, self.policy)
            if not estimate.at_workers:
                while estimate.waiting:
                    self._to_tick(estimate.waiting.popleft(), estimate)
        self._finish(job)

    def _finish(self, job: Job) -> None:
        try:
            job.done(job)
        except Exception as error:
            self._loop.call_exception_handler({"message": "a job's done callback raised", "exception": error})

    # On the loop

    def _to_tick(self, job: Job, estimate: Estimate) -> None:
        estimate.in_tick += 1
        if job.batch is not None and (rows := joinable_rows(job)):
            job.rows = rows
            ticked = estimate.ticked
            if not ticked:
                self._tick.append(estimate)
            ticked.append(job)
            self._more_came = True
        else:
            self._tick.append(job)
        if not self._tick_called:
            self._call_tick()

    def _call_tick(self) -> None:
        self._tick_called = True
        self._loop.call_soon(self._tick_due)

    def _tick_due(self) -> None:
        if self._held:
            self._postponed.append(self._tick_due)
            return
        if self._gathers():
            self._loop.call_soon(self._tick_due)
            return
        self._tick_called = False
        self._spent_ns = 0
        if self._tick:
            self._run_tick()

    def _gathers(self) -> bool:
        """Whether to look at the sockets once more first: requests come in, and many more used to share a batch.

        A run costs about the same for one as for many, and a quick server finds one or two requests at a time.
        """
        came, self._more_came = self._more_came, False
        if not came or not self._tick:
            return False
        unit = self._tick[0]
        if not isinstance(unit, Estimate) or len(unit.ticked) + 1 >= unit.company:
            return False
        return self._now_ns() - unit.ticked[0].queued_ns < GATHER_NS

    def _run_tick(self, *, batches: bool = True) -> None:
        """Run what the tick collected, `policy.tick_us` of it; at least one run, so that it ends.

        Without `batches` it stops at the first unit that others may join.
        """
        tick = self._tick
        begin = start = self._now_ns()
        end = begin + self._tick_ns - self._spent_ns
        self._stamp(begin)
        self._in_tick = True
        while tick and (batches or type(tick[0]) is not Estimate):
            unit = tick.popleft()
            jobs = self._batch(unit, end - start) if isinstance(unit, Estimate) else self._single(unit)
            if not jobs:
                continue
            run_jobs(jobs)
            self._ran(jobs, start, self._now_ns() - start)
            start = self._now_ns()
            if start >= end:
                break
        self._in_tick = False
        self._spent_ns += start - begin
        if tick and not self._tick_called:
            self._call_tick()  # the rest waits for the next tick, after everybody's requests

    def _ran(self, jobs: Sequence[Job], start_ns: int, elapsed_ns: int) -> None:
        """Jobs have run on the loop as one: learn from it, tell their owners."""
        self.runs_on_loop += 1
        elapsed_us, estimate = elapsed_ns / 1000, jobs[0].estimate
        assert estimate is not None
        if isinstance(jobs[0].outcome, list):
            if len(jobs) == 1:
                estimate.add_run(elapsed_us)
            else:
                estimate.add_batch(elapsed_us, len(jobs))
            estimate.add_loop_run(self._inline_us)
        if elapsed_ns > self._tick_ns:
            self._judge(estimate, jobs[0].queue.device, elapsed_us, start_ns)
        duration_us = elapsed_ns // 1000
        for job in jobs:
            job.duration_us = duration_us
            self._finish(job)

    def _stamp(self, now_ns: int) -> None:
        if now_ns - self._stamp_ns > CPU_STAMP_NS:
            self._stamp_ns, self._stamp_cpu_ns = now_ns, self._cpu_ns()

    def _single(self, job: Job) -> list[Job] | None:
        estimate = job.estimate
        assert estimate is not None
        estimate.in_tick -= 1
        if not self._goes_to_loop(job, estimate):
            return None
        return [job] if self._in_time(job) else None

    def _batch(self, estimate: Estimate, budget_ns: int) -> list[Job]:
        """The jobs of one signature that run as one batch now; what is over stays on the tick's list."""
        batch: list[Job] = []
        ticked, most_jobs = estimate.ticked, estimate.most_in_batch(budget_ns / 1000)
        policy: BatchPolicy | None = None
        rows = most = 0
        while ticked and len(batch) < most_jobs:
            job = ticked.popleft()
            estimate.in_tick -= 1
            if job.batch is not policy or job.deadline_ns:  # what holds for the one before holds for the others
                policy = None
                if not self._goes_to_loop(job, estimate) or not self._in_time(job):
                    continue
                policy = job.batch
                assert policy is not None
                most = most_rows(policy)
            batch.append(job)
            rows += job.rows
            if rows >= most:
                break
        if batch:
            estimate.add_tick(len(batch), len(batch) == 1 and not ticked)
        if ticked:
            self._tick.append(estimate)
        return batch

    def _in_time(self, job: Job) -> bool:
        """Whether the TIMEOUT has not passed; answers the job if it has."""
        if not job.deadline_ns or self._now_ns() < job.deadline_ns:
            return True
        job.outcome = TIMED_OUT
        self._finish(job)
        return False

    def _judge(self, estimate: Estimate, device: str, elapsed_us: float, start_ns: int) -> None:
        """A run took longer than a tick may: was it slow, or was this thread only not scheduled?

        CPU time tells the two apart: at least what the thread used since the last stamp, less the wall time
        from there to the run's start. On a GPU the thread sleeps through a run; there wall time counts.
        """
        if not device.upper().startswith("GPU"):
            used_ns = self._cpu_ns() - self._stamp_cpu_ns - (start_ns - self._stamp_ns)
            elapsed_us = min(elapsed_us, used_ns / 1000)
        if elapsed_us > self.policy.tick_us:
            estimate.slow_on_loop(elapsed_us)
