"""AI.SCRIPTSTORE, AI.SCRIPTGET, AI.SCRIPTDEL, AI.SCRIPTEXECUTE and AI._SCRIPTSCAN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pyredisai.ai.script import Script
from pyredisai.ai.stats import RunStats
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.cursor import is_keyword
from pyredisai.commands.ai.dag_args import Plan
from pyredisai.commands.ai.dag_run import add_step
from pyredisai.commands.ai.models import scan
from pyredisai.commands.ai.running import SingleRun, deadline_ns, refuse_unless_blocking
from pyredisai.commands.ai.script_args import (
    ScriptExecute,
    ScriptStore,
    find_script,
    parse_script_execute,
    parse_script_store,
    script_execute_every_key,
    script_execute_keys,
)
from pyredisai.commands.ai.script_bridge import ScriptBridge
from pyredisai.commands.ai.storing import check_overwritable, put_ready, store_when_ready
from pyredisai.commands.ai.tensors import find_tensor
from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, ai_texts, texts
from pyredisai.execution.job import Job, Outcome
from pyredisai.resp.replies import OK, Blocked, Reply

family = Family("module", module="ai")


@family.command("ai.scriptstore", arity=-1, flags="write denyoom", keys=(1, 1, 1), big=True)
def scriptstore(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTSTORE key device [TAG tag] ENTRY_POINTS n name … SOURCE source."""
    if len(args) < 8:
        raise ReplyError(texts.wrong_arity("ai.scriptstore"))
    return store_script(ctx, parse_script_store(args), args)


def store_script(ctx: Context, request: ScriptStore, args: Args) -> Reply:
    """Compile the script and store it. A script that does not compile leaves the key as it was."""
    services = ctx.server
    check_overwritable(ctx.db, request.key, Script)
    return store_when_ready(
        ctx,
        args,
        lambda: compile_script(services, request),
        lambda db, script: put_ready(services, db, request.key, script),
    )


def compile_script(services: Services, request: ScriptStore) -> Script:
    """The script of a request. Imports PyTorch at first. Raises BackendError."""
    script = Script(request.device, request.source, request.tag, request.entry_points)
    script.program = program_of(services, script)
    return script


def program_of(services: Services, script: Script) -> Any:
    """What a script is compiled to: at once if it was, else compiled now (a script out of a file)."""
    if script.program is None:
        backend: Any = services.loader.get("TORCH")
        names = [name.decode("utf-8", "surrogateescape") for name in script.entry_points]
        script.program = backend.compile_script(script.source, script.device, names)
    return script.program


@family.command("ai.scriptget", arity=-1, flags="readonly", keys=(1, 1, 1))
def scriptget(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTGET key [META] [SOURCE]; neither means both, other words mean nothing."""
    if not 2 <= len(args) <= 4:
        raise ReplyError(texts.wrong_arity("ai.scriptget"))
    script = find_script(ctx.db, args[1])
    meta = any(is_keyword(word, b"META") for word in args[2:])
    source = any(is_keyword(word, b"SOURCE") for word in args[2:])
    if source and not meta:
        return script.source
    reply: list[Reply] = [
        *(b"device", script.device),
        *(b"tag", script.tag),
        *(b"Entry Points", script.entry_points),
    ]
    if source or not meta:
        reply += b"source", script.source
    return reply


@family.command("ai.scriptdel", arity=-1, flags="write", keys=(1, 1, 1))
def scriptdel(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTDEL key; runs that are queued go on."""
    if len(args) != 2:
        raise ReplyError(texts.wrong_arity("ai.scriptdel"))
    find_script(ctx.db, args[1])
    ctx.db.delete(args[1])
    return OK


@family.command("ai._scriptscan", arity=-1, flags="readonly")
def scriptscan(ctx: Context, args: Args) -> Reply:
    """AI._SCRIPTSCAN: key and tag of every script, whatever database it is in."""
    if len(args) != 1:
        raise ReplyError(texts.wrong_arity("ai._scriptscan"))
    return [[key, script.tag] for key, script in scan(ctx, Script)]


@family.command(
    "ai.scriptexecute",
    arity=-1,
    flags="write denyoom",
    keys=(5, 5, 1),
    get_keys=script_execute_keys,
    guarded_keys=script_execute_every_key,
)
def scriptexecute(ctx: Context, args: Args) -> Reply:
    """AI.SCRIPTEXECUTE key function KEYS|INPUTS n … [ARGS n …] [OUTPUTS n …] [TIMEOUT ms]."""
    refuse_unless_blocking(ctx.client)
    request = parse_script_execute(ctx.db, args)
    return run_script(ctx, request)


def run_script(ctx: Context, request: ScriptExecute) -> Blocked:
    """Queue a run whose outputs go to keys of the selected database; the reply comes when it ends."""
    inputs = [find_tensor(ctx.db, key) for key in request.inputs]
    run = SingleRun(ctx, request.outputs, request.script.stats, count_script_run)
    job = script_job(ctx.server, ctx.client.db, request, inputs, run.done)
    if request.timeout_ms:
        job.deadline_ns = deadline_ns(request.timeout_ms)
    ctx.server.scheduler.submit(request.script.device, job)
    return run.blocked


class ScriptCall:
    """What a job of a script runs. It has no `estimates`: it may wait for the loop, so workers run it."""

    __slots__ = ("bridge", "request", "services")

    def __init__(self, services: Services, database: int, request: ScriptExecute) -> None:
        self.services = services
        self.request = request
        self.bridge = ScriptBridge(services, database)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Call the function. Raises BackendError."""
        request = self.request
        program = program_of(self.services, request.script)
        outputs: list[Tensor | None] = program.run(
            request.function, inputs, request.keys, request.args, len(request.outputs), self.bridge
        )
        return outputs


def script_job(
    services: Services,
    database: int,
    request: ScriptExecute,
    inputs: Sequence[Tensor],
    done: Callable[[Job], None],
) -> Job:
    """A run of a script's function."""
    return Job(ScriptCall(services, database, request), inputs, done)


def count_script_run(stats: RunStats, outcome: Outcome | None, duration_us: int) -> None:
    """Count a run that ended; a script's good run is one sample."""
    if isinstance(outcome, list):
        stats.add(duration_us, 1)
    elif isinstance(outcome, Exception):
        stats.add_error()


def parse_script_step(ctx: Context, plan: Plan, args: Args) -> None:
    """AI.SCRIPTEXECUTE as a step of a DAG; TIMEOUT belongs to the whole DAG."""
    script_step(ctx, plan, parse_script_execute(ctx.db, args, in_dag=True))


def script_step(ctx: Context, plan: Plan, request: ScriptExecute) -> None:
    """A run of a script as a step."""
    if request.timeout_ms:
        raise ReplyError(ai_texts.DAG_STEP_TIMEOUT)
    work = ScriptWork(ctx.server, ctx.client.db, request)
    add_step(plan, request.script.device, request.inputs, request.outputs, work)


class ScriptWork:
    """A script as a step's work: always a job."""

    __slots__ = ("database", "request", "services")

    def __init__(self, services: Services, database: int, request: ScriptExecute) -> None:
        self.services = services
        self.database = database
        self.request = request

    def at_once(self, inputs: Sequence[Tensor]) -> Outcome | None:
        """Never: it may wait for the loop."""
        return None

    def job(self, inputs: Sequence[Tensor], done: Callable[[Job], None]) -> Job:
        """The run as a job."""
        request = self.request

        def counted(job: Job) -> None:
            count_script_run(request.script.stats, job.outcome, job.duration_us)
            done(job)

        return script_job(self.services, self.database, request, inputs, counted)
