"""Finished jobs on their way from worker threads to the loop: many of them, one wake-up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pyredisai.execution.job import Job


class Loop(Protocol):
    """What the scheduler needs of an asyncio event loop."""

    def call_soon(self, callback: Callable[..., object], *args: Any) -> Any:
        """Call in the next round."""

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        """Call after `delay` seconds; the result has `cancel`."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any) -> Any:
        """Call in the next round; from any thread."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Report an exception that nobody awaits."""


class LoopOutbox:
    """What the workers share with the loop. `deliver` is called on the loop when there is something to `take`."""

    def __init__(self, deliver: Callable[[], None]) -> None:
        self.loop: Loop | None = None
        self._deliver = deliver
        self._jobs: deque[Job] = deque()
        self._pending = False
        self._last_ns = 0

    def put(self, jobs: Sequence[Job]) -> None:
        """Any thread: hand over finished jobs."""
        self._jobs.extend(jobs)

    def signal(self, now_ns: int) -> None:
        """Any thread: wake the loop, unless it was woken and has not looked yet."""
        if self._pending:
            return
        self._pending = True
        self._last_ns = now_ns
        assert self.loop is not None
        try:
            self.loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:  # the loop is closed: nobody waits for a reply
            pass

    def signalled_ns(self) -> int:
        """When the loop was last woken."""
        return self._last_ns

    def take(self) -> Job | None:
        """The loop: the next finished job."""
        while True:
            try:
                return self._jobs.popleft()
            except IndexError:
                if not self._pending:
                    return None
                self._pending = False  # then look once more: what comes from now on signals again
