"""What AI.INFO tells of a model or script: runs, errors, time and samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class RunStats:
    """Counted on the loop when a run ends. `duration_us` and `samples` of good runs only."""

    duration_us: int = 0
    samples: int = 0
    calls: int = 0
    errors: int = 0

    def add(self, duration_us: int, samples: int) -> None:
        """Count a good run."""
        self.calls += 1
        self.duration_us += duration_us
        self.samples += samples

    def add_error(self) -> None:
        """Count a failed run."""
        self.calls += 1
        self.errors += 1

    def reset(self) -> None:
        """AI.INFO key RESETSTAT."""
        self.duration_us = self.samples = self.calls = self.errors = 0
