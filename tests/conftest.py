"""Fixtures for all tests.

`server`        a pyredisai that the whole session shares (restarted if a test ended it)
`client`        a fresh RESP connection to it, on an emptied keyspace
`start_server`  start a server of one's own: `start_server("--loadmodule", MODULE_PATH, "THREADS_PER_QUEUE", 2)`
`redis_server`  a real redis-server for the session; the test is skipped where none is installed
`redis_client`  a fresh connection to it, emptied; `start_redis` starts one of one's own
`certificates`  keys and certificates, made for the session by the openssl command; skipped where missing
`shared`        the folder with golden recordings and models beside the repository; skipped where missing
`models`        its folder of small models
The log of every server that a failed test used is shown with the failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.certificates import OPENSSL, Certificates
from tests.support.paths import shared_path
from tests.support.resp import RespClient
from tests.support.server import MODULE_PATH, REDIS_SERVER, Server
from tests.support.server import redis_server as run_redis

# A loaded machine is no failure, and what passed once passes again; PYREDISAI_RANDOM=1 looks for what is new.
settings.register_profile("same-each-time", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("random" if os.environ.get("PYREDISAI_RANDOM") else "same-each-time")

LOGS = pytest.StashKey[list[Server]]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the logs of the servers that the test used to a failure's report."""
    report = yield
    if report.failed:
        for server in item.stash.get(LOGS, []):
            report.sections.append((f"server on port {server.port}", server.log or "(no output)"))
    return report


def remember(request: pytest.FixtureRequest, server: Server) -> Server:
    """Show this server's log if the test fails."""
    request.node.stash.setdefault(LOGS, []).append(server)
    return server


def lent(request: pytest.FixtureRequest, shared: Shared) -> Iterator[Server]:
    """A fixture of a shared server; a test that ends it fails."""
    server = remember(request, shared.get())
    yield server
    assert server.alive(), "the test ended the shared server"


class Shared:
    """One server for the session, started at first use, started again when it is gone."""

    def __init__(self, start: Callable[[], Server]) -> None:
        self._start = start
        self._server: Server | None = None

    def get(self) -> Server:
        """The running server."""
        if self._server is None or not self._server.alive():
            self.close()
            self._server = self._start()
        return self._server

    def close(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.stop()


@pytest.fixture(scope="session")
def _session_server() -> Iterator[Shared]:
    shared = Shared(lambda: Server("--loadmodule", MODULE_PATH, "--enable-debug-command", "yes"))
    yield shared
    shared.close()


@pytest.fixture(scope="session")
def _session_redis() -> Iterator[Shared]:
    shared = Shared(lambda: run_redis("--enable-debug-command", "yes"))
    yield shared
    shared.close()


@pytest.fixture
def server(request: pytest.FixtureRequest, _session_server: Shared) -> Iterator[Server]:
    """The session's pyredisai; a test that ends it fails (start your own for that)."""
    yield from lent(request, _session_server)


@pytest.fixture
def client(server: Server) -> Iterator[RespClient]:
    """A connection to `server`, after FLUSHALL."""
    with server.client() as client:
        client("FLUSHALL")
        yield client


@pytest.fixture
def start_server(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Start pyredisai with arguments of one's own (see `Server`); stopped after the test."""
    yield from _starter(request, Server)


def _starter(request: pytest.FixtureRequest, make: Callable[..., Server]) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*args: str | int, **kwargs: object) -> Server:
        server = remember(request, make(*args, **kwargs))
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def redis_server(request: pytest.FixtureRequest, _session_redis: Shared) -> Server:
    """A real redis-server, shared by the session."""
    _need_redis()
    return remember(request, _session_redis.get())


@pytest.fixture
def redis_client(redis_server: Server) -> Iterator[RespClient]:
    """A connection to `redis_server`, after FLUSHALL."""
    with redis_server.client() as client:
        client("FLUSHALL")
        yield client


@pytest.fixture
def start_redis(request: pytest.FixtureRequest) -> Iterator[Callable[..., Server]]:
    """Start a real redis-server with arguments of one's own."""
    _need_redis()
    yield from _starter(request, run_redis)


def _need_redis() -> None:
    if REDIS_SERVER is None:
        pytest.skip("redis-server is not installed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the repository."""
    path = shared_path()
    if not path.is_dir():
        pytest.skip(f"no folder {path} (PYREDISAI_SHARED names another)")
    return path


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    """Small models of every backend."""
    return shared / "models"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server, clients."""
    if OPENSSL is None:
        pytest.skip("the openssl command is not installed")
    return Certificates(tmp_path_factory.mktemp("certificates"))
