"""--check-system: what of the system makes a server slow or wasteful (Linux)."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

# A text for what was found, empty where all is well; None where it cannot be told or does not matter.
Finding: TypeAlias = "str | None"

_CLOCK: Final = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_HUGE_PAGES: Final = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_MEASURED_S: Final = 0.05
_MOST_SYSTEM: Final = 0.1


def slow_clock() -> Finding:
    """Whether reading the clock takes the kernel: then it takes several times as long."""
    before, until = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() + _MEASURED_S
    while time.monotonic() < until:
        pass
    after = resource.getrusage(resource.RUSAGE_SELF)
    system, user = after.ru_stime - before.ru_stime, after.ru_utime - before.ru_utime
    if system <= _MOST_SYSTEM * (system + user):
        return ""
    return f"Reading the clock is slow. Another source may do better than {_text(_CLOCK) or 'this one'}: see {_CLOCK}."


def xen_clock() -> Finding:
    """Whether the clock is that of Xen."""
    source = _text(_CLOCK)
    if source != "xen":
        return None if source is None else ""
    return f"Xen's clock is slow. Where tsc is offered beside it, choose that: echo tsc > {_CLOCK}"


def overcommit() -> Finding:
    """Redis needs it for its fork; nothing is forked here."""
    return None


def huge_pages() -> Finding:
    """Whether every process gets transparent huge pages."""
    state = _text(_HUGE_PAGES)
    if state is None or "[always]" not in state:
        return None if state is None else ""
    return (
        "Every process gets transparent huge pages, which takes memory and time. A server turns them off for itself"
        f" unless disable-thp is no; for all: echo madvise > {_HUGE_PAGES}"
    )


CHECKS: Final[dict[str, Callable[[], Finding]]] = {
    "slow-clocksource": slow_clock,
    "xen-clocksource": xen_clock,
    "overcommit": overcommit,
    "THP": huge_pages,
}


def check_system(show: Callable[[str], object]) -> bool:
    """Make all checks, a line each; whether none of them warns."""
    fine = True
    for name, check in CHECKS.items():
        finding = check()
        if finding:
            fine = False
            show(f"[{name}]...WARNING:\n{finding}")
        else:
            show(f"[{name}]...{'skipped' if finding is None else 'OK'}")
    return fine


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return None
