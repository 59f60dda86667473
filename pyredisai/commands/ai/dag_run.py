"""A parsed DAG on its way: its steps to the scheduler, their outcomes back, the reply at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from pyredisai import clock
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.cursor import as_keyword
from pyredisai.commands.ai.dag_args import MakeJob, Plan, RunAtOnce, check_persist
from pyredisai.commands.ai.running import (
    TIMEDOUT,
    Outputs,
    deadline_ns,
    outcome_error,
    put_in_command,
    store_outputs,
)
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts
from pyredisai.execution.dag import Dag, Slots, Step
from pyredisai.execution.job import Job, Outcome
from pyredisai.resp.replies import OK, Blocked, Error, Reply, Status

NOT_RUN: Final = Status("NA")
# A parser checks a step's own arguments; what it returns then binds the step's names, in the graph's order.
Bind: TypeAlias = "Callable[[Plan], None]"
StepParser: TypeAlias = "Callable[[Context, Args], Bind]"


def run_steps(ctx: Context, plan: Plan, steps: list[Args], parsers: dict[bytes, StepParser]) -> Reply:
    """Parse the steps into the plan and run it; shared with the deprecated commands."""
    binds = []
    for step in steps:
        parser = (parsers.get(step[0]) or parsers.get(as_keyword(step[0]))) if step else None
        if parser is None:
            raise ReplyError(ai_texts.DAG_UNSUPPORTED)
        binds.append(parser(ctx, step))
    for bind in binds:
        bind(plan)
    check_persist(plan)
    return DagRun(ctx, plan).start(ctx)


class DagRun:
    """One DAG between its request and its reply. `done` is called on the loop for every step that was a job."""

    __slots__ = ("blocked", "ctx", "dag", "database", "deadline_ns", "plan", "services")

    def __init__(self, ctx: Context, plan: Plan) -> None:
        self.ctx, self.services = ctx, ctx.server
        self.database = ctx.client.db
        self.plan = plan
        self.dag = Dag(plan.steps, plan.slots)
        self.deadline_ns = deadline_ns(plan.timeout_ms) if plan.timeout_ms else 0
        self.blocked = Blocked()

    def start(self, ctx: Context) -> Reply:
        """Begin; the reply at once where all steps could be run at once."""
        if self.plan.steps:
            self.run(self.dag.start())
            if not self.dag.ended:
                return self.blocked
        return self.reply(partial(_put_in_command, ctx))

    def run(self, steps: list[Step]) -> None:
        """Run steps whose inputs are there, and what may start after them; those that may take long become jobs."""
        waiting = deque(steps)
        while waiting:
            step = waiting.popleft()
            inputs: list[Any] = [self.dag.slots[i] for i in step.inputs]
            outcome = self._at_once(step, inputs)
            if outcome is not None:
                waiting += self.dag.finish(step, outcome)
                continue
            job = self.plan.jobs[step](inputs, partial(self.done, step))
            job.deadline_ns = self.deadline_ns
            self.services.scheduler.submit(step.device, job)

    def _at_once(self, step: Step, inputs: list[Tensor]) -> Outcome | None:
        run = self.plan.at_once.get(step)
        if run is None or (self.deadline_ns and clock.monotonic_ns() >= self.deadline_ns):
            return None
        return run(inputs)

    def done(self, step: Step, job: Job) -> None:
        """A step's end: what may start now, or the reply."""
        assert job.outcome is not None
        start = clock.monotonic_ns()
        self.run(self.dag.finish(step, job.outcome))
        self.blocked.background_ns += job.duration_us * 1000 + clock.monotonic_ns() - start
        if self.dag.ended:
            self.blocked.resolve(self.reply(partial(store_outputs, self.ctx, self.database)))

    def reply(self, persist: Callable[[Sequence[bytes], Outputs], str | None]) -> Reply:
        """Each step's reply; PERSIST is done when all went well, and its error is one element more."""
        stuck = self.dag.stuck
        if stuck is not None:
            stuck.outcome = ReplyError(ai_texts.DAG_NOT_A_TENSOR)
            self.dag.failed = True
        if self.dag.timed_out:
            return TIMEDOUT
        replies = [reply(self.plan.slots) for reply in self.plan.replies]
        if not self.dag.failed and self.plan.persist:
            keys = self.plan.persist
            error = persist(keys, [self.plan.slots[self.plan.names[key]] for key in keys])
            if error is not None:
                replies.append(Error(error))
        return replies


def _put_in_command(ctx: Context, keys: Sequence[bytes], tensors: Outputs) -> str | None:
    try:
        put_in_command(ctx, keys, tensors)
    except ReplyError as error:
        return error.text
    return None


def add_step(
    ctx: Context,
    plan: Plan,
    device: str,
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    make_job: MakeJob,
    at_once: RunAtOnce | None = None,
) -> None:
    """Add a run to the plan; its reply is OK, its error, or NA where it did not run."""
    read = tuple(plan.slot_of(name) for name in inputs)
    step = Step(device.upper(), read, tuple(plan.new_slot(name) for name in outputs))
    plan.steps.append(step)
    plan.jobs[step] = make_job
    if at_once is not None:
        plan.at_once[step] = at_once
    services = ctx.server

    def reply(slots: Slots) -> Reply:
        outcome = step.outcome
        if isinstance(outcome, list):
            return OK
        return Error(outcome_error(services, outcome)) if isinstance(outcome, Exception) else NOT_RUN

    plan.replies.append(reply)
