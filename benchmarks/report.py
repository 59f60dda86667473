"""Results: a table for people, JSON for programs, a plot, and RESULTS.md."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

from pyredisai.build import BUILD
from tests.support.paths import ROOT
from tests.support.server import REDIS_SERVER


@dataclass
class Row:
    """One case: what each round gave, as ratios (> 1: we are better) and as values of both sides."""

    group: str
    name: str
    against: str
    unit: str
    reach: float | None = None
    aim: float | None = None
    ratios: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    unavailable: str | None = None

    def add(self, ours: float, reference: float, *, more_is_better: bool) -> None:
        """One round."""
        self.ours.append(ours)
        self.reference.append(reference)
        high, low = (ours, reference) if more_is_better else (reference, ours)
        self.ratios.append(high / low if low else float("nan"))

    @property
    def verdict(self) -> str:
        """How the median stands to the goals."""
        if self.reach is None or self.aim is None or not self.ratios:
            return ""
        middle = median(self.ratios)
        return "aim" if middle >= self.aim else "reach" if middle >= self.reach else "BELOW"


def machine() -> dict[str, str]:
    """What a stranger needs to read the figures."""
    versions = {}
    for name in ("hiredis", "numpy", "onnxruntime", "tensorflow-cpu", "torch", "ai-edge-litert", "uvloop"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    redis = "not installed"
    if REDIS_SERVER:
        redis = subprocess.run([REDIS_SERVER, "--version"], capture_output=True, text=True, check=False).stdout.split()[
            2
        ]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit or "unknown",
        "build": BUILD,
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "redis-server": redis.removeprefix("v="),
        **versions,
    }


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


EXPLANATION = (
    "Ratio: median (min to max) over the rounds; 1.00 is equal, more is better for us, whatever the unit. "
    "Goals are the project's: `reach` and `aim` are met, `BELOW` is not."
)


def number(value: float) -> str:
    """Three significant digits, thousands without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def cells(row: Row) -> list[str]:
    """A row's text."""
    if not row.ratios:
        return [row.name, row.against, "-", f"not measured: {row.unavailable}", "", "", ""]
    spread = f"{median(row.ratios):.2f} ({min(row.ratios):.2f} to {max(row.ratios):.2f})"
    values = f"{number(median(row.ours))} / {number(median(row.reference))}"
    goal = f"{row.reach:.2f} / {row.aim:.2f}" if row.reach is not None and row.aim is not None else ""
    return [row.name, row.against, spread, values, row.unit, goal, row.verdict]


HEAD = ["what", "against", "ratio", "ours / reference", "unit", "reach / aim", "goal"]


def table(rows: Sequence[Row]) -> str:
    """Aligned text."""
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def markdown(rows: Sequence[Row], facts: dict[str, str], command: str, picture: str = "") -> str:
    """RESULTS.md; `picture` is the plot's file beside it."""
    parts = ["# Benchmark results", "", f"Written by `{command}`. {EXPLANATION}", ""]
    parts += [f"- {name}: {value}" for name, value in facts.items()]
    if picture:
        parts += ["", f"![Ratios of all rows]({picture})"]
    for group in dict.fromkeys(row.group for row in rows):
        parts += ["", f"## {group}", "", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
        parts += ["| " + " | ".join(cells(row)) + " |" for row in rows if row.group == group]
    return "\n".join(parts) + "\n"


def write_json(rows: Sequence[Row], facts: dict[str, str], path: Path) -> None:
    """Everything that was measured."""
    path.write_text(json.dumps({"machine": facts, "rows": [asdict(row) for row in rows]}, indent=1) + "\n", "utf-8")


def plot(rows: Sequence[Row], facts: dict[str, str], path: Path) -> bool:
    """A bar a row with its spread and goals; False where matplotlib is not installed."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    done = [row for row in rows if row.ratios][::-1]
    figure, axes = pyplot.subplots(figsize=(11, 1.5 + 0.28 * len(done)))
    middles = [median(row.ratios) for row in done]
    spread = [
        [middle - min(row.ratios) for middle, row in zip(middles, done, strict=True)],
        [max(row.ratios) - middle for middle, row in zip(middles, done, strict=True)],
    ]
    colours = [{"aim": "#2a9d5c", "reach": "#8ab17d", "BELOW": "#d1495b"}.get(row.verdict, "#7d8597") for row in done]
    axes.barh(range(len(done)), middles, xerr=spread, color=colours, error_kw={"ecolor": "#333333", "capsize": 2})
    axes.set_yticks(range(len(done)), [f"{row.name}  |  {row.against}" for row in done], fontsize=7)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlabel("ratio, log scale (1 = equal, right = better; line: min to max; green: aim, red: below the goal)")
    axes.set_title(f"pyredisai {facts['commit']}, {facts['date']}, {facts['cpu']}, {facts['cores']} cores", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True
