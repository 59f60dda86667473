"""INTRA_OP_PARALLELISM and INTER_OP_PARALLELISM reach every framework: its own counts, and the threads it makes.

Both are facts of a process, so each setting has a process of its own: it loads the backend, runs a model twice, and
prints how many threads that added and what the framework says.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PROGRAM = """
import json, os, sys
import numpy as np
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings
from pyredisai.backends.loader import BackendLoader

name, path, intra, inter = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
threads = lambda: len(os.listdir("/proc/self/task"))
backend = BackendLoader(BackendSettings(inter_op_threads=inter, intra_op_threads=intra)).get(name)
before = threads()
options = ModelOptions(inputs=("a", "b"), outputs=("mul",)) if name == "TF" else ModelOptions()
session = backend.open_model(open(path, "rb").read(), "CPU", options)
shape = {"ONNX": (3, 2), "TFLITE": (1, 1, 28, 28)}.get(name, (2, 2))
tensors = [Tensor.from_array(np.ones(shape, np.float32))] * len(session.input_names)
for _ in range(2):
    assert session.run(tensors)[0] is not None
said = None
if name == "ONNX":
    used = session._session.get_session_options()
    said = [used.intra_op_num_threads, used.inter_op_num_threads]
elif name == "TORCH":
    import torch
    said = [torch.get_num_threads(), torch.get_num_interop_threads()]
elif name == "TF":
    used = session._session._config
    said = [used.intra_op_parallelism_threads, used.inter_op_parallelism_threads]
print(json.dumps({"threads": threads() - before, "said": said}))
"""
MODELS = {
    "ONNX": ("onnxruntime", "mul_1.onnx"),
    "TORCH": ("torch", "pt-minimal.pt"),
    "TF": ("tensorflow", "graph.pb"),
    "TFLITE": ("ai_edge_litert", "mnist_model_quant.tflite"),
}

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")


@cache
def measure(name: str, path: Path, intra: int, inter: int) -> dict[str, int | list[int]]:
    """What a process with these settings tells."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, str(path), str(intra), str(inter)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int | list[int]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", MODELS)
def test_threads_of_the_frameworks(name: str, models: Path) -> None:
    """Two more threads asked for are two more threads; TFLITE has no parallel operations, so none of those."""
    package, file = MODELS[name]
    pytest.importorskip(package)
    one, intra, inter = (measure(name, models / file, *counts) for counts in ((1, 1), (3, 1), (1, 3)))
    if name != "TFLITE":
        assert [one["said"], intra["said"], inter["said"]] == [[1, 1], [3, 1], [1, 3]]
    if name != "TORCH":  # which makes its threads when a big operation needs them
        assert intra["threads"] - one["threads"] == 2
        assert inter["threads"] - one["threads"] == (0 if name == "TFLITE" else 2)
