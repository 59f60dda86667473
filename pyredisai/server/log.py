"""Log lines in Redis' format: process id, role, local time, level, text."""

from __future__ import annotations

import os
import time
from typing import Final

from pyredisai import clock
from pyredisai.config.registry import Registry

LEVELS: Final = {"debug": ".", "verbose": "-", "notice": "*", "warning": "#"}
_GRAVITY: Final = {level: gravity for gravity, level in enumerate(LEVELS)}


def log_line(level: str, text: str, role: str = "M") -> str:
    """One line with its end. `role` is M for a primary, S a replica, C what is no server yet (a start, a child)."""
    now = clock.now_ms()
    day = time.strftime("%d %b %Y %H:%M:%S", time.localtime(now // 1000))
    return f"{os.getpid()}:{role} {day}.{now % 1000:03d} {LEVELS[level]} {text}\n"


class Log:
    """The server's log: `log(level, text)`.

    The file is opened for each line, as Redis does, so that it may be moved away at any time.
    """

    def __init__(self, config: Registry) -> None:
        self._least = 0
        self._file: str = os.path.abspath(config["logfile"]) if config["logfile"] else ""
        config.watch("loglevel", self._set_level)

    def _set_level(self, level: str) -> None:
        self._least = _GRAVITY[level]

    def __call__(self, level: str, text: str, role: str = "M") -> None:
        """Write a line, unless its level is below loglevel. A log that cannot be written is no reason to fail."""
        if _GRAVITY[level] < self._least:
            return
        line = log_line(level, text, role).encode("utf-8", "surrogateescape")
        try:
            if self._file:
                with open(self._file, "ab", buffering=0) as file:
                    file.write(line)
            else:
                os.write(1, line)
        except OSError:
            pass
