"""The scheduler on a loop and a clock that stand still until they are told to go on."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pyredisai.execution.job import TIMED_OUT, BatchPolicy, Job
from pyredisai.execution.placement import (
    LONE_RUNS,
    LONE_TICKS,
    MAX_SIGNATURES,
    PROBE_GAP,
    PROBES,
    Estimate,
    PlacementPolicy,
    estimate_of,
)
from pyredisai.execution.scheduler import Scheduler
from tests.unit.execution.support import MS, FakeClock, FakeLoop, Target, job

POLICY = PlacementPolicy(inline_us=80, tick_us=500)


class FakeQueue:
    """A device queue whose worker runs when it is told to."""

    def __init__(self, device: str = "CPU") -> None:
        self.device = device
        self.jobs: list[Job] = []

    def push(self, job: Job) -> None:
        self.jobs.append(job)

    def close(self, timeout: float) -> None:
        pass


class Bench:
    """A scheduler with its surroundings, and the order in which jobs ended."""

    def __init__(self, policy: PlacementPolicy = POLICY, device: str = "CPU") -> None:
        self.clock = FakeClock()
        self.loop = FakeLoop()
        self.scheduler = Scheduler(self.loop, policy=policy, now_ns=self.clock.now, cpu_ns=self.clock.cpu)
        self.queue = FakeQueue(device)
        self.scheduler._queues["CPU"] = self.queue  # type: ignore[assignment]
        self.ended: list[Job] = []

    def target(self, cost_us: float, **options: Any) -> Target:
        return Target(self.clock, cost_us, **options)

    def submit(self, target: Any, rows: int = 1, **options: Any) -> Job:
        one = job(target, rows, done=self.ended.append, **options)
        self.scheduler.submit("CPU", one)
        return one

    def work(self, cost_us: int) -> list[Job]:
        """The worker runs everything in its queue, `cost_us` each; returns what it ran."""
        jobs, self.queue.jobs = self.queue.jobs, []
        for one in jobs:
            one.outcome, one.duration_us = [], cost_us
            self.scheduler._outbox.put([one])
        self.scheduler._deliver()
        return jobs

    def known(self, cost_us: float, **options: Any) -> Target:
        """A target whose cost is known already."""
        target = self.target(cost_us, **options)
        self.submit(target)
        self.work(int(cost_us))
        self.ended.clear()
        return target


def test_a_first_run_is_a_workers_and_a_short_one_then_the_loops():
    bench = Bench()
    target = bench.target(5)
    first = bench.submit(target)
    assert bench.queue.jobs == [first]
    bench.work(5)
    second = bench.submit(target)
    assert bench.queue.jobs == []
    assert second.outcome is None
    bench.loop.tick()
    assert bench.ended == [first, second]
    assert second.duration_us == 5


def test_a_long_run_stays_with_the_workers():
    bench = Bench()
    target = bench.known(81)
    bench.submit(target)
    assert len(bench.queue.jobs) == 1


def test_it_can_be_turned_off():
    bench = Bench(PlacementPolicy(inline_us=0))
    target = bench.known(1)
    bench.submit(target)
    assert len(bench.queue.jobs) == 1


def test_a_target_without_estimates_never_runs_on_the_loop():
    bench = Bench()
    target = bench.known(1, estimates=False)
    bench.submit(target)
    assert len(bench.queue.jobs) == 1


def test_a_tick_runs_no_more_than_its_time_and_goes_on_in_the_next():
    bench = Bench()
    target = bench.known(70)
    jobs = [bench.submit(target) for _ in range(20)]
    bench.loop.tick()
    assert len(bench.ended) == 8  # the run that passes 500 us is the last
    bench.loop.tick()
    bench.loop.tick()
    assert bench.ended == jobs
    assert bench.loop.soon == []


def test_nothing_overtakes_what_is_at_the_workers():
    bench = Bench()
    target = bench.target(5)
    first = bench.submit(target)
    second = bench.submit(target)  # not known to be short yet
    bench.queue.jobs.remove(second)
    bench.work(5)
    third = bench.submit(target)  # short now, but the second is still out
    bench.loop.tick()
    assert bench.ended == [first]
    bench.queue.jobs.append(second)
    bench.work(5)
    bench.loop.tick()
    assert bench.ended == [first, second, third]


def test_a_job_with_a_timeout_does_not_wait_on_the_loop():
    bench = Bench()
    target = bench.target(5)
    first, second = bench.submit(target), bench.submit(target)
    bench.queue.jobs.remove(second)
    bench.work(5)
    third = bench.submit(target)
    timers: list[Any] = []
    bench.loop.call_later = lambda delay, callback, *args: timers.append((delay, args))  # type: ignore[method-assign]
    fourth = job(target, done=bench.ended.append)
    fourth.deadline_ns = bench.clock.now() + MS
    bench.scheduler.submit("CPU", fourth)
    assert bench.queue.jobs == [third, fourth]
    assert timers == [(0.001, (fourth,))]
    bench.queue.jobs.insert(0, second)
    fourth.timer = None
    bench.work(5)
    assert bench.ended == [first, second, third, fourth]


def test_a_job_on_the_loop_that_is_too_late_is_not_run():
    bench = Bench()
    target = bench.known(5)
    one = job(target, done=bench.ended.append)
    one.deadline_ns = bench.clock.now() + MS
    bench.scheduler.submit("CPU", one)
    bench.clock.advance_us(1000)
    bench.loop.tick()
    assert one.outcome is TIMED_OUT
    assert bench.ended == [one]
    assert len(target.shapes) == 0


def test_a_model_that_turns_slow_costs_the_loop_one_run_and_pays_it_off():
    bench = Bench()
    target = bench.known(5)
    target.cost_us = 7000
    jobs = [bench.submit(target) for _ in range(3)]
    bench.loop.tick()
    bench.loop.tick()
    assert bench.ended == jobs[:1]
    assert bench.queue.jobs == jobs[1:]
    fast_runs = 0
    while not bench.loop.soon:
        bench.work(5)
        fast_runs += 1
        bench.submit(target)
    assert fast_runs >= 7000 / 80 - 3


def test_preemption_is_not_slowness():
    bench = Bench()

    class Preempted(Target):
        def run(self, inputs: Any) -> Any:
            bench.clock.advance_us(7000, cpu=False)
            return super().run(inputs)

    target = Preempted()
    bench.submit(target)
    bench.work(5)
    bench.submit(target)
    bench.loop.tick()
    bench.submit(target)
    assert bench.queue.jobs == []


def test_on_a_gpu_wall_time_counts():
    bench = Bench(device="GPU:0")

    class Asleep(Target):
        def run(self, inputs: Any) -> Any:
            bench.clock.advance_us(7000, cpu=False)
            return super().run(inputs)

    target = Asleep()
    bench.submit(target)
    bench.work(5)
    bench.submit(target)
    bench.loop.tick()
    bench.submit(target)
    assert len(bench.queue.jobs) == 1


def test_the_jobs_of_a_tick_share_a_batch():
    bench = Bench()
    target = bench.known(5)
    policy = BatchPolicy(4)
    for _ in range(6):
        bench.submit(target, batch=policy)
    bench.loop.tick()
    assert target.shapes == [[(4, 2)], [(2, 2)]]
    assert len(bench.ended) == 6
    assert all(isinstance(one.outcome, list) for one in bench.ended)
    assert [one.batch_rows for one in bench.ended] == [4] * 4 + [2] * 2


def test_a_batch_is_cut_to_the_ticks_time():
    bench = Bench()
    target = bench.known(50)
    for _ in range(30):
        bench.submit(target, batch=BatchPolicy(64))
    bench.loop.tick()
    assert target.shapes[0] == [(10, 2)]


def test_a_batch_with_a_least_size_waits_with_the_workers():
    bench = Bench()
    target = bench.known(5)
    bench.submit(target, batch=BatchPolicy(4, 2))
    assert len(bench.queue.jobs) == 1


def test_flush_runs_at_once():
    bench = Bench()
    target = bench.known(5)
    one = bench.submit(target)
    bench.scheduler.flush()
    assert bench.ended == [one]
    bench.loop.tick()
    assert bench.ended == [one]


def test_flush_leaves_what_others_may_join_and_keeps_the_order():
    bench = Bench()
    target, other = bench.known(5), bench.known(5)
    first = bench.submit(target, batch=BatchPolicy(4))
    second = bench.submit(other)
    bench.scheduler.flush()
    assert bench.ended == []
    third = bench.submit(target, batch=BatchPolicy(4))
    bench.loop.tick()
    assert bench.ended == [first, third, second]


def test_what_is_flushed_counts_for_the_ticks_time():
    bench = Bench()
    target = bench.known(70)
    for _ in range(10):
        bench.submit(target)
        bench.scheduler.flush()
    assert len(bench.ended) == 8
    bench.loop.tick()
    assert len(bench.ended) == 10
    bench.submit(target)
    bench.scheduler.flush()
    assert len(bench.ended) == 11


def test_flush_inside_a_run_starts_no_other():
    bench = Bench()
    target = bench.known(5)
    order: list[str] = []

    def first(one: Job) -> None:
        bench.scheduler.submit("CPU", job(target, done=lambda one: order.append("inner")))
        bench.scheduler.flush()
        order.append("outer")

    bench.scheduler.submit("CPU", job(target, done=first))
    bench.scheduler.flush()
    assert order == ["outer", "inner"]


def test_a_done_that_raises_loses_no_other_job():
    bench = Bench()
    target = bench.known(5)

    def fail(job: Job) -> None:
        raise RuntimeError("done")

    bench.scheduler.submit("CPU", job(target, done=fail))
    one = bench.submit(target)
    bench.loop.tick()
    assert bench.ended == [one]
    assert len(bench.loop.errors) == 1


def test_done_may_submit_the_next_step():
    bench = Bench()
    target = bench.known(5)
    steps: list[Job] = []

    def next_step(one: Job) -> None:
        steps.append(one)
        if len(steps) < 3:
            bench.scheduler.submit("CPU", job(target, done=next_step))

    bench.scheduler.submit("CPU", job(target, done=next_step))
    for _ in range(3):
        bench.loop.tick()
    assert len(steps) == 3


def test_the_estimate_is_a_leaky_minimum():
    estimate = Estimate()
    assert estimate.run_us == math.inf
    estimate.add_run(10)
    estimate.add_run(1000)
    assert estimate.run_us == pytest.approx(10.2)
    estimate.add_run(4)
    assert estimate.run_us == 4
    estimate.add_batch(16, 16)
    assert estimate.each_us == 1
    assert estimate.most_in_batch(500) == 500


def test_estimates_are_kept_for_a_bounded_number_of_shapes():
    target = Target()
    for rows in range(MAX_SIGNATURES):
        assert estimate_of(target, job(target, rows).inputs) is not None
    assert estimate_of(target, job(target, MAX_SIGNATURES).inputs) is None
    assert estimate_of(target, job(target, 0).inputs) is not None


def _worker_runs(bench: Bench, target: Target, cost_us: int, most: int) -> int:
    """Runs at the worker, one after the other, until one goes to the loop."""
    for count in range(most):
        bench.submit(target)
        if not bench.work(cost_us):
            bench.loop.tick()
            return count
    return most


def test_what_is_dear_at_the_workers_is_tried_on_the_loop_and_stays_when_it_is_short_there():
    bench = Bench()
    target = bench.target(30)
    assert _worker_runs(bench, target, 200, 100) == PROBE_GAP
    assert _worker_runs(bench, target, 200, 100) == 0
    assert bench.scheduler.runs_on_loop == 2


def test_trials_in_vain_become_rarer():
    bench = Bench()
    target = bench.target(200)
    assert _worker_runs(bench, target, 200, 100) == PROBE_GAP
    for _ in range(PROBES - 1):
        assert _worker_runs(bench, target, 200, 100) == 0
    assert _worker_runs(bench, target, 200, 100) == 2 * PROBE_GAP
    assert bench.scheduler.runs_on_loop == PROBES + 1


@pytest.mark.parametrize(("inline_us", "cost_us"), [(0, 200), (80, 500), (80, 5000)])
def test_long_runs_are_never_tried(inline_us: float, cost_us: int):
    bench = Bench(PlacementPolicy(inline_us=inline_us, tick_us=500))
    assert _worker_runs(bench, bench.target(30), cost_us, 200) == 200


def run_now(bench: Bench, target: Target, rows: int = 1) -> Any:
    return bench.scheduler.run_now("CPU", target, job(target, rows).inputs)


def test_what_is_known_to_be_short_runs_at_once():
    bench = Bench()
    assert run_now(bench, bench.target(5)) is None, "nothing is known of it"
    outcome = run_now(bench, bench.known(5))
    assert [tensor.shape for tensor in outcome] == [(1, 2)]
    assert bench.scheduler.last_run_us == 5
    assert run_now(bench, bench.known(90)) is None, "too long for the loop"
    assert run_now(bench, bench.known(5), rows=2) is None, "another signature"


def test_runs_at_once_use_the_ticks_time_up():
    bench = Bench()
    target = bench.known(70)
    assert sum(run_now(bench, target) is not None for _ in range(10)) == 8
    one = bench.submit(target)
    bench.loop.tick()
    assert bench.ended == [one]
    assert run_now(bench, target) is not None, "a new tick"


def test_a_tick_that_no_job_ends_is_over_after_twice_its_time():
    bench = Bench()
    target = bench.known(70)
    assert sum(run_now(bench, target) is not None for _ in range(10)) == 8
    bench.clock.advance_us(400)
    assert run_now(bench, target) is None
    bench.clock.advance_us(100)
    assert sum(run_now(bench, target) is not None for _ in range(10)) == 8


def test_no_run_at_once_overtakes():
    bench = Bench()
    target, other = bench.known(5), bench.known(5)
    waiting = bench.submit(target)
    assert run_now(bench, other) is None, "the tick's list comes first"
    bench.loop.tick()
    assert bench.ended == [waiting]
    estimate = estimate_of(target, job(target).inputs)
    assert estimate is not None
    estimate.at_workers += 1
    assert run_now(bench, target) is None, "one of its kind is at the workers"
    assert run_now(bench, other) is not None


def test_a_slow_run_at_once_puts_its_kind_in_debt():
    bench = Bench()
    target = bench.known(5)
    target.cost_us = 900
    assert run_now(bench, target) is not None
    assert run_now(bench, target) is None
    estimate = estimate_of(target, job(target).inputs)
    assert estimate is not None
    assert estimate.debt_us > 0


def test_nothing_runs_at_once_while_results_are_held_or_inside_a_run():
    bench = Bench()
    target, inner = bench.known(5), bench.known(5)
    bench.scheduler.hold()
    assert run_now(bench, target) is None
    bench.scheduler.release()
    seen = []
    target.run = lambda inputs: seen.append(run_now(bench, inner)) or []  # type: ignore[method-assign]
    assert run_now(bench, target) == []
    assert seen == [None]


def test_what_goes_wrong_at_once_is_the_outcome_and_teaches_nothing():
    bench = Bench()
    target = bench.known(5)

    def fail(inputs: Any) -> Any:
        raise ZeroDivisionError("oops")

    target.run = fail  # type: ignore[method-assign]
    before = estimate_of(target, job(target).inputs).run_us  # type: ignore[union-attr]
    outcome = run_now(bench, target)
    assert isinstance(outcome, ZeroDivisionError)
    assert outcome.__traceback__ is None
    assert estimate_of(target, job(target).inputs).run_us == before  # type: ignore[union-attr]


def test_where_nobody_joins_a_batch_runs_do_not_wait_for_one_but_now_and_then():
    bench = Bench()
    target = bench.known(5)
    policy = BatchPolicy(4)
    inputs = job(target).inputs

    def at_once() -> bool:
        if bench.scheduler.run_now("CPU", target, inputs, policy) is not None:
            return True
        bench.submit(target, batch=policy)
        bench.loop.tick()
        return False

    assert [at_once() for _ in range(LONE_TICKS + LONE_RUNS + 1)] == [False] * LONE_TICKS + [True] * LONE_RUNS + [False]
    assert at_once()
    for _ in range(2):
        bench.submit(target, batch=policy)
    bench.loop.tick()
    assert target.shapes[-1] == [(2, 2)]
    assert not at_once(), "somebody joined"


def test_a_batch_waits_while_requests_come_in_if_more_used_to_share_one():
    bench = Bench()
    target = bench.known(5)
    policy = BatchPolicy(64)

    def submit(count: int) -> None:
        for _ in range(count):
            bench.submit(target, batch=policy)

    submit(5)
    bench.loop.tick()
    assert target.shapes[-1] == [(5, 2)], "nothing is known yet"
    submit(2)
    bench.loop.tick()
    submit(1)
    bench.loop.tick()
    assert target.shapes[-1] == [(5, 2)]
    bench.loop.tick()
    assert target.shapes[-1] == [(3, 2)], "no more came"
    submit(3)
    bench.loop.tick()
    assert len(bench.ended) == 11, "all but one of four are enough"


def test_a_batch_does_not_wait_for_long():
    bench = Bench()
    target = bench.known(5)
    for _ in range(9):
        bench.submit(target, batch=BatchPolicy(64))
    bench.loop.tick()
    for _ in range(5):
        bench.submit(target, batch=BatchPolicy(64))
        bench.loop.tick()
        bench.clock.advance_us(40)
    assert len(bench.ended) == 9 + 4


def test_what_brings_a_whole_batch_waits_for_nobody_and_what_needs_company_does():
    bench = Bench()
    target = bench.known(5)
    assert run_now(bench, target) is not None
    inputs = job(target).inputs
    assert bench.scheduler.run_now("CPU", target, inputs, BatchPolicy(1)) is not None
    estimate = estimate_of(target, inputs)
    assert estimate is not None
    estimate.lone = LONE_TICKS
    assert bench.scheduler.run_now("CPU", target, inputs, BatchPolicy(4, 2)) is None
    assert bench.scheduler.run_now("CPU", target, inputs, BatchPolicy(4)) is not None


def test_jobs_of_other_batch_rules_than_the_first_follow_their_own():
    bench = Bench()
    target = bench.known(5)
    for size in (4, 4, 2, 4):
        bench.submit(target, batch=BatchPolicy(size))
    bench.submit(target, batch=BatchPolicy(4, 3))
    bench.loop.tick()
    assert target.shapes == [[(3, 2)], [(1, 2)]]
    assert len(bench.queue.jobs) == 1, "it needs company"
