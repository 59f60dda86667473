"""What a replica knows of the link to its primary. `server.following` keeps it; INFO and ROLE show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

STATES = ("connect", "connecting", "handshake", "sync", "connected")


@dataclass(slots=True)
class Upstream:
    """Times in monotonic seconds. `state` is one of STATES; `database` is the one that the stream has selected.

    `hands_over`: the primary is a replica of ours, which is to become one by our asking (FAILOVER).
    `start()` begins to follow the primary that the configuration names, `stop()` ends that.
    """

    host: str = ""
    port: int = 0
    state: str = "connect"
    database: int = 0
    last_io_s: float = field(default_factory=time.monotonic)
    down_since_s: float = field(default_factory=time.monotonic)
    sync_total: int = 0
    sync_read: int = 0
    hands_over: bool = False
    was_up: bool = False  # since it began to follow this primary
    start: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None

    @property
    def is_up(self) -> bool:
        """Whether the stream flows."""
        return self.state == "connected"

    def set_state(self, state: str) -> None:
        """Follow the link."""
        if self.is_up and state != "connected":
            self.down_since_s = time.monotonic()
        self.was_up |= state == "connected"
        self.state = state

    @property
    def age_ms(self) -> int:
        """How long ago the primary has been heard: by now, or when the link was lost."""
        since = self.last_io_s if self.is_up else self.down_since_s
        return int((time.monotonic() - since) * 1000)
