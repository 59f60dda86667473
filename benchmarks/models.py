"""ONNX models to measure with, made here (package onnx); mnist comes from the folder `shared`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import Unavailable
from tests.support.paths import shared_path


@dataclass(frozen=True)
class BenchModel:
    """A model and one input for each of its inputs."""

    name: str
    blob: bytes
    inputs: tuple[NDArray[np.float32], ...]


def _onnx_model(nodes: list[object], inputs: list[object], outputs: list[object], weights: list[object]) -> bytes:
    from onnx import helper

    graph = helper.make_graph(nodes, "bench", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    blob: bytes = model.SerializeToString()
    return blob


def _floats(name: str, shape: list[int | str]) -> object:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401 - the check is whether it can be imported
    except ImportError:
        raise Unavailable("the package onnx is not installed (extra bench)") from None


@cache
def tiny() -> BenchModel:
    """One multiplication of two vectors of two: what remains is the server's own cost."""
    _need_onnx()
    from onnx import helper

    node = helper.make_node("Mul", ["a", "b"], ["c"])
    blob = _onnx_model([node], [_floats("a", ["n", 2]), _floats("b", ["n", 2])], [_floats("c", ["n", 2])], [])
    vector = np.array([[2, 3]], np.float32)
    return BenchModel("tiny", blob, (vector, vector))


@cache
def mnist() -> BenchModel:
    """A small convolutional network for digits, 26 KB."""
    path = shared_path() / "models" / "mnist.onnx"
    if not path.exists():
        raise Unavailable("no shared/models/mnist.onnx beside the repository")
    pixels = np.random.default_rng(1).random((1, 1, 28, 28), np.float32)
    return BenchModel("mnist", path.read_bytes(), (pixels,))


@cache
def medium() -> BenchModel:
    """Four dense layers of 1024 units on a batch of 64: 537 MFLOP, about 7 ms on one core."""
    _need_onnx()
    return _dense("medium", rows=64, width=1024, layers=4)


@cache
def huge() -> BenchModel:
    """One dense layer of 10000 units: 400 MB of weights."""
    _need_onnx()
    return _dense("huge", rows=1, width=10_000, layers=1)


def _dense(name: str, rows: int, width: int, layers: int) -> BenchModel:
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(1)
    nodes, weights, last = [], [], "x"
    for layer in range(layers):
        values = rng.standard_normal((width, width), np.float32) / np.float32(width**0.5)
        weights.append(numpy_helper.from_array(values, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"h{layer}"]))
        nodes.append(helper.make_node("Relu", [f"h{layer}"], [f"r{layer}"]))
        last = f"r{layer}"
    blob = _onnx_model(nodes, [_floats("x", ["n", width])], [_floats(last, ["n", width])], weights)
    return BenchModel(name, blob, (rng.random((rows, width), np.float32),))
