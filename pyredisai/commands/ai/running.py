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


_batch_policy: Final = lru_cache(maxsize=256)(BatchPolicy)


def model_job(model: Model, inputs: Sequence[Tensor], done: Callable[[Job], None], timeout_ms: int = 0) -> Job:
    """A run of a model; `timeout_ms` 0 is none."""
    job = Job(model.session, inputs, done)
    options = model.options
    if options.batch_size:
        job.batch = _batch_policy(options.batch_size, options.min_batch_size, options.min_batch_timeout)
    if timeout_ms:
        job.deadline_ns = deadline_ns(timeout_ms)
    return job


def deadline_ns(timeout_ms: int) -> int:
    """When a TIMEOUT that starts now ends, on the clock of jobs."""
    return clock.monotonic_ns() + min(timeout_ms, _LONGEST_TIMEOUT_MS) * 1_000_000


def samples_of(outputs: Outputs) -> int:
    """What a good run adds to AI.INFO's samples: the first output's first dimension, 1 for a scalar."""
    first = outputs[0] if outputs else None
    if first is None:
        return 0
    return first.shape[0] if first.shape else 1


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


def role_refuses(services: Services, client: Client) -> str | None:
    """The error text where the server has become a replica since the run or the store of a client began."""
    if services.primary.is_replica and services.config["replica-read-only"] and not client.obeyed:
        return replication_texts.READONLY
    return None


def put_outputs(db: Database, keys: Sequence[bytes], outputs: Outputs, *, journaled: bool) -> list[Effect]:
    """Store tensors under keys: all of them, or none. Returns what is to be journalled, if anybody reads that.

    An output that is no tensor (None) leaves its key alone. Raises ReplyError.
    """
    for key in keys:
        old = db.get(key)
        if old is not None and type(old) is not Tensor:
            raise ReplyError(texts.WRONGTYPE)
    effects: list[Effect] = []
    for key, tensor in zip(keys, outputs, strict=False):
        if tensor is not None:
            tensor.settle()
            db.set(key, tensor)
            if journaled:
                effects.append(tensor_command(key, tensor))
    return effects


def put_in_command(ctx: Context, keys: Sequence[bytes], outputs: Outputs) -> None:
    """Store the outputs of a run that ended within its command, whose effects they are. Raises ReplyError."""
    ctx.effects = []
    ctx.effects = put_outputs(ctx.db, keys, outputs, journaled=ctx.journaled)


def store_outputs(ctx: Context, database: int, keys: Sequence[bytes], outputs: Outputs) -> str | None:
    """Store the outputs of a run that ended after its command, and journal that; an error text where it failed."""
    services = ctx.server
    if (refused := role_refuses(services, ctx.client)) is not None:
        return refused
    try:
        effects = put_outputs(services.databases[database], keys, outputs, journaled=bool(services.journal.subscribers))
    except ReplyError as error:
        return error.text
    if effects:
        services.journal.append(database, effects)
        if services.append_log.unwritten:
            return services.append_log.refusal
    return None


class SingleRun:
    """One AI.MODELEXECUTE (or a command like it) between its job and its reply."""

    __slots__ = ("blocked", "count", "ctx", "database", "keys", "stats")

    def __init__(
        self,
        ctx: Context,
        keys: Sequence[bytes],
        stats: RunStats,
        count: Callable[[RunStats, Outcome | None, int], None] = count_model_run,
    ) -> None:
        self.ctx = ctx
        self.database = ctx.client.db
        self.keys = keys
        self.stats = stats
        self.count = count
        self.blocked = Blocked()

    def done(self, job: Job) -> None:
        """The job's end, on the loop: count, store, answer."""
        self.count(self.stats, job.outcome, job.duration_us)
        assert job.outcome is not None
        self.blocked.background_ns = job.duration_us * 1000
        self.blocked.resolve(self.reply(job.outcome))

    def reply(self, outcome: Outcome) -> Reply:
        """Store the outputs of a good run; what the client gets."""
        if isinstance(outcome, list):
            error = store_outputs(self.ctx, self.database, self.keys, outcome)
            return OK if error is None else Error(error)
        if outcome is TIMED_OUT:
            return TIMEDOUT
        assert isinstance(outcome, BaseException)
        return Error(outcome_error(self.ctx.server, outcome))


def run_at_once(services: Services, model: Model, inputs: Sequence[Tensor]) -> Outcome | None:
    """Run and count a model here and now; None where it is to be a job: others may join its batch, or it is slow."""
    if model.options.batch_size:
        return None
    scheduler = services.scheduler
    outcome = scheduler.run_now(model.device, model.session, inputs)
    if outcome is not None:
        count_model_run(model.stats, outcome, int(scheduler.last_run_us))
    return outcome


def run_model(
    ctx: Context, model: Model, inputs: Sequence[Tensor], outputs: Sequence[bytes], timeout_ms: int = 0
) -> Reply:
    """Run a model, its outputs to keys of the selected database; the reply comes when it ends. Raises ReplyError."""
    outcome = run_at_once(ctx.server, model, inputs)
    if outcome is not None:
        if isinstance(outcome, list):
            put_in_command(ctx, outputs, outcome)
            return OK
        assert isinstance(outcome, BaseException)
        raise ReplyError(outcome_error(ctx.server, outcome))
    run = SingleRun(ctx, outputs, model.stats)
    ctx.server.scheduler.submit(model.device, model_job(model, inputs, run.done, timeout_ms))
    return run.blocked
