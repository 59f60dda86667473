"""The way between the event loop and threads: work in the background, and results that may have to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from pyredisai.execution.affinity import Cpus, bind
from pyredisai.execution.background import BackgroundPool
from pyredisai.execution.frames import without_frames
from pyredisai.execution.outbox import Loop
from pyredisai.execution.priority import be_nice

T = TypeVar("T")


class LoopAccess:
    """`loop` is the running one when it is not given: it must run when it is first needed.

    While results are held (`hold`) nobody is told of any: what has ended is told at `release`, in its order.
    `niceness` is added to that of the threads that start from then on; the frameworks' own inherit it.
    `cpus` are those that they keep to, None: those of the loop's thread.
    """

    def __init__(self, loop: Loop | None = None) -> None:
        self._known_loop = loop
        self.niceness = 0
        self.cpus: Cpus | None = None
        self._background = BackgroundPool(begin=self._begin_thread)
        self._held = False
        self._postponed: list[Callable[[], object]] = []

    @property
    def _loop(self) -> Loop:
        # Not a cached property: one that wrote to `__dict__` would make every attribute of a scheduler slower to read.
        loop = self._known_loop
        if loop is None:
            loop = self._known_loop = asyncio.get_running_loop()
        return loop

    def _begin_thread(self) -> None:
        be_nice(self.niceness)
        bind(self.cpus)

    def run_in_background(self, function: Callable[[], T], done: Callable[[T | BaseException], None]) -> None:
        """Run `function` on a helper thread; `done(result or exception)` is called on the loop."""

        loop = self._loop

        def work() -> None:
            result: T | BaseException
            try:
                result = function()
            except BaseException as error:
                result = without_frames(error)
            try:
                loop.call_soon_threadsafe(self._unless_held, partial(done, result))
            except RuntimeError:  # the loop is closed: nobody waits
                pass

        self._background.run(work)

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call `function` at the end of the loop's present round."""
        self._loop.call_soon(function)

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call `function` on the loop when `seconds` have passed."""
        self._loop.call_later(seconds, function)

    def way_to_loop(self) -> Callable[[Callable[[], object]], object]:
        """Asked for on the loop: a `call_soon` that threads may call."""
        return self._loop.call_soon_threadsafe

    def call_on_loop(self, function: Callable[[], T]) -> T:
        """A worker's way to the loop: run `function` there, wait, and return or raise what it does."""
        answer: Future[T] = Future()
        self._loop.call_soon_threadsafe(self._unless_held, partial(_answer, function, answer))
        try:
            return answer.result()
        finally:
            del answer  # which holds the exception whose frames hold it

    def hold(self) -> None:
        """Tell nobody of results until `release`: a suspended script must find the data as it left them."""
        self._held = True

    def release(self) -> None:
        """Tell what was held back, in its order."""
        self._held = False
        postponed, self._postponed = self._postponed, []
        for function in postponed:
            self._unless_held(function)

    def _unless_held(self, function: Callable[[], object]) -> None:
        if self._held:
            self._postponed.append(function)
        else:
            function()


def _answer(function: Callable[[], T], answer: Future[T]) -> None:
    try:
        answer.set_result(function())
    except BaseException as error:
        answer.set_exception(without_frames(error))
