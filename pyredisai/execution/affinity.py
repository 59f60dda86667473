"""Which CPUs threads run on: lists as redis.conf writes them, and work that has a list of its own (Linux)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

Cpus: TypeAlias = frozenset[int]
Run: TypeAlias = "Callable[[Callable[[], Any], Callable[[Any], None]], None]"

SUPPORTED: Final = hasattr(os, "sched_setaffinity")
MOST_CPUS: Final = 1024  # of the kernel's mask as the C library declares it
_ITEM: Final = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")


def parse_cpu_list(text: str) -> Cpus | None:
    """The CPUs of a list such as `0,2-3,8-14:2`; None for what is no such list."""
    cpus: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item.strip(" \t"))
        if match is None:
            return None
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if first > last or not step:
            return None
        cpus.update(range(first, min(last, MOST_CPUS - 1) + 1, step))
    return frozenset(cpus)


def current_cpus() -> Cpus | None:
    """Those of the calling thread; None where the system does not tell."""
    return frozenset(os.sched_getaffinity(0)) if SUPPORTED else None


def bind(cpus: Cpus | None) -> bool:
    """Keep the calling thread to these CPUs; whether the system does. None leaves it as it is.

    Threads that it starts inherit that.
    """
    if cpus is None:
        return True
    try:
        os.sched_setaffinity(0, cpus)
    except (AttributeError, OSError, ValueError):
        return False
    return True


class Bound:
    """A way to the helper threads for one kind of work: while that runs, its thread keeps to `cpus` (None: any)."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.cpus: Cpus | None = None

    def __call__(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run `function` there, then `done` on the loop."""
        self._run(function if self.cpus is None else partial(_bound, self.cpus, function), done)


class Background:
    """The kinds of background work that have a list of their own: syncing, rewrites of the log, snapshots."""

    def __init__(self, run: Run) -> None:
        self.sync, self.rewrite, self.save = Bound(run), Bound(run), Bound(run)


def _bound(cpus: Cpus, function: Callable[[], Any]) -> Any:
    """The thread goes back to other work: it gets back the CPUs that it had."""
    before = current_cpus()
    bind(cpus)
    try:
        return function()
    finally:
        bind(before)
