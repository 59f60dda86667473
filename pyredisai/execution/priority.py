"""How much the threads beside the main one give way to it, and to other processes."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

SUPPORTED: Final = sys.platform == "linux"  # elsewhere niceness is the whole process'
MOST: Final = 19


def be_nice(niceness: int) -> None:
    """Raise the calling thread's niceness by so much; threads that it makes inherit that. 0 changes nothing."""
    if niceness and SUPPORTED:
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(os.getpriority(os.PRIO_PROCESS, thread) + niceness, MOST))
