"""The servers under test: pyredisai and redis-server side by side, on one core; the load comes from the others."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import MODULE_PATH, REDIS_SERVER, Server, redis_server

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORES = {CORES[0]}
LOAD_CORES = set(CORES[1:]) or set(CORES)


def pin(pid: int, cores: set[int]) -> None:
    """Bind all threads of a process to these cores (threads that it makes later inherit it)."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(task.name), cores)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory, MB (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


@dataclass(frozen=True)
class Pair:
    """Both servers; `reference` is None where no redis-server is installed."""

    ours: Server
    reference: Server | None


def start_ours(*module_args: str | int) -> Server:
    """A pyredisai, not pinned."""
    return Server("--loadmodule", MODULE_PATH, *module_args)


@contextlib.contextmanager
def pair() -> Iterator[Pair]:
    """Both servers on the server core; this process and what it starts on the others."""
    os.sched_setaffinity(0, LOAD_CORES)
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(start_ours())
        reference = stack.enter_context(redis_server()) if REDIS_SERVER else None
        for server in (ours, reference):
            if server is not None:
                pin(server.pid, SERVER_CORES)
        yield Pair(ours, reference)
