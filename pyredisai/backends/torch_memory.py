"""The memory of GPUs that PyTorch keeps for its next use: given back to the cards when a model is gone."""

from __future__ import annotations

import threading
import time
from typing import Any

_WAIT = 0.05  # seconds: FLUSHALL ends many models


class CardMemory:
    """What PyTorch's allocator holds on GPUs and nobody uses. `release` may be called from any thread."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._lock = threading.Lock()
        self._due = False

    def release(self) -> None:
        """Give it back soon, on a thread of its own: the driver waits for the runs that are in progress."""
        with self._lock:
            if self._due:
                return
            self._due = True
        try:
            threading.Thread(target=self._give_back, name="gpu_memory", daemon=True).start()
        except RuntimeError:  # the interpreter ends, and all memory with it
            return

    def _give_back(self) -> None:
        time.sleep(_WAIT)
        with self._lock:
            self._due = False
        try:
            self._torch.cuda.empty_cache()
        except RuntimeError:  # a card that an assertion has stopped gives nothing back before the process ends
            return
