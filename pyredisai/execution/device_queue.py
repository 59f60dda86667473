"""One device's queue and its worker threads, which sleep until there is something that they may start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from pyredisai.clock import monotonic_ns
from pyredisai.execution.batching import run_jobs
from pyredisai.execution.job import TIMED_OUT, Job
from pyredisai.execution.job_queue import JobQueue

SIGNAL_INTERVAL_NS = 1_000_000
SHORT_RUN_US = 200.0


class QueueInfo(NamedTuple):
    """What INFO shows of a queue: jobs that wait, CPU seconds of each worker thread."""

    device: str
    length: int
    cpu_seconds: tuple[float, ...]


class Outbox(Protocol):
    """Where workers put what they finished; both methods may be called from any thread."""

    def put(self, jobs: Sequence[Job]) -> None:
        """Hand over finished jobs; they reach the loop with the next signal."""

    def signal(self, now_ns: int) -> None:
        """Wake the loop, unless it is about to look anyway."""

    def signalled_ns(self) -> int:
        """When the loop was last woken."""


class DeviceQueue:
    """A device's waiting jobs, behind one lock and one condition. Threads start with the first job and call `begin`."""

    def __init__(self, device: str, threads: int, outbox: Outbox, begin: Callable[[], None]) -> None:
        self.device = device
        self._begin = begin
        self._outbox = outbox
        self._threads: list[threading.Thread] = []
        self._count = threads
        self._jobs = JobQueue()
        self._condition = threading.Condition(threading.Lock())
        self._idle = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def started(self) -> bool:
        """Whether there are threads: there was a job."""
        return bool(self._threads)

    @property
    def idle(self) -> int:
        """How many workers have nothing to do and nothing waits for them."""
        if not self._threads:
            return self._count
        return max(0, self._idle - len(self._jobs))

    def info(self) -> QueueInfo:
        """For INFO."""
        return QueueInfo(self.device, len(self), tuple(self.cpu_seconds()))

    def push(self, job: Job) -> None:
        """Queue a job for the workers."""
        with self._condition:
            self._jobs.push(job)
            if self._idle:
                self._condition.notify()
        if not self._threads:
            self._start()

    def discard(self, job: Job) -> bool:
        """Take out a job that has not started; False when it has."""
        with self._condition:
            return self._jobs.discard(job)

    def cpu_seconds(self) -> list[float]:
        """CPU time of each worker thread; zeros before they start or where the system does not tell."""
        if not self._threads:
            return [0.0] * self._count
        return [_thread_cpu_seconds(thread) for thread in self._threads]

    def close(self, timeout: float) -> None:
        """Let the workers end after the run that they are in; waiting jobs are dropped."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self) -> None:
        for number in range(1, self._count + 1):
            name = f"{self.device}_bthread_n{number}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        self._begin()
        unsignalled = False
        while True:
            jobs = self._next(block=not unsignalled)
            if jobs is None:
                return
            if unsignalled and self._signal_now(jobs):
                self._outbox.signal(monotonic_ns())
                unsignalled = False
            if jobs:
                self._run(jobs)
                unsignalled = True

    def _signal_now(self, jobs: Sequence[Job]) -> bool:
        """Whether finished jobs must not wait for the next run to end."""
        if not jobs:
            return True
        estimate = jobs[0].estimate
        if estimate is None or not estimate.run_us < SHORT_RUN_US:
            return True
        return monotonic_ns() - self._outbox.signalled_ns() >= SIGNAL_INTERVAL_NS

    def _next(self, *, block: bool) -> list[Job] | None:
        """The jobs to run; empty when there are none and `block` is false; None when the queue is closed."""
        with self._condition:
            while not self._closed:
                jobs = self._jobs.take(monotonic_ns())
                if jobs or not block:
                    if self._idle and len(self._jobs):
                        self._condition.notify()  # another must watch the rest while this one runs
                    return jobs
                due = self._jobs.next_due_ns()
                wait = max(0.0, (due - monotonic_ns()) / 1e9) if due else None
                self._idle += 1
                self._condition.wait(wait)
                self._idle -= 1
            return None

    def _run(self, jobs: list[Job]) -> None:
        start = monotonic_ns()
        late = [job for job in jobs if 0 < job.deadline_ns <= start]
        if late:
            for job in late:
                job.outcome = TIMED_OUT
            jobs = [job for job in jobs if job.outcome is None]
        if jobs:
            run_jobs(jobs)
            elapsed_us = (monotonic_ns() - start) // 1000
            for job in jobs:
                job.duration_us = elapsed_us
        self._outbox.put([*late, *jobs] if late else jobs)


def _thread_cpu_seconds(thread: threading.Thread) -> float:
    if thread.ident is None or not thread.is_alive():
        return 0.0
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
    except (OSError, AttributeError):
        return 0.0
