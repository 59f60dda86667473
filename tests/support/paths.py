"""Where things are: the repository, the package under test, and the material that stands beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pyredisai

ROOT = Path(__file__).resolve().parents[2]
# Servers are started from the package that the tests import: this checkout's, or a compiled one (`make test-compiled`).
PACKAGE_PATH = Path(pyredisai.__file__).resolve().parents[1]


def shared_path() -> Path:
    """The folder with golden recordings and small models; it may be missing."""
    named = os.environ.get("PYREDISAI_SHARED")
    return Path(named) if named else ROOT.parent / "shared"
