"""A model of more than 512 MB, in pieces. Slow and hungry: only with PYREDISAI_SLOW=1."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from tests.support.resp import ErrorReply
from tests.support.server import Server

pytestmark = pytest.mark.skipif(os.environ.get("PYREDISAI_SLOW") != "1", reason="PYREDISAI_SLOW=1 is not set")
MEGABYTE = 1 << 20


@pytest.mark.timeout(500)
def test_a_model_of_600_mb_comes_in_pieces_and_goes_in_chunks(start_server: Callable[..., Server]) -> None:
    onnx = pytest.importorskip("onnx")
    weight = onnx.numpy_helper.from_array(np.ones(150 * MEGABYTE, np.float32), "w")
    port = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Gather", ["w", "x"], ["y"])
    kinds = onnx.TensorProto
    graph = onnx.helper.make_graph(
        [node], "g", [port("x", kinds.INT64, ["n"])], [port("y", kinds.FLOAT, ["n"])], [weight]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    blob = memoryview(model.SerializeToString())
    assert len(blob) > 512 * MEGABYTE
    pieces = [blob[start : start + 300 * MEGABYTE] for start in range(0, len(blob), 300 * MEGABYTE)]
    server = start_server()
    with server.client(timeout=400) as client:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", *pieces) == "OK"
        assert client("AI.TENSORSET", "x", "INT64", 2, "VALUES", 0, 150 * MEGABYTE - 1) == "OK"
        assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y") == "OK"
        assert client("AI.TENSORGET", "y", "VALUES") == [b"1", b"1"]
        chunks = client("AI.MODELGET", "m", "BLOB")
        assert [len(chunk) <= 511 * MEGABYTE for chunk in chunks] == [True, True]
        assert b"".join(chunks) == blob
        whole = server.client(timeout=60)
        with whole:  # one argument of that size is over proto-max-bulk-len
            whole.send_bytes(b"*2\r\n$3\r\nSET\r\n$629145600\r\n")
            reply = whole.read()
            assert isinstance(reply, ErrorReply)
            assert "invalid bulk length" in reply.text
