"""Fixtures of the tests on a GPU: a real server, TORCH models made here.

They are skipped where PyTorch sees no CUDA device. `PYREDISAI_TEST_DEVICE=CPU` runs those that mean something there on
the CPU.

`device`      the device under test, GPU or CPU
`gpu_only`    skips the test on a CPU
`gpu_server`  a server with two workers a queue, for the session
`client`      a connection to it, on an emptied keyspace
`start`       start a server of one's own
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from pyredisai.backends import devices
from tests.conftest import Shared, lent
from tests.gpu.support import TensorClient
from tests.support.server import MODULE_PATH, Server

DEVICE = os.environ.get("PYREDISAI_TEST_DEVICE", "GPU").upper()


@cache
def missing() -> str:
    """Why the tests cannot run here; empty where they can. PyTorch is not imported where the driver sees no card."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed"
    if DEVICE == "CPU":
        return ""
    if not devices.gpu_count():
        return "there is no CUDA device here"
    import torch

    return "" if torch.cuda.is_available() else "PyTorch sees no CUDA device"


@pytest.fixture(autouse=True)
def _needs_the_device() -> None:
    if missing():
        pytest.skip(missing())


@pytest.fixture
def device() -> str:
    """GPU, or CPU where that was asked for."""
    return DEVICE


@pytest.fixture
def gpu_only(device: str) -> None:
    """Skip on a CPU."""
    if device != "GPU":
        pytest.skip("means nothing on a CPU")


@pytest.fixture(scope="session")
def _gpu_session() -> Iterator[Shared]:
    shared = Shared(lambda: Server("--loadmodule", MODULE_PATH, "THREADS_PER_QUEUE", 2))
    yield shared
    shared.close()


@pytest.fixture
def gpu_server(request: pytest.FixtureRequest, _gpu_session: Shared) -> Iterator[Server]:
    """The session's server; a test must not end it."""
    yield from lent(request, _gpu_session)


@pytest.fixture
def client(gpu_server: Server, device: str) -> Iterator[TensorClient]:
    """A connection, after FLUSHALL."""
    with TensorClient(gpu_server.port, device=device) as client:
        client("FLUSHALL")
        yield client


@pytest.fixture
def start(start_server: Callable[..., Server], device: str) -> Callable[..., tuple[Server, TensorClient]]:
    """Start a server of one's own with arguments of the AI module: itself and a connection."""

    def started(*options: str | int, **kwargs: object) -> tuple[Server, TensorClient]:
        server = start_server("--loadmodule", MODULE_PATH, *options, **kwargs)
        return server, TensorClient(server.port, device=device)

    return started
