"""BACKEND_MEMORY_LIMIT: what is refused leaves nothing behind in the process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyredisai.errors import ai_texts
from tests.support.resp import RespClient
from tests.support.server import MODULE_PATH, Server

ROUNDS, MB = 40, 2**20


def model(elements: int) -> bytes:
    """y = (x + w) * (x + w) with `elements` weights; x may have any number of rows."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.ones(elements, np.float32), "w")
    nodes = [helper.make_node("Add", ["x", "w"], ["s"]), helper.make_node("Mul", ["s", "s"], ["y"])]
    x, y = (helper.make_tensor_value_info(name, kind, ["n", elements]) for name in "xy")
    graph = helper.make_graph(nodes, "g", [x], [y], [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def resident(server: Server) -> int:
    """Bytes of the process that are in memory."""
    gc.collect()
    return int(Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the resident set is read in /proc")
def test_refusals_leave_nothing(start_server: Callable[..., Server]) -> None:
    """Refused models and refused runs, forty of each: the process does not grow by what they would have taken."""
    server = start_server("--loadmodule", MODULE_PATH, "BACKEND_MEMORY_LIMIT", 4)
    large, small = model(2 * MB), model(MB // 16)
    with server.client(timeout=60) as client:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", small) == "OK"
        client("AI.TENSORSET", "x", "FLOAT", 64, MB // 16, "BLOB", bytes(16 * MB))
        refuse(client, large)
        before = resident(server)
        for _ in range(ROUNDS):
            refuse(client, large)
        assert resident(server) - before < 4 * 8 * MB
        assert client("EXISTS", "big", "y") == 0
        client("AI.TENSORSET", "one", "FLOAT", 1, MB // 16, "BLOB", bytes(MB // 4))
        assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "one", "OUTPUTS", 1, "y") == "OK"


def refuse(client: RespClient, large: bytes) -> None:
    """A model of 8 MB and a run of 16 MB, both above the limit."""
    reply = client("AI.MODELSTORE", "big", "ONNX", "CPU", "BLOB", large)
    assert reply.text == ai_texts.ONNX_MEMORY_LIMIT_AT_CREATION
    reply = client("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y")
    assert reply.text.endswith("Onnxruntime memory limit exceeded, memory allocation failed.")
