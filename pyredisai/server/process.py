"""The process around the server: background, pid file, memory, event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

LOOP_VARIABLE: Final = "PYREDISAI_LOOP"
DEFAULT_PID_FILE: Final = "/var/run/redis.pid"

# Parameters of glibc's mallopt, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_PR_SET_THP_DISABLE = 41  # of prctl, from linux/prctl.h
_BIG_TRIM = 256 << 20
_BIG_MMAP = (1 << 30, 32 << 20)  # the first that the library takes


def daemonize() -> None:
    """Go on in a child that is no terminal's; the parent ends. Before any thread and the event loop."""
    sys.stdout.flush()
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if null > 2:
        os.close(null)


def write_pid_file(path: str) -> None:
    """Write the process id; Redis too starts without it where it cannot be written."""
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")
    except OSError:
        pass


def remove_file(path: str) -> None:
    """Remove a file if it is there and may be removed."""
    try:
        os.unlink(path)
    except OSError:
        pass


def tune_memory() -> bool:
    """Let the C library reuse big blocks rather than map and clear them each time; whether it could be told."""
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False  # not glibc
    return any(mallopt(_MMAP_THRESHOLD, size) for size in _BIG_MMAP) and bool(mallopt(_TRIM_THRESHOLD, _BIG_TRIM))


def disable_huge_pages(state: Path = Path("/sys/kernel/mm/transparent_hugepage/enabled")) -> bool:
    """Keep the kernel from giving this process huge pages where it gives them to all; whether that is so now."""
    import ctypes

    try:
        if "[always]" not in state.read_text("ascii"):
            return True
        return bool(ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def loop_factory() -> tuple[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Name and maker of the event loop: uvloop where it can be imported, unless PYREDISAI_LOOP=asyncio."""
    wanted = os.environ.get(LOOP_VARIABLE, "uvloop")
    if wanted == "uvloop":
        try:
            import uvloop
        except ImportError:
            pass
        else:
            return "uvloop", uvloop.new_event_loop
    return "asyncio", asyncio.new_event_loop


def leave(code: int) -> NoReturn:
    """End the process. While a thread is still in a framework, not by way of the interpreter's own end.

    That would unwind the thread out of C++ code, and the process would abort.
    """
    if threading.active_count() == 1:
        raise SystemExit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
