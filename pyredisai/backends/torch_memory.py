"""Modules on GPUs that are gone: freed when nothing on the card reads them, their memory given back to the card."""

from __future__ import annotations

import threading
import time
from typing import Any

_WAIT = 0.05  # seconds: FLUSHALL ends many models


class CardMemory:
    """Frees modules. Without it PyTorch's allocator would keep the memory for itself until the process ends."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self._lock = threading.Lock()
        self._gone: list[tuple[Any, Any]] = []

    def free(self, module: Any, place: Any) -> None:
        """Free a module, the only reference, on a thread of its own soon: that waits for what runs on the card.

        May be called from any thread.
        """
        with self._lock:
            self._gone.append((module, place))
            if len(self._gone) > 1:
                return
        try:
            threading.Thread(target=self._free, name="gpu_memory", daemon=True).start()
        except RuntimeError:  # the interpreter ends, and all memory with it
            return

    def _free(self) -> None:
        time.sleep(_WAIT)
        with self._lock:
            gone, self._gone = self._gone, []
        cuda = self._torch.cuda
        try:
            for place in {place for _, place in gone}:
                cuda.synchronize(place)
            gone.clear()
            cuda.empty_cache()
        except RuntimeError:  # a card that an assertion has stopped gives nothing back before the process ends
            return
