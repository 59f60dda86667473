"""WORKER_NICE: the threads that run and open models give way, the main thread does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pyredisai.execution import priority
from tests.support.server import MODULE_PATH, Server

pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.skipif(not priority.SUPPORTED, reason="threads have no niceness of their own here")
NICE_FIELD = 16  # of /proc/…/stat, behind the name


def niceness(server: Server) -> dict[str, int]:
    """Of each thread, by its number."""
    found = {}
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[task.name] = int(fields[NICE_FIELD])
    return found


def run_a_model(server: Server, models: Path) -> None:
    with server.client(timeout=60) as client:
        blob = (models / "mul_1.onnx").read_bytes()
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", blob) == "OK"
        client("AI.TENSORSET", "x", "FLOAT", 3, 2, "BLOB", np.ones((3, 2), np.float32).tobytes())
        assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "x", "OUTPUTS", 1, "y") == "OK"


def test_all_but_the_main_thread_give_way(start_server: Callable[..., Server], models: Path) -> None:
    server = start_server("--loadmodule", MODULE_PATH, "WORKER_NICE", 7, "INTRA_OP_PARALLELISM", 2)
    run_a_model(server, models)
    found = niceness(server)
    main = found.pop(str(server.pid))
    assert list(found.values()).count(min(main + 7, 19)) >= 3  # a worker, a helper, ONNX Runtime's own
    with server.client() as client:
        assert client("AI.CONFIG", "GET", "WORKER_NICE") == 7
        assert client("CONFIG", "GET", "ai.worker-nice") == [b"ai.worker-nice", b"7"]


def test_nobody_does_by_default(start_server: Callable[..., Server], models: Path) -> None:
    server = start_server()
    run_a_model(server, models)
    assert len(set(niceness(server).values())) == 1
