"""Connects dispatch's guard with the configuration, the slow log, the latency monitor and the memory watch."""

from __future__ import annotations

from pyredisai.commands.accounts import store
from pyredisai.commands.client import Client
from pyredisai.commands.context import Services
from pyredisai.commands.guard import NEVER_SLOW
from pyredisai.commands.info.rates import rates
from pyredisai.commands.latency import latency_monitor
from pyredisai.commands.memory_watch import memory_watch
from pyredisai.commands.slowlog import slow_log
from pyredisai.commands.spec import Args, Command


def install_guard(services: Services) -> None:
    """Make the guard follow the configuration from now on; called once, when the services are built."""
    config, guard = services.config, services.guard
    log, monitor = slow_log(services), latency_monitor(services)
    store(services)
    memory_watch(services)
    rates(services)

    def follow(_: object) -> None:
        slow_us: int = config["slowlog-log-slower-than"]
        latency_ms: int = config["latency-monitor-threshold"]
        bounds = [slow_us * 1000] if slow_us >= 0 else []
        bounds += [latency_ms * 1_000_000] if latency_ms > 0 else []
        guard.slow_ns = min(bounds, default=NEVER_SLOW)

    def on_slow(client: Client, args: Args, command: Command, ns: int) -> None:
        slow_us: int = config["slowlog-log-slower-than"]
        if 0 <= slow_us * 1000 <= ns and "skip_slowlog" not in command.flags:
            log.add(client, command, args, ns // 1000, config["slowlog-max-len"])
        latency_ms: int = config["latency-monitor-threshold"]
        if 0 < latency_ms * 1_000_000 <= ns:
            monitor.add("fast-command" if "fast" in command.flags else "command", ns // 1_000_000)

    def track(on: bool) -> None:
        guard.track_latency = on

    guard.on_slow = on_slow
    config.watch("slowlog-log-slower-than", follow)
    config.watch("latency-monitor-threshold", follow)
    config.watch("latency-tracking", track)
