"""Sections of INFO that count: commands, errors, latencies."""

from __future__ import annotations

from pyredisai.commands.context import Services
from pyredisai.commands.timing import percentile


def commandstats(services: Services) -> dict[str, object]:
    """Calls and microseconds of each command that was called or refused."""
    return {
        f"cmdstat_{c.name}": f"calls={c.calls},usec={c.usec},usec_per_call={c.ns / 1000 / (c.calls or 1):.2f},"
        f"rejected_calls={c.rejected},failed_calls={c.failed}"
        for c in services.table.all()
        if c.calls or c.rejected or c.failed
    }


def errorstats(services: Services) -> dict[str, object]:
    """Error replies by their code."""
    codes = services.stats.errors_by_code
    return {f"errorstat_{code}": f"count={codes[code]}" for code in sorted(codes)}


def latencystats(services: Services) -> dict[str, object]:
    """Percentiles of each command's duration in microseconds."""
    if not services.config["latency-tracking"]:
        return {}
    wanted = services.config["latency-tracking-info-percentiles"]
    return {
        f"latency_percentiles_usec_{c.name}": ",".join(
            f"p{percent:.15g}={percentile(c.histogram, percent):.3f}" for percent in wanted
        )
        for c in services.table.all()
        if c.histogram
    }
