"""A graph starts what is ready, keeps the order on a device, and ends whatever happens."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.ai.tensor import Tensor
from pyredisai.errors import BackendError
from pyredisai.execution.dag import Dag, Step
from pyredisai.execution.job import TIMED_OUT

ONE = Tensor.from_array(np.ones(1, "f4"))


def test_a_step_waits_for_its_inputs() -> None:
    first, second = Step("CPU", (0,), (1,)), Step("GPU", (1,), (2,))
    dag = Dag([first, second], [ONE, None, None])
    assert dag.start() == [first]
    assert dag.finish(first, [ONE]) == [second]
    assert not dag.ended
    assert dag.finish(second, [ONE]) == []
    assert dag.ended
    assert dag.stuck is None


def test_devices_run_at_the_same_time_and_keep_their_own_order() -> None:
    a, b, c = Step("CPU", (0,), (1,)), Step("CPU", (0,), (2,)), Step("CPU:1", (0,), (3,))
    dag = Dag([a, b, c], [ONE, None, None, None])
    assert dag.start() == [a, c]
    assert dag.finish(a, [ONE]) == [b]


def test_after_a_failure_nothing_starts() -> None:
    a, b, c = Step("CPU", (0,), (1,)), Step("CPU", (1,), (2,)), Step("GPU", (0,), (3,))
    dag = Dag([a, b, c], [ONE, None, None, None])
    assert dag.start() == [a, c]
    assert dag.finish(a, BackendError("x")) == []
    assert dag.failed
    assert not dag.ended
    assert dag.finish(c, [ONE]) == []
    assert dag.ended
    assert b.outcome is None


def test_a_time_out_ends_it() -> None:
    a = Step("CPU", (0,), (1,))
    dag = Dag([a], [ONE, None])
    dag.start()
    dag.finish(a, TIMED_OUT)
    assert dag.timed_out
    assert dag.ended


def test_an_output_that_is_no_tensor_leaves_the_next_step_stuck() -> None:
    a, b = Step("CPU", (0,), (1,)), Step("CPU", (1,), (2,))
    dag = Dag([a, b], [ONE, None, None])
    dag.start()
    assert dag.finish(a, [None]) == []
    assert dag.ended
    assert dag.stuck is b


@given(st.data())
def test_every_graph_ends_and_runs_each_step_once(data: st.DataObject) -> None:
    """Whatever the order in which running steps end."""
    count = data.draw(st.integers(1, 12))
    steps = [
        Step(
            data.draw(st.sampled_from(["CPU", "CPU:1", "GPU"])),
            tuple(data.draw(st.lists(st.integers(0, i), max_size=3))),
            (i + 1,),
        )
        for i in range(count)
    ]
    dag = Dag(steps, [ONE, *[None] * count])
    rng = random.Random(data.draw(st.integers()))
    running, ran = dag.start(), []
    while running:
        step = running.pop(rng.randrange(len(running)))
        ran.append(step)
        running += dag.finish(step, [ONE])
    assert dag.ended
    assert sorted(map(steps.index, ran)) == list(range(count))
    for device in {step.device for step in steps}:
        assert [s for s in ran if s.device == device] == [s for s in steps if s.device == device]
