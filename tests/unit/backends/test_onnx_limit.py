"""BACKEND_MEMORY_LIMIT: its arena is the process's, so each test has a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.support.paths import ROOT
from tests.unit.backends.support import needs

needs("onnxruntime")
needs("onnx")

PROGRAM = """
import numpy as np
from onnx import TensorProto, helper, numpy_helper
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends import onnx
from pyredisai.backends.base import BackendSettings
from tests.unit.backends.support import onnx_model

def model(count):
    weight = numpy_helper.from_array(np.ones(count, np.float32), "w")
    nodes = [helper.make_node("Add", ["x", "w"], ["s"]), helper.make_node("Mul", ["s", "s"], ["y"])]
    return onnx_model(nodes, {"x": (1, ["n", count])}, {"y": (1, ["n", count])}, [weight])

backend = onnx.load(BackendSettings(memory_limit_mb=1), None)
open_model = lambda count: backend.open_model(model(count), "CPU", ModelOptions())
tensor = lambda rows, count: Tensor.from_array(np.zeros((rows, count), np.float32))
def refusal(function, *args):
    try:
        function(*args)
    except Exception as error:
        return str(error)
    return "taken"
"""


def run(body: str) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM + body], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


CREATION = "Exception during initialization: Onnxruntime memory limit exceeded, memory allocation failed."


def test_a_model_above_the_limit_is_refused_and_leaves_nothing() -> None:
    lines = run(
        "for count in (300_000, 200_000, 100_000, 10_000):\n"
        "    print(refusal(open_model, count), backend.info()['onnxruntime_memory'])\n"
    )
    assert lines == [f"{CREATION} 0", "taken 0", "taken 0", "taken 0"]


def test_open_models_count_together_and_are_given_back() -> None:
    lines = run(
        "held = [open_model(100_000), open_model(100_000)]\n"
        "print(refusal(open_model, 100_000))\n"
        "held.pop()\n"
        "print(refusal(open_model, 100_000))\n"
    )
    assert lines == [CREATION, "taken"]


def test_a_run_has_what_the_models_leave() -> None:
    lines = run(
        "session = open_model(10_000)\n"
        "held = [session.run([tensor(5, 10_000)]) for _ in range(20)]\n"  # results are not the arena's
        "print(refusal(session.run, [tensor(10, 10_000)]))\n"
        "held = open_model(150_000)\n"
        "print(refusal(session.run, [tensor(10, 10_000)]))\n"
        "print(refusal(session.run, [tensor(1, 10_000)]))\n"
        "del held\n"
        "print(refusal(session.run, [tensor(10, 10_000)]))\n"
    )
    assert lines[0] == lines[2] == lines[3] == "taken"
    assert lines[1].endswith("Status Message: Onnxruntime memory limit exceeded, memory allocation failed.")
