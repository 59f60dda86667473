"""Sessions that several models share: one blob stored under two keys has its weights in memory once.

Only sessions that say they keep no state between runs (`shareable`) are shared, and only by models that would
be opened in the same way. They are held weakly: the last model that goes takes its session along.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from hashlib import sha256
from typing import Any
from weakref import WeakValueDictionary

from pyredisai.ai.model import ModelOptions
from pyredisai.backends.base import Session
from pyredisai.errors import ai_texts


class SharedSession:
    """A further model's view of a session: it has notes on run times and batches of its own."""

    def __init__(self, session: Any) -> None:
        self.input_names: tuple[str, ...] = session.input_names
        self.output_names: tuple[str, ...] = session.output_names
        self.input_types = getattr(session, "input_types", ())
        self.batch_mismatch = getattr(session, "batch_mismatch", ai_texts.BATCH_SIZE_MISMATCH)
        self.estimates: dict[Any, Any] | None = {} if getattr(session, "estimates", None) is not None else None
        self.run = session.run
        self.original = session

    def close(self) -> None:
        """Nothing: the session belongs to all."""


class SessionShare:
    """The open sessions of one server by what they were opened from. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._sessions: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        self._lock = threading.Lock()

    def open(
        self,
        backend: str,
        device: str,
        blob: bytes | memoryview,
        options: ModelOptions,
        make: Callable[[], Session],
    ) -> tuple[Session, bytes | memoryview]:
        """The session that another model has open, or the one that `make` opens; and the blob to keep with it."""
        key = (backend, device, sha256(blob).digest(), options.inputs, options.outputs)
        with self._lock:
            found = self._sessions.get(key)
        if found is not None:
            return SharedSession(found), found.shared_blob
        session: Any = make()
        if getattr(session, "shareable", False):
            session.shared_blob = blob
            with self._lock:
                self._sessions[key] = session
        return session, blob
