"""Log lines in Redis' format: process id, role, local time, level, text."""

from __future__ import annotations

import os
import time
from typing import Final

from pyredisai import clock

LEVELS: Final = {"debug": ".", "verbose": "-", "notice": "*", "warning": "#"}


def log_line(level: str, text: str, role: str = "M") -> str:
    """One line with its end. `role` is M for a primary, S a replica, C what is no server yet (a start, a child)."""
    now = clock.now_ms()
    day = time.strftime("%d %b %Y %H:%M:%S", time.localtime(now // 1000))
    return f"{os.getpid()}:{role} {day}.{now % 1000:03d} {LEVELS[level]} {text}\n"
