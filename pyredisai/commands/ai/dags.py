"""AI.DAGEXECUTE and AI.DAGEXECUTE_RO: several AI commands in one request, handing tensors to each other.

TENSORSET is done while parsing and TENSORGET when the reply is made; models and scripts are the graph's steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pyredisai.ai.model import Model
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.dag_args import Plan, dag_keys, parse_sections
from pyredisai.commands.ai.dag_run import StepParser, add_step, run_steps
from pyredisai.commands.ai.model_args import ExecuteRequest, parse_model_execute
from pyredisai.commands.ai.running import count_model_run, model_job, refuse_unless_blocking, run_at_once
from pyredisai.commands.ai.scripts import parse_script_step
from pyredisai.commands.ai.tensors import parse_format, parse_tensor
from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts
from pyredisai.execution.job import Job, Outcome
from pyredisai.resp.replies import OK, Reply

family = Family("module", module="ai")

_LEAST_ARGUMENTS: Final = 6
_TIMEOUT_ALONE: Final = [b"TIMEOUT"]


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
    plan = Plan()
    steps = parse_sections(plan, ctx.db, args, read_only=read_only)
    if not plan.seen or plan.seen == _TIMEOUT_ALONE:
        raise ReplyError(ai_texts.DAG_NO_SECTION)
    return run_steps(ctx, plan, steps, parsers)


def parse_tensorset(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.TENSORSET name dtype …: the tensor is there at once."""
    tensor = parse_tensor(args, ctx.server.config)
    plan.new_slot(bytes(args[1]), tensor)
    plan.parts.append(OK)


def parse_tensorget(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.TENSORGET name [META] [BLOB | VALUES]."""
    wanted = parse_format(args)
    plan.parts.append((plan.slot_of(args[1]), wanted))


def parse_modelexecute(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.MODELEXECUTE key INPUTS n name … OUTPUTS n name …; TIMEOUT belongs to the whole DAG."""
    model_step(ctx, plan, parse_model_execute(ctx.db, args))


def model_step(ctx: Context, plan: Plan, request: ExecuteRequest) -> None:
    """A run of a model as a step."""
    if request.timeout_ms:
        raise ReplyError(ai_texts.DAG_STEP_TIMEOUT)
    model = request.model
    add_step(plan, model.device, request.inputs, request.outputs, ModelWork(ctx.server, model))


class ModelWork:
    """A model as a step's work: its run is counted, at once or as a job."""

    __slots__ = ("model", "services")

    def __init__(self, services: Services, model: Model) -> None:
        self.services = services
        self.model = model

    def at_once(self, inputs: Sequence[Tensor]) -> Outcome | None:
        """Run where that is known to be short."""
        return run_at_once(self.services, self.model, inputs)

    def job(self, inputs: Sequence[Tensor], done: Callable[[Job], None]) -> Job:
        """The run as a job."""
        model = self.model

        def counted(job: Job) -> None:
            count_model_run(model.stats, job.outcome, job.duration_us)
            done(job)

        return model_job(model, inputs, counted)


def refuse(text: str) -> StepParser:
    """A step that a DAG must not hold."""

    def parser(ctx: Context, plan: Plan, args: Args) -> None:
        raise ReplyError(text)

    return parser


STEPS: Final[dict[bytes, StepParser]] = {
    b"AI.TENSORSET": parse_tensorset,
    b"AI.TENSORGET": parse_tensorget,
    b"AI.MODELEXECUTE": parse_modelexecute,
    b"AI.SCRIPTEXECUTE": parse_script_step,
    b"AI.MODELRUN": refuse(ai_texts.deprecated_in_dag("AI.MODELRUN")),
    b"AI.SCRIPTRUN": refuse(ai_texts.deprecated_in_dag("AI.SCRIPTRUN")),
}
STEPS_RO: Final[dict[bytes, StepParser]] = STEPS | {b"AI.SCRIPTEXECUTE": refuse(ai_texts.DAG_RO_SCRIPT)}
