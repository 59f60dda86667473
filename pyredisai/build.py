"""Which build of the sources runs: as they are, or compiled (see docs/adr/0009-optional-compiled-build.md)."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

# One module stands for all that `setup.py` compiles: they are built together or not at all.
_spec = find_spec("pyredisai.glob")
COMPILED: Final = _spec is not None and not (_spec.origin or ".py").endswith(".py")
BUILD: Final = "compiled" if COMPILED else "pure"
