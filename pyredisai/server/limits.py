"""What bounds a connection: the settings that every connection reads, kept current by CONFIG SET."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Final

from pyredisai import clock
from pyredisai.commands.client import Client
from pyredisai.commands.client_info import client_type
from pyredisai.config.compound import OutputLimit
from pyredisai.config.registry import Registry

HIGH_WATER: Final = 64 * 1024


class Limits:
    """One per server. `now_ms` is the clock of the server's cron: exact to its period, free to read.

    `on_growth(client)` is there while the memory of clients is bounded: it hears of one that may take more than before.
    """

    def __init__(self, config: Registry) -> None:
        self.now_ms = clock.now_ms()
        self.ids = itertools.count(1)
        self.max_clients = self.max_bulk = self.max_query = self.timeout = self.keepalive = 0
        self.protected = False
        self.output: dict[str, OutputLimit] = {}
        self.low_output = False
        self.on_growth: Callable[[Client], None] | None = None
        for name, field in _INTEGERS.items():
            config.watch(name, partial(setattr, self, field))
        config.watch("protected-mode", partial(setattr, self, "protected"))
        config.watch("client-output-buffer-limit", self._set_output)

    def _set_output(self, value: dict[str, OutputLimit]) -> None:
        self.output = value
        self.low_output = any(0 < size < 2 * HIGH_WATER for limit in self.output.values() for size in limit[:2])

    def output_limit(self, client: Client) -> OutputLimit:
        """The output buffer limit that holds for a client now."""
        kind = client_type(client)
        return self.output.get("slave" if kind == "replica" else kind) or self.output["normal"]


_INTEGERS: Final = {
    "maxclients": "max_clients",
    "proto-max-bulk-len": "max_bulk",
    "client-query-buffer-limit": "max_query",
    "timeout": "timeout",
    "tcp-keepalive": "keepalive",
}
