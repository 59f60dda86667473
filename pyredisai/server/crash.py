"""What the log gets of a process that crashes or hangs: the Python stacks of all threads, written by `faulthandler`.

crash-log-enabled: on SIGSEGV, SIGFPE, SIGABRT, SIGBUS and SIGILL. watchdog-period: when the loop has not come round
for so many milliseconds; a thread of C watches it, so that one sees also what keeps the interpreter to itself.
"""

from __future__ import annotations

import faulthandler
import os

from pyredisai.config.registry import Registry
from pyredisai.server.log import Log


class CrashReports:
    """Follows both options. `round` is for the clock."""

    def __init__(self, config: Registry, log: Log) -> None:
        self._config, self._log = config, log
        self._file = os.fdopen(log.descriptor(), "ab", buffering=0)
        self._watched = False
        config.watch("crash-log-enabled", self._enable)
        config.watch("watchdog-period", self._watch)

    def _enable(self, on: bool) -> None:
        if on:
            faulthandler.enable(self._file)
        else:
            faulthandler.disable()

    def _watch(self, period_ms: int) -> None:
        if not period_ms and self._watched:
            faulthandler.cancel_dump_traceback_later()
        self._watched = bool(period_ms)

    def round(self) -> None:
        """The loop has come round: watch it anew, for no less than two of its rounds."""
        if self._watched:
            period_s = max(self._config["watchdog-period"] / 1000, 2 / self._config["hz"])
            faulthandler.dump_traceback_later(period_s, file=self._file)

    def stop(self) -> None:
        """Watch no more: the loop ends."""
        if self._watched:
            faulthandler.cancel_dump_traceback_later()
