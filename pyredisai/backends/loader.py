"""Name to backend: finds, imports and keeps the frameworks."""

from __future__ import annotations


class BackendLoader:
    """Placeholder of the loader's interface; see the backends' own brief."""
