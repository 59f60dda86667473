"""What the server adds to a run of each framework: AI.MODELEXECUTE against the bare call on the same core."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.frameworks import NODES
from benchmarks.load import Sample, Unavailable, check, redis_benchmark
from benchmarks.servers import SERVER_CORES, pin, start_ours
from tests.support.paths import ROOT
from tests.support.server import Server

NEEDS = {"TORCH": ("torch",), "TF": ("tensorflow",), "TFLITE": ("ai_edge_litert", "tensorflow")}
CLIENTS = (1, 10)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="pyredisai-bench-")


@cache
def made(backend: str, size: str) -> Path:
    """The folder of a model, made by its framework in a process of its own."""
    for package in NEEDS[backend]:
        if importlib.util.find_spec(package) is None:
            raise Unavailable(f"{package} is not installed")
    folder = Path(_folder().name) / f"{backend}-{size}"
    folder.mkdir()
    _python("make", backend, size, str(folder))
    return folder


def _python(*words: str) -> str:
    command = [sys.executable, "-m", "benchmarks.frameworks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def through_server(server: Server, backend: str, size: str, clients: int, seconds: float) -> Sample:
    """AI.MODELEXECUTE of the model."""
    folder, key = made(backend, size), f"{backend}-{size}"
    nodes = NODES.get((backend, size), ())
    check(server, "AI.MODELSTORE", key, backend, "CPU", *nodes, "BLOB", (folder / "model").read_bytes())
    with np.load(folder / "inputs.npz") as arrays:
        inputs = [arrays[name] for name in arrays.files]
    names = [f"{key}:in{number}" for number in range(len(inputs))]
    for name, array in zip(names, inputs, strict=True):
        check(server, "AI.TENSORSET", name, "FLOAT", *array.shape, "BLOB", array.tobytes())
    run = ["AI.MODELEXECUTE", key, "INPUTS", str(len(names)), *names, "OUTPUTS", "1", f"{key}:out"]
    for _ in range(20):
        check(server, *run)
    return redis_benchmark(server, run, clients=clients, pipeline=1, seconds=seconds)


def bare(backend: str, size: str, seconds: float) -> Sample:
    """The framework's call alone."""
    cores = ",".join(map(str, sorted(SERVER_CORES)))
    return Sample(float(_python("bare", backend, str(made(backend, size)), str(seconds), cores)))


class OneThread:
    """A server whose frameworks use one thread, started when it is first needed."""

    def __init__(self) -> None:
        self._server: Server | None = None

    def get(self) -> Server:
        """The server, on the server's core."""
        if self._server is None:
            self._server = start_ours("INTRA_OP_PARALLELISM", 1)
            pin(self._server.pid, SERVER_CORES)
        return self._server

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._server is not None:
            self._server.stop()


def sizes() -> Iterator[tuple[str, str, int]]:
    """Backend, size of the model, number of clients."""
    for backend in NEEDS:
        for size in ("tiny", "medium"):
            for clients in CLIENTS:
                yield backend, size, clients
