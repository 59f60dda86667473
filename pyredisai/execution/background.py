"""Helper threads for what takes long and is no run: importing a framework, opening a model."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

MAX_THREADS = 4


class BackgroundPool:
    """Runs functions on up to four daemon threads, started when needed. `run` is the loop's to call.

    Each thread begins with `begin`.
    """

    def __init__(self, max_threads: int = MAX_THREADS, begin: Callable[[], None] = lambda: None) -> None:
        self._begin = begin
        self._max_threads = max_threads
        self._work: deque[Callable[[], None]] = deque()
        self._condition = threading.Condition(threading.Lock())
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def run(self, function: Callable[[], None]) -> None:
        """Run `function`, which must not raise, on a helper thread."""
        with self._condition:
            self._work.append(function)
            if self._idle >= len(self._work):
                self._condition.notify()
                return
        if len(self._threads) < self._max_threads:
            name = f"background_n{len(self._threads) + 1}"
            thread = threading.Thread(target=self._loop, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Let the threads end after what they are at; waiting functions are dropped."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _loop(self) -> None:
        self._begin()
        while True:
            with self._condition:
                while not self._work and not self._closed:
                    self._idle += 1
                    self._condition.wait()
                    self._idle -= 1
                if self._closed:
                    return
                function = self._work.popleft()
            function()
            del function  # what it holds must not wait for the next one
