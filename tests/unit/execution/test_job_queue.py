"""The order in which jobs leave a queue, alone or as batches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.execution.job import BatchPolicy, Job
from pyredisai.execution.job_queue import JobQueue
from tests.unit.execution.support import MS, Target, job


def push(queue: JobQueue, *jobs: Job) -> None:
    for one in jobs:
        queue.push(one)


def test_jobs_without_a_batch_are_taken_one_by_one_in_order():
    queue, target = JobQueue(), Target()
    jobs = [job(target) for _ in range(3)]
    push(queue, *jobs)
    assert len(queue) == 3
    assert [queue.take(0) for _ in range(4)] == [[jobs[0]], [jobs[1]], [jobs[2]], []]
    assert len(queue) == 0


def test_batchsize_joins_until_it_is_reached_or_exceeded():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(4)
    jobs = [job(target, rows, batch=policy) for rows in (3, 3, 1)]
    push(queue, *jobs)
    assert queue.take(0) == jobs[:2]
    assert queue.take(0) == jobs[2:]


def test_others_keep_their_turn():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(3)
    first, plain, second = job(target, batch=policy), job(Target()), job(target, batch=policy)
    late = [job(target, batch=policy) for _ in range(2)]
    push(queue, first, plain, second, *late)
    assert queue.take(0) == [first, second, late[0]]
    assert queue.take(0) == [plain]
    assert queue.take(0) == [late[1]]


def test_a_batch_waits_for_its_least_rows_and_is_passed_by():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(4, 2)
    waiting, plain = job(target, batch=policy), job(Target())
    push(queue, waiting, plain)
    assert queue.take(0) == [plain]
    assert queue.take(10**18) == []
    assert queue.next_due_ns() == 0
    other = job(target, batch=policy)
    push(queue, other)
    assert queue.take(0) == [waiting, other]


def test_the_first_jobs_arrival_counts_for_minbatchtimeout():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(4, 3, 300)
    first, second = job(target, batch=policy, queued=5 * MS), job(target, batch=policy, queued=200 * MS)
    push(queue, first, second)
    assert queue.next_due_ns() == 305 * MS
    assert queue.take(304 * MS) == []
    assert queue.take(305 * MS) == [first, second]
    assert queue.next_due_ns() == 0


def test_what_fills_a_batch_alone_does_not_wait():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(2, 2)
    big = job(target, 3, batch=policy)
    push(queue, big)
    assert queue.take(0) == [big]


def test_a_least_size_above_the_size_can_be_reached():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(2, 3)
    jobs = [job(target, batch=policy) for _ in range(3)]
    push(queue, *jobs)
    assert queue.take(0) == jobs


def test_other_shapes_and_dtypes_are_other_batches():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(8)
    jobs = [
        job(target, batch=policy),
        job(target, batch=policy, width=3),
        job(target, batch=policy, dtype=np.float64),
        job(target, batch=policy),
    ]
    push(queue, *jobs)
    assert queue.take(0) == [jobs[0], jobs[3]]
    assert queue.take(0) == [jobs[1]]
    assert queue.take(0) == [jobs[2]]


def test_a_discarded_job_is_not_run_and_the_next_ones_time_counts():
    queue, target, policy = JobQueue(), Target(), BatchPolicy(4, 3, 100)
    first, second = job(target, batch=policy), job(target, batch=policy, queued=50 * MS)
    push(queue, first, second)
    assert queue.discard(first)
    assert not queue.discard(first)
    assert len(queue) == 1
    assert queue.take(149 * MS) == []
    assert queue.take(150 * MS) == [second]
    assert not queue.discard(second)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 1)), max_size=30), st.data())
def test_every_job_is_taken_once_or_discarded_and_order_holds_in_a_batch_key(plan, data):
    targets = [Target(), Target(), Target()]
    policies = [None, BatchPolicy(5), BatchPolicy(4, 3, 20)]
    queue = JobQueue()
    pushed: list[Job] = []
    taken: list[Job] = []
    now = 0
    for kind, rows, action in plan:
        now += MS
        one = job(targets[kind], rows, batch=policies[kind], queued=now)
        queue.push(one)
        pushed.append(one)
        if action:
            taken += queue.take(now)
    discarded = [one for one in pushed if data.draw(st.booleans()) and queue.discard(one)]
    while batch := queue.take(now + 100 * MS):
        taken += batch
        assert len({id(one.target) for one in batch}) == 1
    assert len(queue) == 0
    assert {id(one) for one in taken} | {id(one) for one in discarded} == {id(one) for one in pushed}
    assert len(taken) + len(discarded) == len(pushed)
    for kind, target in enumerate(targets):
        mine = [one for one in taken if one.target is target]
        joined = [one for one in mine if one.rows] if kind else mine
        assert [one.queued_ns for one in joined] == sorted(one.queued_ns for one in joined)
