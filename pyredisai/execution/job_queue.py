"""The waiting jobs of one device, and which of them run next. Pure: time is an argument, no threads, no locks.

Units are taken in the order of their oldest job. A unit is one job, or the group of all jobs that may share a
batch. A group with too few rows is parked until more rows come or its MINBATCHTIMEOUT has passed; what comes
later passes it by.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable

from pyredisai.execution.batching import batch_key, joinable_rows, least_rows, most_rows
from pyredisai.execution.job import BatchPolicy, Job


class Group:
    """The waiting jobs of one batch key, oldest first. `ready`: it stands in the queue's order."""

    __slots__ = ("jobs", "key", "policy", "ready", "rows", "sequences")

    def __init__(self, key: Hashable, policy: BatchPolicy) -> None:
        self.key = key
        self.policy = policy
        self.jobs: deque[Job] = deque()
        self.sequences: deque[int] = deque()
        self.rows = 0
        self.ready = False

    def due_ns(self) -> int:
        """When the group may run without its least rows; 0: never."""
        wait = self.policy.min_timeout_ms
        return self.jobs[0].queued_ns + wait * 1_000_000 if wait and self.jobs else 0

    def runnable(self, now_ns: int) -> bool:
        """Whether a batch may start now."""
        if not self.jobs:
            return False
        return self.rows >= least_rows(self.policy) or 0 < self.due_ns() <= now_ns


class JobQueue:
    """Push jobs, take batches. A job that was discarded is never taken."""

    def __init__(self) -> None:
        self._sequence = 0
        self._timer_sequence = 0
        self._length = 0
        self._order: list[tuple[int, Job | Group]] = []
        self._groups: dict[Hashable, Group] = {}
        self._timers: list[tuple[int, int, Group]] = []

    def __len__(self) -> int:
        return self._length

    def push(self, job: Job) -> None:
        """Add a job; its `queued_ns` is set."""
        self._sequence += 1
        self._length += 1
        job.rows = joinable_rows(job)
        if not job.rows:
            heapq.heappush(self._order, (self._sequence, job))
            return
        assert job.batch is not None
        key = batch_key(job)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(key, job.batch)
        group.jobs.append(job)
        group.sequences.append(self._sequence)
        group.rows += job.rows
        if not group.ready:
            if group.runnable(job.queued_ns):
                self._make_ready(group)
            elif len(group.jobs) == 1:
                self._set_timer(group)

    def take(self, now_ns: int) -> list[Job]:
        """The jobs that run next, as one batch; empty when nothing may start at `now_ns`."""
        self._fire_timers(now_ns)
        while self._order:
            unit = heapq.heappop(self._order)[1]
            if isinstance(unit, Job):
                if not unit.taken:
                    unit.taken = True
                    self._length -= 1
                    return [unit]
                continue
            unit.ready = False
            batch = self._take_batch(unit, now_ns)
            if batch:
                return batch
        return []

    def discard(self, job: Job) -> bool:
        """Take a job out that has not started; False when it has."""
        if job.taken:
            return False
        job.taken = True
        self._length -= 1
        if job.rows:
            group = self._groups[batch_key(job)]
            index = group.jobs.index(job)
            del group.jobs[index], group.sequences[index]
            group.rows -= job.rows
            if not group.jobs:
                self._groups.pop(group.key)
            elif index == 0 and not group.ready:
                self._set_timer(group)
        return True

    def next_due_ns(self) -> int:
        """When a parked group may run at the earliest; 0: none waits for a time."""
        return self._timers[0][0] if self._timers else 0

    def _take_batch(self, group: Group, now_ns: int) -> list[Job]:
        batch: list[Job] = []
        if group.runnable(now_ns):
            rows, most = 0, most_rows(group.policy)
            while group.jobs and rows < most:
                job = group.jobs.popleft()
                group.sequences.popleft()
                job.taken = True
                rows += job.rows
                batch.append(job)
            group.rows -= rows
            self._length -= len(batch)
        if not group.jobs:
            self._groups.pop(group.key, None)
        elif group.runnable(now_ns):
            self._make_ready(group)
        else:
            self._set_timer(group)
        return batch

    def _make_ready(self, group: Group) -> None:
        group.ready = True
        heapq.heappush(self._order, (group.sequences[0], group))

    def _set_timer(self, group: Group) -> None:
        due = group.due_ns()
        if due:
            self._timer_sequence += 1
            heapq.heappush(self._timers, (due, self._timer_sequence, group))

    def _fire_timers(self, now_ns: int) -> None:
        while self._timers and self._timers[0][0] <= now_ns:
            group = heapq.heappop(self._timers)[2]
            if group.ready or not group.jobs or self._groups.get(group.key) is not group:
                continue
            if group.runnable(now_ns):
                self._make_ready(group)
