"""The script: TorchScript source, beside the program it was compiled to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from pyredisai.ai.stats import RunStats


@dataclass(slots=True, eq=False, weakref_slot=True)
class Script:
    """A stored script. `program` is what the TORCH backend compiled, None until it is first needed.

    `source` ends without a null byte; `device` in the case the user wrote; without `entry_points` any
    function of it can be called (the deprecated AI.SCRIPTSET).
    """

    device: str
    source: bytes
    tag: bytes = b""
    entry_points: tuple[bytes, ...] = ()
    program: Any = None
    stats: RunStats = field(default_factory=RunStats)

    redis_type: ClassVar[str] = "AI_SCRIPT"

    def copy(self) -> Script:
        """The value of a COPY: shares source and program, counts its own runs."""
        return replace(self, stats=RunStats())
