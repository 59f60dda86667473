"""The registry of configuration values (to be built on ONE table of parameters)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Registry:
    """Values by directive name. `registry["maxmemory"]` is the parsed value."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self._values: dict[str, Any] = {
            "databases": 16,
            "port": 6379,
            "bind": ["127.0.0.1"],
            "requirepass": "",
            "notify-keyspace-events": "",
            "acllog-max-len": 128,
            "cluster-enabled": False,
            "enable-debug-command": "no",
            "enable-module-command": "no",
            "slowlog-log-slower-than": 10000,
            "slowlog-max-len": 128,
            "latency-monitor-threshold": 0,
            "latency-tracking": True,
            "maxmemory": 0,
            "maxmemory-policy": "noeviction",
            "maxmemory-samples": 5,
            "hz": 10,
        }
        self._values.update(values or {})
        self._watchers: dict[str, list[Callable[[Any], None]]] = {}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def watch(self, name: str, callback: Callable[[Any], None]) -> None:
        """Call `callback(value)` now and after each change."""
        self._watchers.setdefault(name, []).append(callback)
        callback(self._values[name])
