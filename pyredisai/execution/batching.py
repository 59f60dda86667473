"""Batches: which jobs may share a run, how their inputs become one and the outputs are dealt out. Pure.

The rules are RedisAI's, with one deviation. A model with BATCHSIZE n takes jobs of equal inputs (beyond the
first dimension; here also of equal dtypes) in their order until n rows are reached: the job that reaches or
exceeds n is the last. A job whose inputs disagree in the first dimension, or that brings n rows, runs alone
and at once. A batch of less than MINBATCHSIZE rows waits, for MINBATCHTIMEOUT from its first job's arrival.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from pyredisai.ai.tensor import Tensor
from pyredisai.errors import BackendError, ai_texts
from pyredisai.execution.frames import without_frames
from pyredisai.execution.job import BatchPolicy, Job, Outcome, Runnable


def batch_rows(inputs: Sequence[Tensor]) -> int:
    """The first dimension that all inputs share; 0 where they do not, or where one is a scalar."""
    rows = 0
    for index, tensor in enumerate(inputs):
        shape = tensor.shape
        if not shape or (index and shape[0] != rows):
            return 0
        rows = shape[0]
    return rows


def joinable_rows(job: Job) -> int:
    """The rows that a job brings to a batch; 0: it runs alone."""
    if job.batch is None or job.batch.size <= 0:
        return 0
    rows = batch_rows(job.inputs)
    return rows if rows < job.batch.size else 0


def batch_key(job: Job) -> Hashable:
    """Jobs of equal key may share a batch: one target, equal dtypes, equal shapes beyond the first dimension."""
    return (id(job.target), *((t.dtype.name, t.shape[1:]) for t in job.inputs))


def least_rows(policy: BatchPolicy) -> int:
    """The rows that start a batch without waiting."""
    return max(policy.min_size, 1)


def most_rows(policy: BatchPolicy) -> int:
    """The rows at which a batch is closed."""
    return max(policy.size, policy.min_size)


def concatenate(jobs: Sequence[Job]) -> list[Tensor]:
    """The jobs' inputs, joined along the first dimension in their order. Strings and numbers alike."""
    import numpy as np  # not with the module: a server that runs nothing starts without it

    joined = []
    for column in zip(*(job.inputs for job in jobs), strict=True):
        array = np.concatenate([tensor.array for tensor in column])
        array.flags.writeable = False
        joined.append(Tensor(column[0].dtype, array.shape, array=array))
    return joined


def split(
    outputs: Sequence[Tensor | None], rows: Sequence[int], mismatch: str = ai_texts.BATCH_SIZE_MISMATCH
) -> list[list[Tensor | None]]:
    """Deal the outputs of a batch out again: one list a job.

    Raises BackendError with the text `mismatch` when an output's first dimension is not the sum of `rows`.
    An output that is no tensor is none for every job.
    """
    total = sum(rows)
    dealt: list[list[Tensor | None]] = [[] for _ in rows]
    for output in outputs:
        if output is None:
            for mine in dealt:
                mine.append(None)
            continue
        if not output.shape or output.shape[0] != total:
            raise BackendError(mismatch)
        array, dtype, start = output.array, output.dtype, 0
        for mine, count in zip(dealt, rows, strict=True):
            part = array[start : start + count].copy()  # a stored part must not keep the whole batch
            part.flags.writeable = False
            mine.append(Tensor(dtype, part.shape, array=part))
            start += count
    return dealt


def run_target(target: Runnable, inputs: Sequence[Tensor]) -> Outcome:
    """Run once; what goes wrong is the outcome. Never raises."""
    try:
        return target.run(inputs)
    except Exception as error:
        return without_frames(error)
    except BaseException as error:  # a framework's own SystemExit must not end a worker
        return BackendError(f"{type(error).__name__}: {error}")


def run_jobs(jobs: Sequence[Job]) -> None:
    """Run one job, or several of equal batch key as one; sets their outcomes, never raises.

    What goes wrong in a batch is the outcome of each of its jobs, as in the original.
    """
    if len(jobs) == 1:
        jobs[0].outcome = run_target(jobs[0].target, jobs[0].inputs)
        return
    try:
        rows, target = [job.rows for job in jobs], jobs[0].target
        mismatch = getattr(target, "batch_mismatch", ai_texts.BATCH_SIZE_MISMATCH)
        parts = split(target.run(concatenate(jobs)), rows, mismatch)
        total = sum(rows)
        for job, part in zip(jobs, parts, strict=True):
            job.outcome = part
            job.batch_rows = total
    except Exception as error:
        for job in jobs:
            job.outcome = without_frames(error)
    except BaseException as error:  # a framework's own SystemExit must not end a worker
        for job in jobs:
            job.outcome = BackendError(f"{type(error).__name__}: {error}")
