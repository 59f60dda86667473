"""The cycle collector: looks at young objects often, and puts aside what it would look at in vain.

Python's full collections look at every container: with a million tensors, lists or hashes they would stop the loop for
a tenth of a second, each time that a quarter more are there. Values are in no cycles, and reference counts free them.
So what a long full collection has found alive is frozen (`gc.freeze`), which costs nothing and leaves it to the
reference counts. Should it be in a cycle that is dropped later, it is found when all is looked at again: when nobody
asks for anything, if that is expected to be short; once a minute, if it is very short; or at MEMORY PURGE.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any, Final

# Net allocations before young objects are looked at; young collections before an older generation is.
THRESHOLDS: Final = (20_000, 2, 1)
LONG: Final = 0.005  # a full collection of so many seconds is not to come back
LONGEST: Final = 0.25  # a look at everything is to be shorter than that
SHORT: Final = 0.03  # below that it is done once a minute, whoever asks
BUSY_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 1.0
FEW_COMMANDS: Final = 10


class Collector:
    """One a process. `commands()` is how many commands the server has processed; seconds throughout.

    What a collection takes is the thread's own time (`cpu`): that others use the processor says nothing of it.
    """

    def __init__(
        self,
        commands: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self._commands = commands
        self._clock = clock
        self._cpu = cpu
        self._began = 0.0
        self._frozen = 0.0  # what a look at all that was frozen since the last one would take longer than that
        self._thorough = 0.0  # what that one took
        self._looked = (0.0, 0)
        self._collected = clock()

    def start(self) -> None:
        """What the start has made lives for ever; collect as described from now on."""
        gc.freeze()
        gc.enable()
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self.watch)

    def watch(self, phase: str, info: dict[str, Any]) -> None:
        """Told by `gc` before and after each collection."""
        if info["generation"] < 2:
            return
        if phase == "start":
            self._began = self._cpu()
            return
        took = self._cpu() - self._began
        if took >= LONG:
            gc.freeze()
            self._frozen += took

    def round(self) -> None:
        """For the clock: look at everything where something was put aside, it will be short and nobody asks."""
        if not self._frozen:
            return
        now, count = self._clock(), self._commands()
        looked, before = self._looked
        if now - looked < QUIET_SECONDS:
            return
        self._looked = (now, count)
        expected = self._thorough + self._frozen
        quiet = count - before < FEW_COMMANDS
        if (quiet and expected < LONGEST) or (expected < SHORT and now - self._collected >= BUSY_SECONDS):
            self.collect()

    def collect(self) -> None:
        """Look at everything; what is alive is put aside."""
        begin = self._cpu()
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._thorough = self._cpu() - begin
        self._frozen = 0.0
        self._collected = self._clock()
