"""Which jobs are joined, and what each gets of a batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.ai.tensor import Tensor
from pyredisai.errors import BackendError
from pyredisai.execution.batching import batch_key, batch_rows, concatenate, joinable_rows, run_jobs, split
from pyredisai.execution.job import BatchPolicy, Job
from tests.unit.execution.support import Target, job, tensor

POLICY = BatchPolicy(4)


def test_rows_are_the_first_dimension_that_all_inputs_share():
    assert batch_rows([tensor(3), tensor(3, 5)]) == 3
    assert batch_rows([tensor(3), tensor(2)]) == 0
    assert batch_rows([Tensor.from_array(np.array(1, np.float32))]) == 0
    assert batch_rows([]) == 0


def test_a_job_that_fills_a_batch_runs_alone():
    target = Target()
    assert joinable_rows(job(target, 3, batch=POLICY)) == 3
    assert joinable_rows(job(target, 4, batch=POLICY)) == 0
    assert joinable_rows(job(target, 1)) == 0
    assert joinable_rows(job(target, 0, batch=POLICY)) == 0


def test_only_equal_targets_dtypes_and_shapes_share_a_batch():
    target = Target()
    same = batch_key(job(target, 1))
    assert same == batch_key(job(target, 3))
    assert same != batch_key(job(target, 1, width=3))
    assert same != batch_key(job(target, 1, dtype=np.float64))
    assert same != batch_key(job(Target(), 1))


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6), st.sampled_from([np.float32, np.int64, np.bool_]))
def test_a_batch_gives_each_job_what_it_would_have_got_alone(sizes, dtype):
    target = Target()
    jobs = [job(target, rows, batch=BatchPolicy(100), dtype=dtype, start=i) for i, rows in enumerate(sizes)]
    for one in jobs:
        one.rows = joinable_rows(one)
    run_jobs(jobs)
    assert target.shapes == [[(sum(sizes), 2)]]
    for one in jobs:
        assert isinstance(one.outcome, list)
        expected = one.inputs[0].array * 2
        output = one.outcome[0]
        assert output is not None
        np.testing.assert_array_equal(output.array, expected)
        assert output.blob == Tensor.from_array(expected).blob
        assert not output.array.flags.writeable
        assert one.batch_rows == sum(sizes)


@pytest.mark.parametrize("width", [0, 1, 1025, 40_000], ids=["empty", "small", "large parts", "large batch"])
def test_parts_of_every_size_are_copies(width):
    jobs = [job(Target(), rows, batch=BatchPolicy(100), width=width, start=rows) for rows in (1, 2)]
    for one in jobs:
        one.rows = joinable_rows(one)
    (joined,) = concatenate(jobs)
    assert joined.shape == (3, width)
    assert not joined.array.flags.writeable
    for one, (part,) in zip(jobs, split([joined], [1, 2]), strict=True):
        assert part is not None
        assert part.shape == one.inputs[0].shape
        assert part.blob == one.inputs[0].blob
        assert not part.array.flags.writeable
        assert not np.shares_memory(part.array, joined.array)


def test_strings_join_and_part_again():
    texts = [np.array([[b"a", b"bb"]], object), np.array([[b"", b"d"], [b"e", b"f"]], object)]
    jobs = [Job(Target(), [Tensor.from_array(t)], lambda job: None) for t in texts]
    (joined,) = concatenate(jobs)
    assert joined.dtype.name == "STRING"
    assert joined.shape == (3, 2)
    first, second = split([joined], [1, 2])
    assert first[0] is not None
    assert second[0] is not None
    assert first[0].blob == b"a\0bb\0"
    assert second[0].array.tolist() == [[b"", b"d"], [b"e", b"f"]]


@pytest.mark.parametrize("shape", [(2,), (4, 1), ()])
def test_an_output_of_another_first_dimension_is_an_error(shape):
    with pytest.raises(BackendError, match="ERR Model did not generate the expected batch size"):
        split([Tensor.from_array(np.zeros(shape, np.float32))], [1, 2])


def test_an_output_that_is_no_tensor_is_none_for_all():
    assert split([None], [1, 1]) == [[None], [None]]


class Failing:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, inputs):
        raise self.error


@pytest.mark.parametrize("error", [BackendError("no"), ValueError("x"), MemoryError(), SystemExit(3)])
def test_whatever_a_target_raises_becomes_the_outcome_of_all(error):
    jobs = [job(Failing(error), 1, batch=POLICY) for _ in range(2)]
    for one in jobs:
        one.rows = 1
    run_jobs(jobs)
    assert all(isinstance(one.outcome, Exception) for one in jobs)
