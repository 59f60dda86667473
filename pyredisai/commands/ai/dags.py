"""AI.DAGEXECUTE and AI.DAGEXECUTE_RO: several AI commands in one request, handing tensors to each other.

TENSORSET is done while parsing and TENSORGET when the reply is made; models and scripts are the graph's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.dag_args import Plan, check_persist, dag_keys, parse_sections
from pyredisai.commands.ai.model_args import parse_model_execute
from pyredisai.commands.ai.running import (
    TIMEDOUT,
    count_model_run,
    deadline_ns,
    model_job,
    outcome_error,
    refuse_unless_blocking,
    store_outputs,
)
from pyredisai.commands.ai.tensors import parse_format, parse_tensor, tensor_reply
from pyredisai.commands.context import Context
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts
from pyredisai.execution.dag import Dag, Slots, Step
from pyredisai.execution.job import Job
from pyredisai.resp.replies import OK, Blocked, Error, Reply, Status

family = Family("module", module="ai")

NOT_RUN: Final = Status("NA")
_LEAST_ARGUMENTS: Final = 6
StepParser: TypeAlias = "Callable[[Context, Plan, Args], None]"


@family.command("ai.dagexecute", arity=-1, flags="write denyoom", keys=(3, 3, 1), get_keys=dag_keys, big=True)
def dagexecute(ctx: Context, args: Args) -> Reply:
    """AI.DAGEXECUTE [LOAD n key …] [PERSIST n key …] [ROUTING tag] [TIMEOUT ms] |> step …"""
    return execute(ctx, args, "AI.DAGEXECUTE", STEPS, read_only=False)


@family.command("ai.dagexecute_ro", arity=-1, flags="readonly", keys=(3, 3, 1), get_keys=dag_keys, big=True)
def dagexecute_ro(ctx: Context, args: Args) -> Reply:
    """AI.DAGEXECUTE_RO: the same without PERSIST and scripts."""
    return execute(ctx, args, "AI.DAGEXECUTE_RO", STEPS_RO, read_only=True)


def execute(ctx: Context, args: Args, name: str, parsers: dict[bytes, StepParser], *, read_only: bool) -> Reply:
    """Parse, then run; the reply is an array with one element a step."""
    refuse_unless_blocking(ctx.client)
    if len(args) < _LEAST_ARGUMENTS:
        raise ReplyError(ai_texts.dag_arity(name))
    sections = parse_sections(ctx.db, args, read_only=read_only)
    if not sections.seen & {b"LOAD", b"PERSIST", b"ROUTING"}:
        raise ReplyError(ai_texts.DAG_NO_SECTION)
    return run_steps(ctx, sections.plan, sections.steps, parsers)


def run_steps(ctx: Context, plan: Plan, steps: list[Args], parsers: dict[bytes, StepParser]) -> Reply:
    """Parse the steps into the plan and run it; shared with the deprecated commands."""
    for step in steps:
        parser = parsers.get(step[0]) or parsers.get(bytes(step[0]).upper())
        if parser is None:
            raise ReplyError(ai_texts.DAG_UNSUPPORTED)
        parser(ctx, plan, step)
    check_persist(plan)
    return DagRun(ctx, plan).start()


class DagRun:
    """One DAG between its request and its reply. `done` is called on the loop for every step."""

    __slots__ = ("blocked", "dag", "database", "deadline_ns", "plan", "services")

    def __init__(self, ctx: Context, plan: Plan) -> None:
        self.services = ctx.server
        self.database = ctx.client.db
        self.plan = plan
        self.dag = Dag(plan.steps, plan.slots)
        self.deadline_ns = deadline_ns(plan.timeout_ms) if plan.timeout_ms else 0
        self.blocked = Blocked()

    def start(self) -> Reply:
        """Queue the first steps; the reply at once where there are none."""
        if not self.plan.steps:
            return self.reply()
        self.submit(self.dag.start())
        return self.blocked

    def submit(self, steps: list[Step]) -> None:
        """Queue steps whose inputs are there."""
        for step in steps:
            inputs = [self.dag.slots[i] for i in step.inputs]
            job = self.plan.jobs[step](inputs, partial(self.done, step))  # type: ignore[arg-type]
            job.deadline_ns = self.deadline_ns
            self.services.scheduler.submit(step.device, job)

    def done(self, step: Step, job: Job) -> None:
        """A step's end: what may start now, or the reply."""
        assert job.outcome is not None
        self.submit(self.dag.finish(step, job.outcome))
        if self.dag.ended:
            stuck = self.dag.stuck
            if stuck is not None:
                stuck.outcome = ReplyError(ai_texts.DAG_NOT_A_TENSOR)
                self.dag.failed = True
            self.blocked.resolve(self.reply())

    def reply(self) -> Reply:
        """Each step's reply; PERSIST is done when all went well, and its error is one element more."""
        if self.dag.timed_out:
            return TIMEDOUT
        replies = [reply(self.plan.slots) for reply in self.plan.replies]
        if not self.dag.failed and self.plan.persist:
            keys = self.plan.persist
            tensors = [self.plan.slots[self.plan.names[key]] for key in keys]
            error = store_outputs(self.services, self.database, keys, tensors)
            if error is not None:
                replies.append(Error(error))
        return replies


def parse_tensorset(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.TENSORSET name dtype …: the tensor is there at once."""
    tensor = parse_tensor(args)
    plan.new_slot(bytes(args[1]), tensor)
    plan.replies.append(lambda slots: OK)


def parse_tensorget(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.TENSORGET name [META] [BLOB | VALUES]."""
    wanted = parse_format(args)
    slot = plan.slot_of(args[1])

    def reply(slots: Slots) -> Reply:
        tensor = slots[slot]
        return NOT_RUN if tensor is None else tensor_reply(tensor, wanted)

    plan.replies.append(reply)


def parse_modelexecute(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.MODELEXECUTE key INPUTS n name … OUTPUTS n name …; TIMEOUT belongs to the whole DAG."""
    request = parse_model_execute(ctx.db, args)
    if request.timeout_ms:
        raise ReplyError(ai_texts.DAG_STEP_TIMEOUT)
    model = request.model

    def make_job(inputs: Sequence[Tensor], done: Callable[[Job], None]) -> Job:
        def counted(job: Job) -> None:
            count_model_run(model.stats, job)
            done(job)

        return model_job(model, inputs, counted)

    add_step(ctx, plan, model.device, request.inputs, request.outputs, make_job)


def add_step(
    ctx: Context,
    plan: Plan,
    device: str,
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    make_job: Callable[[Sequence[Tensor], Callable[[Job], None]], Job],
) -> None:
    """Add a run to the plan; its reply is OK, its error, or NA where it did not run."""
    read = tuple(plan.slot_of(name) for name in inputs)
    step = Step(device.upper(), read, tuple(plan.new_slot(name) for name in outputs))
    plan.steps.append(step)
    plan.jobs[step] = make_job
    services = ctx.server

    def reply(slots: Slots) -> Reply:
        outcome = step.outcome
        if isinstance(outcome, list):
            return OK
        return Error(outcome_error(services, outcome)) if isinstance(outcome, Exception) else NOT_RUN

    plan.replies.append(reply)


def refuse(text: str) -> StepParser:
    """A step that a DAG must not hold."""

    def parser(ctx: Context, plan: Plan, args: Args) -> None:
        raise ReplyError(text)

    return parser


STEPS: Final[dict[bytes, StepParser]] = {
    b"AI.TENSORSET": parse_tensorset,
    b"AI.TENSORGET": parse_tensorget,
    b"AI.MODELEXECUTE": parse_modelexecute,
    b"AI.MODELRUN": refuse(ai_texts.dag_deprecated("AI.MODELRUN")),
    b"AI.SCRIPTRUN": refuse(ai_texts.dag_deprecated("AI.SCRIPTRUN")),
}
STEPS_RO: Final[dict[bytes, StepParser]] = STEPS | {b"AI.SCRIPTEXECUTE": refuse(ai_texts.DAG_RO_SCRIPT)}
