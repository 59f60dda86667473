"""LATENCY: events that took at least `latency-monitor-threshold` milliseconds, and command histograms."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pyredisai.commands.context import Context, Services
from pyredisai.commands.spec import Args, Command, Family
from pyredisai.commands.timing import cumulative_by_doubling
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import Reply, Verbatim

family = Family("server")

_KEPT = 160
_COLUMNS, _ROWS, _MARKS = 80, 4, "_o#"


@dataclass(slots=True)
class Series:
    """An event's samples, (Unix seconds, ms), oldest first; one a second, the slowest. `worst` is of all time."""

    samples: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    worst: int = 0


class LatencyMonitor:
    """Series by event: command, fast-command, expire-cycle, eviction-cycle …"""

    def __init__(self) -> None:
        self.events: dict[str, Series] = {}

    def add(self, event: str, milliseconds: int) -> None:
        """Take a sample."""
        series = self.events.setdefault(event, Series())
        now = int(time.time())
        series.worst = max(series.worst, milliseconds)
        if series.samples and series.samples[-1][0] == now:
            milliseconds = max(milliseconds, series.samples.pop()[1])
        series.samples.append((now, milliseconds))


def latency_monitor(services: Services) -> LatencyMonitor:
    """The server's monitor."""
    found = services.extra.get("latency")
    if found is None:
        found = services.extra["latency"] = LatencyMonitor()
    assert isinstance(found, LatencyMonitor)
    return found


family.add("latency", None, arity=-2, since="2.8.13", summary="Commands about slow events.")


def _latency(sub: str, arity: int, summary: str, syntax: str = "") -> Callable[..., Callable[..., Reply]]:
    tips: tuple[str, ...] = ("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")
    if sub == "reset":
        tips = ("request_policy:all_nodes", "response_policy:all_succeeded")
    return family.command(
        f"latency|{sub}",
        arity=arity,
        flags="admin noscript loading stale",
        since="7.0.0" if sub == "histogram" else "2.8.13",
        summary=summary,
        syntax=syntax,
        complexity="O(N), the number of commands with samples" if sub == "histogram" else "O(1)",
        tips=tips,
    )


@_latency("latest", 2, "The newest sample of each event.")
def latency_latest(ctx: Context, args: Args) -> Reply:
    """LATENCY LATEST: event, time, last and worst milliseconds."""
    events = latency_monitor(ctx.server).events
    return [[name, *series.samples[-1], series.worst] for name, series in events.items()]


@_latency("history", 3, "All samples of an event.", "event")
def latency_history(ctx: Context, args: Args) -> Reply:
    """LATENCY HISTORY event."""
    series = latency_monitor(ctx.server).events.get(args[2].decode("latin-1"))
    return [list(sample) for sample in series.samples] if series else []


@_latency("reset", -2, "Forget events.", "[event [event ...]]")
def latency_reset(ctx: Context, args: Args) -> Reply:
    """LATENCY RESET [event…]: how many were known."""
    events = latency_monitor(ctx.server).events
    names = [arg.decode("latin-1") for arg in args[2:]] or list(events)
    return sum(events.pop(name, None) is not None for name in names)


@_latency("graph", 3, "An event's samples as a picture.", "event")
def latency_graph(ctx: Context, args: Args) -> Reply:
    """LATENCY GRAPH event."""
    name = args[2].decode("latin-1")
    series = latency_monitor(ctx.server).events.get(name)
    if series is None:
        raise ReplyError(texts.no_samples(name))
    return Verbatim(graph(name, series, int(time.time())).encode())


def graph(name: str, series: Series, now: int) -> str:
    """The last 80 samples as bars of four rows, the age of each below, written downwards."""
    samples = list(series.samples)[-_COLUMNS:]
    values = [ms for _, ms in samples]
    low, high = min(values), max(values)
    lines = [f"{name} - high {high} ms, low {low} ms (all time high {series.worst} ms)", "-" * _COLUMNS]
    steps = [(value - low) / ((high - low) or 1) * (_ROWS * len(_MARKS) - 1) for value in values]
    for row in range(_ROWS - 1, -1, -1):
        lines.append("".join(_mark(int(step) - row * len(_MARKS)) for step in steps))
    ages = [_age(now - when) for when, _ in samples]
    lines.append(" " * len(samples))
    for at in range(max(map(len, ages))):
        lines.append("".join(age[at : at + 1] or " " for age in ages))
    return "\n".join(lines) + "\n"


def _mark(step: int) -> str:
    if step < 0:
        return " "
    return _MARKS[step] if step < len(_MARKS) else "|"


def _age(seconds: int) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


@_latency("doctor", 2, "What the samples say.")
def latency_doctor(ctx: Context, args: Args) -> Reply:
    """LATENCY DOCTOR."""
    if not ctx.server.config["latency-monitor-threshold"]:
        return Verbatim(
            b"Nothing is measured: latency-monitor-threshold is 0. Set it to a number of milliseconds "
            b"(CONFIG SET latency-monitor-threshold 100) and ask again.\n"
        )
    events = latency_monitor(ctx.server).events
    if not events:
        return Verbatim(b"No event took longer than the threshold.\n")
    lines = []
    for name, series in events.items():
        values = [ms for _, ms in series.samples]
        mean = sum(values) / len(values)
        lines.append(f"{name}: {len(values)} slow seconds, {mean:.0f} ms on average, {series.worst} ms at worst.")
    lines.append("SLOWLOG GET shows the commands themselves, if slowlog-log-slower-than is low enough.")
    return Verbatim(("\n".join(lines) + "\n").encode())


@_latency("histogram", -2, "How long commands took.", "[command [command ...]]")
def latency_histogram(ctx: Context, args: Args) -> Reply:
    """LATENCY HISTOGRAM [command…]: calls, and how many took at most 1, 2, 4 … microseconds."""
    table = ctx.server.table
    if len(args) > 2:
        found = [table.find_full(name) for name in args[2:]]
        chosen = [c for command in found if command for c in (command, *command.subcommands.values())]
    else:
        chosen = list(table.all())
    return {command.name: _histogram(command) for command in chosen if command.histogram}


def _histogram(command: Command) -> Reply:
    steps = cumulative_by_doubling(command.histogram or ())
    return {b"calls": command.calls, b"histogram_usec": dict(steps)}


family.help("latency", since="2.8.13")
