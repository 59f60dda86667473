"""Compare pyredisai with redis-server and with bare session.run, on this machine, in the same minutes.

    python -m benchmarks [--quick | --smoke] [--only TEXT] [--rounds N] [--seconds S] [--write-results]

Both servers sit on one core, the load on the others; each case runs A B A B. Look at ratios, not at figures.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.cases import GROUPS, Case
from benchmarks.load import Unavailable
from benchmarks.memory import memory
from benchmarks.persistence import persistence
from benchmarks.report import EXPLANATION, Row, cells, machine, markdown, plot, table, write_json
from benchmarks.servers import pair
from benchmarks.threads import threads
from tests.support.paths import ROOT

FOLDER = ROOT / "benchmarks"
PRESETS = {"smoke": (1, 0.02), "quick": (2, 0.2), "full": (5, 2.0)}  # rounds, seconds a run
SMOKE_CASES = ("PING, 1 client", "exec to first PONG")


def measure(case: Case, rounds: int, seconds: float) -> list[Row]:
    """All rounds of a case; a row for what it compares, and those that it wants besides."""
    rows = [Row(case.group, case.name, case.against, case.unit, case.reach, case.aim)]
    rows += [Row(case.group, f"{case.name}: {also.name}", case.against, also.unit) for also in case.also]
    fields = (case.measure, *(also.measure for also in case.also))
    try:
        for _ in range(min(rounds, case.most_rounds or rounds)):
            ours, reference = case.ours(seconds), case.reference(seconds)
            for row, field in zip(rows, fields, strict=True):
                row.add(getattr(ours, field), getattr(reference, field), more_is_better=field == "rate")
    except Unavailable as reason:
        for row in rows:
            row.unavailable = str(reason)
    return rows


def run(only: str, rounds: int, seconds: float, names: Sequence[str] = ()) -> list[Row]:
    """Measure what was chosen, telling each result as it comes."""
    rows = []
    with pair() as servers:
        for case in (case for group in (*GROUPS, memory, threads, persistence) for case in group(servers)):
            if only.lower() not in f"{case.group} {case.name}".lower() or (names and case.name not in names):
                continue
            for row in measure(case, rounds, seconds):
                rows.append(row)
                text = cells(row)
                print(f"{text[0]} | {text[1]}: {text[2]}  [{text[3]} {text[4]}] {text[6]}", flush=True)
    return rows


def publish(rows: Sequence[Row], facts: dict[str, str], picture: Path | None) -> None:
    """Write RESULTS.md (of the compiled build: RESULTS-compiled.md) with its plot beside it."""
    name = "RESULTS" if facts["build"] == "pure" else f"RESULTS-{facts['build']}"
    if picture is not None:
        shutil.copyfile(picture, FOLDER / f"{name}.png")
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    text = markdown(rows, facts, command, f"{name}.png" if picture is not None else "")
    (FOLDER / f"{name}.md").write_text(text, "utf-8")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two short rounds: under two minutes, rough")
    parser.add_argument("--smoke", action="store_true", help="a second or two: only shows that the harness works")
    parser.add_argument("--only", default="", help="cases whose group or name contains this text")
    parser.add_argument("--rounds", type=int, help="rounds of each case (full: 5)")
    parser.add_argument("--seconds", type=float, help="seconds of each run (full: 2)")
    parser.add_argument("--output", type=Path, default=FOLDER / "results", help="folder for the JSON and PNG files")
    parser.add_argument("--write-results", action="store_true", help="write benchmarks/RESULTS.md and its plot as well")
    return parser.parse_args()


def main() -> int:
    """Measure, print, write."""
    options = parse()
    preset = "smoke" if options.smoke else "quick" if options.quick else "full"
    rounds, seconds = options.rounds or PRESETS[preset][0], options.seconds or PRESETS[preset][1]
    facts = machine()
    print(*(f"{name}: {value}" for name, value in facts.items()), f"rounds: {rounds} of {seconds} s", "", sep="\n")
    rows = run(options.only, rounds, seconds, SMOKE_CASES if options.smoke else ())
    if not rows:
        print("no case has that text in its name")
        return 2
    print("\n" + table(rows) + "\n\n" + EXPLANATION)
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(rows, facts, options.output / f"{preset}.json")
    drawn = plot(rows, facts, options.output / f"{preset}.png")
    print(
        f"\nwritten to {options.output}: {preset}.json" + (f", {preset}.png" if drawn else " (no plot: no matplotlib)")
    )
    if options.write_results:
        publish(rows, facts, options.output / f"{preset}.png" if drawn else None)
    below = [row for row in rows if row.verdict == "BELOW"]
    for row in below:
        print(f"below its goal: {row.name}: {median(row.ratios):.2f}, goal {row.reach:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
