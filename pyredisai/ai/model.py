"""The model: what MODELSTORE was given, beside the session that runs it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from pyredisai.ai.stats import RunStats


class ModelOptions(NamedTuple):
    """The options of AI.MODELSTORE beside its blob. `min_batch_timeout` in milliseconds; 0 is none."""

    tag: bytes = b""
    batch_size: int = 0
    min_batch_size: int = 0
    min_batch_timeout: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(slots=True, eq=False, weakref_slot=True)
class Model:
    """A stored model. `device` in the case the user wrote; `session` is a backends.base.Session.

    RENAME and MOVE take the value along, its statistics with it; COPY stores `copy()`. The options' names
    are the session's: those that AI.MODELGET META shows.
    """

    redis_type: ClassVar[str] = "AI__MODEL"

    backend: str
    device: str
    blob: bytes | memoryview
    options: ModelOptions
    session: Any
    stats: RunStats = field(default_factory=RunStats)

    def copy(self) -> Model:
        """The value of a COPY: shares blob and session, counts its own runs."""
        return replace(self, stats=RunStats())
