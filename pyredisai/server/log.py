"""Log lines in Redis' format: process id, role, local time, level, text."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
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


def system_log(ident: str, facility: str) -> Callable[[str, str], None]:
    """The way to syslog: a function of level and text."""
    import syslog

    syslog.openlog(ident, syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT, _facility(facility))
    levels = {
        "debug": syslog.LOG_DEBUG,
        "verbose": syslog.LOG_INFO,
        "notice": syslog.LOG_NOTICE,
        "warning": syslog.LOG_WARNING,
    }

    def write(level: str, text: str) -> None:
        clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", " ")
        syslog.syslog(levels[level], clean)

    return write


def _facility(name: str) -> int:
    import syslog

    return int(getattr(syslog, f"LOG_{name.upper()}"))


class Log:
    """The server's log: `log(level, text)`.

    The file is opened for each line, as Redis does, so that it may be moved away at any time.
    """

    def __init__(self, config: Registry) -> None:
        self._least = 0
        self._file: str = os.path.abspath(config["logfile"]) if config["logfile"] else ""
        self._system = (
            system_log(config["syslog-ident"], config["syslog-facility"]) if config["syslog-enabled"] else None
        )
        config.watch("loglevel", self._set_level)

    def _set_level(self, level: str) -> None:
        self._least = _GRAVITY[level]

    def __call__(self, level: str, text: str, role: str = "M") -> None:
        """Write a line, unless its level is below loglevel. A log that cannot be written is no reason to fail."""
        if _GRAVITY[level] < self._least:
            return
        self._write(log_line(level, text, role))
        if self._system is not None:
            self._system(level, text)

    def raw(self, text: str) -> None:
        """Write lines as they are, at level notice."""
        if _GRAVITY["notice"] < self._least:
            return
        self._write(text)
        if self._system is not None:
            self._system("notice", text)

    def descriptor(self) -> int:
        """A file descriptor of one's own, for what writes to the log by itself. It stays with the file as it is now."""
        try:
            return os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) if self._file else os.dup(1)
        except OSError:
            return os.open(os.devnull, os.O_WRONLY)

    def _write(self, text: str) -> None:
        line = text.encode("utf-8", "surrogateescape")
        try:
            if self._file:
                with open(self._file, "ab", buffering=0) as file:
                    file.write(line)
            else:
                os.write(1, line)
        except OSError:
            pass
