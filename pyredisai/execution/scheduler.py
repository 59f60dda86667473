"""Where a job runs."""

from __future__ import annotations


class Scheduler:
    """Placeholder of the scheduler's interface."""
