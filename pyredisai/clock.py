"""The server's clocks. Wall time for what clients see, monotonic time for durations."""

from __future__ import annotations

import time

monotonic_ns = time.perf_counter_ns


def now_ms() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def now_us() -> int:
    """Unix time in microseconds."""
    return time.time_ns() // 1_000
