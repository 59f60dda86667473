"""The model: what MODELSTORE was given, beside the session that runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyredisai.ai.stats import RunStats

if TYPE_CHECKING:
    Session = Any


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of AI.MODELSTORE beside its blob. `min_batch_timeout` in milliseconds; 0 is none."""

    tag: bytes = b""
    batch_size: int = 0
    min_batch_size: int = 0
    min_batch_timeout: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A stored model. `device` in the case the user wrote; `session` is a backends.base.Session.

    A copy under another key (COPY, RENAME) shares blob and session; statistics belong to the key's value.
    """

    backend: str
    device: str
    blob: bytes | memoryview
    options: ModelOptions
    session: Any
    stats: RunStats = field(default_factory=RunStats)
