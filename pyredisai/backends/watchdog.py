"""Stops runs that take too long: one thread for all sessions, which sleeps while nothing runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from pyredisai import clock

_now: Final = clock.monotonic_ns


class Watchdog:
    """Calls `stop(handle)` for each handle that stays longer than `timeout_ms`. The thread starts when first needed.

    `watch` and `release` cost a dict operation each: they stand around every run. Either of them or the thread takes
    a handle out, never both: so a run that ends just then is told, and a handle that `release` found is not stopped
    any more and may serve again. Handles are hashable, and equal to nothing but themselves.
    """

    def __init__(self, timeout_ms: int, stop: Callable[[Any], None]) -> None:
        self.timeout_ms = timeout_ms
        self._timeout_ns = timeout_ms * 1_000_000
        self._stop = stop
        self._running: dict[Any, int] = {}  # since when
        self._wake = threading.Event()
        self._idle = True
        self._started = False
        self._start_lock = threading.Lock()

    def watch(self, handle: Any) -> None:
        """A run begins."""
        self._running[handle] = _now()
        if self._idle:  # read after the entry is made: the thread looks in the opposite order
            if not self._started:
                self._start()
            self._wake.set()

    def release(self, handle: Any) -> bool:
        """The run has ended; False where it was stopped, or is about to be: then the handle is of no more use."""
        return self._running.pop(handle, None) is not None

    def _start(self) -> None:
        with self._start_lock:
            if not self._started:
                self._started = True
                threading.Thread(target=self._loop, name="watchdog", daemon=True).start()

    def _loop(self) -> None:
        while True:
            self._idle = True
            if not self._running:
                self._wake.wait()
            self._wake.clear()
            self._idle = False
            while running := list(self._running.items()):
                now, first = _now(), 0
                for handle, start in running:
                    due = start + self._timeout_ns
                    if due <= now:
                        self._end(handle, start)
                    elif not first or due < first:
                        first = due
                if first:
                    self._wake.wait((first - now) / 1e9)
                    self._wake.clear()

    def _end(self, handle: Any, start_ns: int) -> None:
        """Stop what has run since then, unless it has ended; a later run with the same handle is put back."""
        found = self._running.pop(handle, None)
        if found == start_ns:
            self._stop(handle)
        elif found is not None:
            self._running[handle] = found
