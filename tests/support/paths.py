"""Where things are: the repository, and the material that stands beside it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def shared_path() -> Path:
    """The folder with golden recordings and small models; it may be missing."""
    named = os.environ.get("PYREDISAI_SHARED")
    return Path(named) if named else ROOT.parent / "shared"
