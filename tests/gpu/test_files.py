"""Models and scripts of a GPU in files: loaded again, also where the GPU is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.gpu.support import TensorClient, fields, info, layers, script_execute
from tests.support.resp import ErrorReply
from tests.support.server import MODULE_PATH, Server

pytestmark = pytest.mark.xdist_group("gpu")
WAYS = {"file": ("--appendonly", "no"), "log": ("--appendonly", "yes", "--aof-use-rdb-preamble", "no")}


def filled(client: TensorClient) -> list[float]:
    """Store a model and a script; the model's result."""
    client.store("m", layers(), "TAG", "t")
    client.script("s", "return tensors[0] + 1")
    client.put("x", np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 64))
    client.run_ok("m", "x", "y")
    return [round(float(value), 5) for value in client.get("y").ravel()]


@pytest.mark.parametrize("way", list(WAYS))
def test_they_come_back(start_server: Callable[..., Server], device: str, tmp_path: Path, way: str) -> None:
    options = ("--loadmodule", MODULE_PATH, *WAYS[way])
    first = start_server(*options, folder=tmp_path)
    with TensorClient(first.port, device=device) as client:
        result = filled(client)
        assert client("SAVE") == "OK"
    first.stop()
    again = start_server(*options, folder=tmp_path)
    with TensorClient(again.port, device=device) as client:
        assert fields(client("AI.MODELGET", "m", "META"))["device"] == device.encode()
        assert f"ai_queue_{device}_bthread_n1_used_cpu_total" in info(client, "ai_cpu")
        client.run_ok("m", "x", "z")
        assert client.get("z").ravel().tolist() == pytest.approx(result, abs=1e-4)
        assert client(*script_execute("s", inputs="x", outputs="more")) == "OK"
        assert client.get("more").tolist() == (client.get("x") + 1).tolist()
        for key in ("m", "s"):
            dump = client("DUMP", key)
            assert client("RESTORE", f"{key}2", 0, dump) == "OK"
        client.run_ok("m2", "x", "z")
        assert client.get("z").ravel().tolist() == pytest.approx(result, abs=1e-4)


def test_they_are_kept_where_the_gpu_is_gone(
    start_server: Callable[..., Server], device: str, tmp_path: Path, gpu_only: None
) -> None:
    """The server starts and keeps them; only their runs are errors. (RedisAI ends at such a file.)"""
    options = ("--loadmodule", MODULE_PATH)
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    first = start_server(*options, folder=tmp_path)
    with TensorClient(first.port, device=device) as client:
        result = filled(client)
        assert client("SAVE") == "OK"
    first.stop()
    without = start_server(*options, folder=tmp_path, env=hidden)
    with TensorClient(without.port, device=device) as client:
        assert fields(client("AI.MODELGET", "m", "META"))["device"] == b"GPU"
        for _ in range(2):
            assert client.run("m", "x", "z") == "GPU requested but Torch couldn't find CUDA"
            reply = client(*script_execute("s", inputs="x", outputs="z"))
            assert isinstance(reply, ErrorReply)
            assert "GPU requested but Torch couldn't find CUDA" in reply
        assert client("AI.MODELSTORE", "n", "TORCH", "GPU", "BLOB", layers()) == (
            "GPU requested but Torch couldn't find CUDA"
        )
        client.store("cpu", client("AI.MODELGET", "m", "BLOB"), device="CPU")
        client.run_ok("cpu", "x", "z")
        assert client.get("z").ravel().tolist() == pytest.approx(result, abs=1e-3)
        assert client("SAVE") == "OK"
    without.stop()
    back = start_server(*options, folder=tmp_path)
    with TensorClient(back.port, device=device) as client:
        client.run_ok("m", "x", "z")
        assert client.get("z").ravel().tolist() == pytest.approx(result, abs=1e-4)
