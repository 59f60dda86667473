"""Models for the tests of the backends: made here, or small ones of the shared folder."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

from pyredisai.ai.tensor import Tensor
from tests.support.paths import shared_path


def needs(module: str) -> None:
    """Skip the calling test module where a framework is missing; nothing is imported."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed", allow_module_level=True)


def shared_model(name: str) -> bytes:
    path = shared_path() / "models" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_bytes()


def floats(*shape: int, dtype: Any = np.float32) -> Tensor:
    return Tensor.from_array(np.arange(int(np.prod(shape))).reshape(shape).astype(dtype))


def strings(*texts: bytes) -> Tensor:
    array = np.empty(len(texts), object)
    array[:] = texts
    return Tensor.from_array(array)


def values(tensor: Tensor | None) -> list[Any]:
    assert tensor is not None
    assert not tensor.array.flags.writeable
    return tensor.array.tolist()


def onnx_model(nodes: list[Any], inputs: Any, outputs: Any, initializers: list[Any] | None = None) -> bytes:
    """`inputs` and `outputs`: name to (element type, shape)."""
    from onnx import helper

    ports = [[helper.make_tensor_value_info(n, *p) for n, p in side.items()] for side in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", *ports, initializers or [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def identity(element: int, shape: Any = ("n",)) -> bytes:
    from onnx import helper

    node = helper.make_node("Identity", ["x"], ["y"])
    return onnx_model([node], {"x": (element, shape)}, {"y": (element, shape)})
