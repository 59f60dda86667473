"""Runs of models: from tensors to a job, from its outcome to statistics, stored outputs and a reply.

Shared by AI.MODELEXECUTE, the deprecated commands and the DAGs. Outputs are stored and journalled when the
run ends, as AI.TENSORSET: effects are replicated, not computations. They are stored even when the client that
asked is gone. A run that is known to be short ends within its command; all others are jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from pyredisai import clock
from pyredisai.ai.model import Model
from pyredisai.ai.stats import RunStats
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.tensors import find_tensor
from pyredisai.commands.client import Client
from pyredisai.commands.context import Context, Services
from pyredisai.errors import PyRedisAIError, ReplyError, ai_texts, replication_texts, texts
from pyredisai.execution.job import TIMED_OUT, BatchPolicy, Job, Outcome
from pyredisai.journal import Effect
from pyredisai.keyspace.database import Database
from pyredisai.persistence.aof.commands import tensor_command
from pyredisai.resp.replies import OK, Blocked, Error, Reply, Status

_LONGEST_TIMEOUT_MS: Final = 1 << 40
TIMEDOUT: Final = Status("TIMEDOUT")
Outputs: TypeAlias = "Sequence[Tensor | None]"


def refuse_unless_blocking(client: Client) -> None:
    """Raise ReplyError where RedisAI refuses its commands that run models and scripts."""
    if not client.may_block:
        raise ReplyError(ai_texts.BLOCKING_REFUSED)


def tensors_of(database: Database, keys: Sequence[bytes]) -> list[Tensor]:
    """The tensors under some keys. Raises ReplyError for the first that holds none."""
    tensors = []
    for key in keys:
        tensor = database.get(key)
        if type(tensor) is not Tensor:  # asked here too, because a call for each input is felt in a short run
            tensor = find_tensor(database, key)
        tensors.append(tensor)
    return tensors


_policy: Final = lru_cache(maxsize=256)(BatchPolicy)  # equal ones are one


def batch_policy(model: Model) -> BatchPolicy | None:
    """How runs of a model share batches; None where they do not."""
    options = model.options
    if not options.batch_size:
        return None
    return _policy(options.batch_size, options.min_batch_size, options.min_batch_timeout)


def model_job(model: Model, inputs: Sequence[Tensor], done: Callable[[Job], None]) -> Job:
    """A run of a model, as a part of something else."""
    return Job(model.session, inputs, done, batch_policy(model))


def deadline_ns(timeout_ms: int) -> int:
    """When a TIMEOUT that starts now ends, on the clock of jobs."""
    return clock.monotonic_ns() + min(timeout_ms, _LONGEST_TIMEOUT_MS) * 1_000_000


def samples_of(outputs: Outputs) -> int:
    """What a good run adds to AI.INFO's samples: the first output's first dimension, 1 for a scalar."""
    first = outputs[0] if outputs else None
    if first is None:
        return 0
    shape = first.shape
    return shape[0] if shape else 1


def count_model_run(stats: RunStats, outcome: Outcome | None, duration_us: int) -> None:
    """Count a run that ended; one that timed out was none."""
    if type(outcome) is list:
        stats.add(duration_us, samples_of(outcome))
    elif isinstance(outcome, Exception):
        stats.add_error()


def outcome_error(services: Services, error: BaseException) -> str:
    """The reply to a run that failed."""
    if isinstance(error, PyRedisAIError):
        return str(error)
    services.log("warning", f"a run raised {type(error).__name__}: {error}")
    return ai_texts.internal_error(error)


def late_refusal(services: Services, client: Client, keys: Sequence[bytes]) -> str | None:
    """The error text where a run or a store of a client ended too late.

    The server has become a replica since it began, or in a cluster the keys are another node's.
    """
    redirection = services.guard.redirection
    if redirection is not None and keys and not client.obeyed and (moved := redirection.late_refusal(client, keys[0])):
        return moved
    if services.primary.is_replica and services.config["replica-read-only"] and not client.obeyed:
        return replication_texts.READONLY
    return None


def put_outputs(db: Database, keys: Sequence[bytes], outputs: Outputs, journaled: bool) -> list[Effect]:
    """Store tensors under keys: all of them, or none. Returns what is to be journalled, if anybody reads that.

    An output that is no tensor (None) leaves its key alone. Raises ReplyError.
    """
    for key in keys:
        old = db.get(key)
        if old is not None and type(old) is not Tensor:
            raise ReplyError(texts.WRONGTYPE)
    effects: list[Effect] = []
    for key, tensor in zip(keys, outputs):  # noqa: B905 - lengths may differ; a keyword is felt
        if tensor is not None:
            tensor.settle()
            db.set(key, tensor)
            if journaled:
                effects.append(tensor_command(key, tensor))
    return effects


def put_in_command(ctx: Context, keys: Sequence[bytes], outputs: Outputs) -> None:
    """Store the outputs of a run that ended within its command, whose effects they are. Raises ReplyError."""
    ctx.effects = []
    effects = put_outputs(ctx.db, keys, outputs, ctx.journaled)
    if effects:
        ctx.effects = effects


def store_outputs(ctx: Context, database: int, keys: Sequence[bytes], outputs: Outputs) -> str | None:
    """Store the outputs of a run that ended after its command, and journal that; an error text where it failed."""
    services = ctx.server
    if (refused := late_refusal(services, ctx.client, keys)) is not None:
        return refused
    try:
        effects = put_outputs(services.databases[database], keys, outputs, ctx.journaled)
    except ReplyError as error:
        return error.text
    if effects:
        services.journal.append(database, effects)
        if services.append_log.unwritten:
            return services.append_log.refusal
    return None


class SingleRun:
    """One AI.SCRIPTEXECUTE (or a command like it) between its job and its reply."""

    __slots__ = ("blocked", "count", "ctx", "database", "keys", "stats")

    def __init__(
        self,
        ctx: Context,
        keys: Sequence[bytes],
        stats: RunStats,
        count: Callable[[RunStats, Outcome | None, int], None],
    ) -> None:
        self.ctx = ctx
        self.database = ctx.client.db
        self.keys = keys
        self.stats = stats
        self.count = count
        self.blocked = Blocked()

    def done(self, job: Job) -> None:
        """The job's end, on the loop: count, store, answer."""
        assert job.outcome is not None
        self.count(self.stats, job.outcome, job.duration_us)
        self.blocked.background_ns = job.duration_us * 1000
        self.blocked.resolve(store_and_reply(self.ctx, self.database, self.keys, job.outcome))


class ModelRun(Job):
    """One AI.MODELEXECUTE (or a command like it): the job, and what its end has to do."""

    __slots__ = ("blocked", "ctx", "database", "keys", "stats")

    def __init__(
        self, ctx: Context, model: Model, inputs: Sequence[Tensor], keys: Sequence[bytes], timeout_ms: int
    ) -> None:
        deadline = deadline_ns(timeout_ms) if timeout_ms else 0
        Job.__init__(self, model.session, inputs, _model_done, batch_policy(model), deadline)
        self.ctx = ctx
        self.database = ctx.client.db
        self.keys = keys
        self.stats = model.stats
        self.blocked = Blocked()


def _model_done(run: Job) -> None:
    """The job's end, on the loop: count, store, answer."""
    assert isinstance(run, ModelRun)
    outcome, duration_us, blocked = run.outcome, run.duration_us, run.blocked
    assert outcome is not None
    count_model_run(run.stats, outcome, duration_us)
    blocked.background_ns = duration_us * 1000
    blocked.resolve(store_and_reply(run.ctx, run.database, run.keys, outcome))


def store_and_reply(ctx: Context, database: int, keys: Sequence[bytes], outcome: Outcome) -> Reply:
    """Store the outputs of a good run that ended after its command; what the client gets."""
    if type(outcome) is list:
        error = store_outputs(ctx, database, keys, outcome)
        return OK if error is None else Error(error)
    if outcome is TIMED_OUT:
        return TIMEDOUT
    assert isinstance(outcome, BaseException)
    return Error(outcome_error(ctx.server, outcome))


def run_at_once(services: Services, model: Model, inputs: Sequence[Tensor]) -> Outcome | None:
    """Run and count a model here and now; None where it is to be a job: others may join its batch, or it is slow."""
    scheduler = services.scheduler
    outcome = scheduler.run_now(model.device, model.session, inputs, batch_policy(model))
    if outcome is not None:
        count_model_run(model.stats, outcome, scheduler.last_run_us)
    return outcome


def run_model(
    ctx: Context, model: Model, inputs: Sequence[Tensor], outputs: Sequence[bytes], timeout_ms: int = 0
) -> Reply:
    """Run a model, its outputs to keys of the selected database; the reply comes when it ends. Raises ReplyError."""
    services = ctx.server
    outcome = run_at_once(services, model, inputs)
    if outcome is not None:
        if type(outcome) is list:
            put_in_command(ctx, outputs, outcome)
            return OK
        assert isinstance(outcome, BaseException)
        raise ReplyError(outcome_error(services, outcome))
    run = ModelRun(ctx, model, inputs, outputs, timeout_ms)
    services.scheduler.submit(model.device, run)
    return run.blocked
