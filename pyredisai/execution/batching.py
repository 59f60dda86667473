"""Batches: which jobs may share a run, how their inputs become one and the outputs are dealt out. Pure.

The rules are RedisAI's, with one deviation. A model with BATCHSIZE n takes jobs of equal inputs (beyond the
first dimension; here also of equal dtypes) in their order until n rows are reached: the job that reaches or
exceeds n is the last. A job whose inputs disagree in the first dimension, or that brings n rows, runs alone
and at once. A batch of less than MINBATCHSIZE rows waits, for MINBATCHTIMEOUT from its first job's arrival.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

from pyredisai.ai.tensor import Tensor, shared_shape
from pyredisai.errors import BackendError, ai_texts
from pyredisai.execution.frames import without_frames
from pyredisai.execution.job import BatchPolicy, Job, Outcome, Runnable

# Up to so many bytes are joined as bytes, which takes a tenth of what arrays do; more are copied beside other threads.
_SMALL_BATCH: Final = 256 * 1024
_SMALL_PART: Final = 4096


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
    batch = job.batch
    if batch is None or batch.size <= 0:
        return 0
    rows = batch_rows(job.inputs) if job.estimate is None else job.estimate.rows
    return rows if rows < batch.size else 0


def batch_key(job: Job) -> Hashable:
    """Jobs of equal key may share a batch: one target, equal dtypes, equal shapes beyond the first dimension."""
    return (id(job.target), *((t.dtype.name, t.shape[1:]) for t in job.inputs))


def least_rows(policy: BatchPolicy) -> int:
    """The rows that start a batch without waiting."""
    return max(policy.min_size, 1)


def most_rows(policy: BatchPolicy) -> int:
    """The rows at which a batch is closed."""
    return max(policy.size, policy.min_size)


def needs_company(job: Job) -> bool:
    """Whether the job is not to run before others join its batch."""
    policy = job.batch
    return policy is not None and policy.min_size > 1 and 0 < joinable_rows(job) < least_rows(policy)


def concatenate(jobs: Sequence[Job]) -> list[Tensor]:
    """The jobs' inputs, joined along the first dimension in their order. Strings and numbers alike."""
    return [_joined(column) for column in zip(*[job.inputs for job in jobs])]  # noqa: B905 - one key, so as many; `strict` is felt


def _joined(parts: Sequence[Tensor]) -> Tensor:
    first = parts[0]
    dtype, inner = first.dtype, first.shape[1:]
    shape = (sum([part.shape[0] for part in parts]), *inner)
    if dtype.itemsize and math.prod(shape) * dtype.itemsize <= _SMALL_BATCH:
        return Tensor(dtype, shape, b"".join([part.blob for part in parts]))
    import numpy as np  # not with the module: a server that runs nothing starts without it

    array = np.concatenate([part.array for part in parts])
    array.flags.writeable = False
    return Tensor(dtype, array.shape, array=array)


def split(
    outputs: Sequence[Tensor | None], rows: Sequence[int], mismatch: str = ai_texts.BATCH_SIZE_MISMATCH
) -> list[list[Tensor | None]]:
    """Deal the outputs of a batch out again: one list a job.

    Raises BackendError with the text `mismatch` when an output's first dimension is not the sum of `rows`.
    An output that is no tensor is none for every job.
    """
    total = sum(rows)
    columns: list[list[Tensor | None]] = []
    for output in outputs:
        if output is not None and (not output.shape or output.shape[0] != total):
            raise BackendError(mismatch)
        columns.append([None] * len(rows) if output is None else _parts(output, rows))
    if len(columns) == 1:
        return [[part] for part in columns[0]]
    return [[column[i] for column in columns] for i in range(len(rows))]


def _parts(output: Tensor, rows: Sequence[int]) -> list[Tensor | None]:
    """So many rows of an output each, as copies: a stored part must not keep the whole batch."""
    dtype, inner = output.dtype, output.shape[1:]
    size, start = math.prod(inner) * dtype.itemsize, 0
    parts: list[Tensor | None] = []
    if dtype.itemsize and size * max(rows) <= _SMALL_PART:
        data = bytes(output.blob)
        shapes = {count: shared_shape((count, *inner)) for count in set(rows)}
        for count in rows:
            end = start + count * size
            parts.append(Tensor(dtype, shapes[count], data[start:end]))
            start = end
        return parts
    array = output.array
    for count in rows:
        part = array[start : start + count].copy()
        part.flags.writeable = False
        parts.append(Tensor(dtype, part.shape, array=part))
        start += count
    return parts


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
        for job, part in zip(jobs, parts):  # noqa: B905 - one part a job; `strict` is felt
            job.outcome = part
            job.batch_rows = total
    except Exception as error:
        for job in jobs:
            job.outcome = without_frames(error)
    except BaseException as error:  # a framework's own SystemExit must not end a worker
        for job in jobs:
            job.outcome = BackendError(f"{type(error).__name__}: {error}")
