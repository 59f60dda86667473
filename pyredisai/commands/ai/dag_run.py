"""A parsed DAG on its way: its steps to the scheduler, their outcomes back, the reply at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from pyredisai import clock
from pyredisai.commands.ai.cursor import as_keyword
from pyredisai.commands.ai.dag_args import Plan, check_persist
from pyredisai.commands.ai.running import (
    TIMEDOUT,
    Outputs,
    deadline_ns,
    outcome_error,
    put_in_command,
    store_outputs,
)
from pyredisai.commands.ai.tensors import tensor_reply
from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Args
from pyredisai.errors import ReplyError, ai_texts
from pyredisai.execution.dag import Dag, Step, Work
from pyredisai.execution.job import Job, Outcome
from pyredisai.resp.replies import OK, Blocked, Error, Reply, Status

NOT_RUN: Final = Status("NA")
# A parser checks a step's own arguments and adds the step to the plan.
StepParser: TypeAlias = "Callable[[Context, Plan, Args], None]"
Persist: TypeAlias = "Callable[[Context, Sequence[bytes], Outputs], str | None]"


def run_steps(ctx: Context, plan: Plan, steps: list[Args], parsers: dict[bytes, StepParser]) -> Reply:
    """Parse the steps into the plan and run it; shared with the deprecated commands."""
    for step in steps:
        parser = (parsers.get(step[0]) or parsers.get(as_keyword(step[0]))) if step else None
        if parser is None:
            raise ReplyError(ai_texts.DAG_UNSUPPORTED)
        parser(ctx, plan, step)
    if plan.unbound:  # what is wrong with a step's own arguments goes first
        raise ReplyError(ai_texts.DAG_NO_INPUT)
    if plan.persist:
        check_persist(plan)
    deadline = deadline_ns(plan.timeout_ms) if plan.timeout_ms else 0
    stage = ctx.server.scheduler.stage
    if stage.is_open and plan.steps and plan.one_device:
        staged = StagedDag(ctx, plan, deadline)
        stage.add(staged)
        return staged.blocked
    ended = _run_line(plan, deadline) if plan.one_device else 0
    if plan.failed or ended == len(plan.steps):
        return _reply(ctx, plan, _put_in_command)
    return DagRun(ctx, plan, plan.steps[ended:], deadline, Blocked()).start()


def _run_line(plan: Plan, deadline: int) -> int:
    """Run a device's steps one after the other, as long as each may be run at once; how many of them went well."""
    slots = plan.slots
    ended = 0
    for step in plan.steps:
        inputs: list[Any] = [slots[i] for i in step.inputs]
        outcome = None if None in inputs else _at_once(step, inputs, deadline)
        if outcome is None:
            break
        step.outcome = outcome
        if not isinstance(outcome, list):
            plan.failed = True
            break
        for slot, tensor in zip(step.outputs, outcome, strict=False):
            slots[slot] = tensor
        ended += 1
    return ended


def _at_once(step: Step, inputs: list[Any], deadline: int) -> Outcome | None:
    assert step.work is not None
    if deadline and clock.monotonic_ns() >= deadline:
        return None
    return step.work.at_once(inputs)


def _reply(ctx: Context, plan: Plan, persist: Persist) -> Reply:
    """Each step's reply; PERSIST is done when all went well, and its error is one element more."""
    slots = plan.slots
    replies: list[Reply] = []
    for part in plan.parts:
        if isinstance(part, tuple):
            slot, wanted = part
            tensor = slots[slot]
            replies.append(NOT_RUN if tensor is None else tensor_reply(tensor, wanted))
        elif isinstance(part, Step):
            replies.append(OK if isinstance(part.outcome, list) else _not_done(ctx.server, part))
        else:
            replies.append(part)
    if plan.persist and not plan.failed:
        error = persist(ctx, plan.persist, [slots[plan.names[key]] for key in plan.persist])
        if error is not None:
            replies.append(Error(error))
    return replies


def _not_done(services: Services, step: Step) -> Reply:
    outcome = step.outcome
    return Error(outcome_error(services, outcome)) if isinstance(outcome, Exception) else NOT_RUN


def _put_in_command(ctx: Context, keys: Sequence[bytes], tensors: Outputs) -> str | None:
    try:
        put_in_command(ctx, keys, tensors)
    except ReplyError as error:
        return error.text
    return None


def _store(ctx: Context, keys: Sequence[bytes], tensors: Outputs) -> str | None:
    """PERSIST after the command; an error text where it failed."""
    return store_outputs(ctx, ctx.client.db, keys, tensors)


class StagedDag:
    """A DAG that runs after those before it in its stage have been parsed."""

    __slots__ = ("blocked", "ctx", "deadline", "ended", "plan")

    def __init__(self, ctx: Context, plan: Plan, deadline: int) -> None:
        self.ctx = ctx
        self.plan = plan
        self.deadline = deadline
        self.ended = 0
        self.blocked = Blocked()

    def run(self) -> None:
        """Run the steps that are known to be short."""
        start = clock.monotonic_ns()
        self.ended = _run_line(self.plan, self.deadline)
        self.blocked.background_ns = clock.monotonic_ns() - start

    def finish(self) -> None:
        """Answer, or begin what may take long."""
        self.ctx.slow = True  # its command was, as a whole
        plan = self.plan
        if plan.failed or self.ended == len(plan.steps):
            self.blocked.resolve(_reply(self.ctx, plan, _store))
        else:
            DagRun(self.ctx, plan, plan.steps[self.ended :], self.deadline, self.blocked).begin()


class DagRun:
    """What is left of a DAG when a step may take long. `done` is called on the loop for every step that was a job."""

    __slots__ = ("blocked", "ctx", "dag", "deadline", "plan")

    def __init__(self, ctx: Context, plan: Plan, steps: list[Step], deadline: int, blocked: Blocked) -> None:
        self.ctx = ctx
        self.plan = plan
        self.dag = Dag(steps, plan.slots)
        self.deadline = deadline
        self.blocked = blocked

    def start(self) -> Reply:
        """Begin; the reply at once where all steps could be run at once."""
        self.run(self.dag.start())
        return self.reply(_put_in_command) if self.dag.ended else self.blocked

    def begin(self) -> None:
        """Begin after the command."""
        self.run(self.dag.start())
        if self.dag.ended:
            self.blocked.resolve(self.reply(_store))

    def run(self, steps: list[Step]) -> None:
        """Run steps whose inputs are there, and what may start after them; those that may take long become jobs."""
        waiting = deque(steps)
        while waiting:
            step = waiting.popleft()
            inputs: list[Any] = [self.dag.slots[i] for i in step.inputs]
            outcome = _at_once(step, inputs, self.deadline)
            if outcome is not None:
                waiting += self.dag.finish(step, outcome)
                continue
            assert step.work is not None
            job = step.work.job(inputs, partial(self.done, step))
            job.deadline_ns = self.deadline
            self.ctx.server.scheduler.submit(step.device, job)

    def done(self, step: Step, job: Job) -> None:
        """A step's end: what may start now, or the reply."""
        assert job.outcome is not None
        start = clock.monotonic_ns()
        self.run(self.dag.finish(step, job.outcome))
        self.blocked.background_ns += job.duration_us * 1000 + clock.monotonic_ns() - start
        if self.dag.ended:
            self.blocked.resolve(self.reply(_store))

    def reply(self, persist: Persist) -> Reply:
        """The reply of a graph that has ended."""
        stuck = self.dag.stuck
        if stuck is not None:
            stuck.outcome = ReplyError(ai_texts.DAG_NOT_A_TENSOR)
        if self.dag.timed_out:
            return TIMEDOUT
        self.plan.failed = self.dag.failed or stuck is not None
        return _reply(self.ctx, self.plan, persist)


def add_step(plan: Plan, device: str, inputs: Sequence[bytes], outputs: Sequence[bytes], work: Work) -> None:
    """Add a run to the plan; its reply is OK, its error, or NA where it did not run."""
    device = device.upper()
    steps = plan.steps
    read = tuple([plan.slot_of(name) for name in inputs])
    step = Step(device, read, tuple([plan.new_slot(name) for name in outputs]), work)
    if steps and steps[0].device != device:
        plan.one_device = False
    steps.append(step)
    plan.parts.append(step)
