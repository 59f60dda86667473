"""Log lines in Redis' format: process id, role, local time, level, text."""

from __future__ import annotations

import os
import sys
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


def write_log(config: Registry, level: str, text: str) -> None:
    """Log to `logfile`, or the standard output, what is as grave as `loglevel`."""
    if _GRAVITY[level] < _GRAVITY[config["loglevel"]]:
        return
    line = log_line(level, text)
    if config["logfile"]:
        with open(config["logfile"], "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line)
    else:
        sys.stdout.write(line)
        sys.stdout.flush()
