"""Runs of models: from tensors to a job, from its outcome to statistics, stored outputs and a reply.

Shared by AI.MODELEXECUTE, the deprecated commands and the DAGs. Outputs are stored and journalled when the
run ends, as AI.TENSORSET: effects are replicated, not computations. They are stored even when the client that
asked is gone.
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


def count_model_run(stats: RunStats, job: Job) -> None:
    """Count a run that ended; one that timed out was none."""
    outcome = job.outcome
    if isinstance(outcome, list):
        stats.add(job.duration_us, samples_of(outcome))
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


def store_outputs(ctx: Context, database: int, keys: Sequence[bytes], outputs: Outputs) -> str | None:
    """Store tensors under keys of a database and journal that: all of them, or none and an error text.

    An output that is no tensor (None) leaves its key alone.
    """
    services = ctx.server
    if (refused := role_refuses(services, ctx.client)) is not None:
        return refused
    db = services.databases[database]
    for key in keys:
        old = db.get(key)
        if old is not None and type(old) is not Tensor:
            return texts.WRONGTYPE
    effects: list[Effect] = []
    journalled = bool(services.journal.subscribers)
    for key, tensor in zip(keys, outputs, strict=False):
        if tensor is not None:
            db.set(key, tensor)
            if journalled:
                effects.append(tensor_command(key, tensor))
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
        count: Callable[[RunStats, Job], None] = count_model_run,
    ) -> None:
        self.ctx = ctx
        self.database = ctx.client.db
        self.keys = keys
        self.stats = stats
        self.count = count
        self.blocked = Blocked()

    def done(self, job: Job) -> None:
        """The job's end, on the loop: count, store, answer."""
        self.count(self.stats, job)
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


def run_model(
    ctx: Context, model: Model, inputs: Sequence[Tensor], outputs: Sequence[bytes], timeout_ms: int = 0
) -> Blocked:
    """Queue a run whose outputs go to keys of the selected database; the reply comes when it ends."""
    run = SingleRun(ctx, outputs, model.stats)
    ctx.server.scheduler.submit(model.device, model_job(model, inputs, run.done, timeout_ms))
    return run.blocked
