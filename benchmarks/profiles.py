"""Where the servers' CPU time goes: samples of `perf` while a benchmark case runs, by what the code belongs to.

    python -m benchmarks.profiles [--only TEXT …] [--seconds S] [--write FILE]

For each case that has a goal (`benchmarks.cases`): CPU time a request in microseconds, of pyredisai and of the
redis-server that it is compared with, split by library. Needs `perf` (package linux-perf) and the right to use it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.cases import Case, Run, blobs, inference, protocol
from benchmarks.load import Sample, Unavailable
from benchmarks.report import machine
from benchmarks.servers import Pair, pair
from tests.support.server import Server

PERF: Final = shutil.which("perf")
# The first that matches the name of the library or of the executable, as perf gives it.
OWNERS: Final = (
    ("kernel", r"\[kernel|\[unknown|\[vdso"),
    ("compiled modules", r"pyredisai"),
    ("framework", r"onnxruntime|tensorflow|_pywrap|libtorch|libc10|litert|mkl|dnnl"),
    ("event loop", r"uvloop|^loop\.cpython|_asyncio|_selectors|select\."),
    ("hiredis", r"hiredis"),
    ("numpy", r"numpy|_multiarray"),
    ("interpreter", r"^(lib)?python"),
    ("C library", r"libc[.-]|ld-linux|libstdc|libm[.-]|libgcc"),
    ("redis-server", r"redis|jemalloc"),
)
COLUMNS: Final = (*(name for name, _ in OWNERS), "other")


def owner(library: str) -> str:
    """Whose code a library is."""
    return next((name for name, pattern in OWNERS if re.search(pattern, library)), "other")


def shares(report: str) -> dict[str, float]:
    """The parts of the whole that `perf report --sort dso --field-separator ,` tells, by owner; they add up to 1."""
    found: defaultdict[str, float] = defaultdict(float)
    for line in report.splitlines():
        percent, comma, library = line.strip().partition(",")
        if comma and re.fullmatch(r"\d+(\.\d+)?%? *", percent):
            found[owner(library.strip())] += float(percent.strip(" %"))
    total = sum(found.values())
    return {name: part / total for name, part in found.items()} if total else {}


def sampled(server: Server, run: Run, seconds: float) -> tuple[Sample, dict[str, float]]:
    """Run a side of a case with perf beside it. Raises Unavailable."""
    if PERF is None:
        raise Unavailable("perf is not installed (package linux-perf)")
    run(0.3)  # what comes first is not what is looked for
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder, "perf.data"))
        results: list[Sample] = []
        load = threading.Thread(target=lambda: results.append(run(seconds)))
        command = [PERF, "record", "-q", "-F", "1999", "-p", str(server.pid), "-o", data, "--", "sleep", str(seconds)]
        load.start()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        load.join()
        if done.returncode or not results:
            raise Unavailable(f"perf record: {done.stderr.strip()[-200:] or 'the load failed'}")
        command = [PERF, "report", "-i", data, "--stdio", "--sort", "dso", "--field-separator", ","]
        report = subprocess.run(command, capture_output=True, text=True, check=False)
    return results[0], shares(report.stdout)


def with_goals(both: Pair, only: list[str]) -> Iterator[Case]:
    """The cases that have a goal and run on the servers of the pair."""
    for group in (protocol, blobs, inference):
        for case in group(both):
            here = case.against.split()[0] in ("PING", "SET", "GET")
            if here and case.reach is not None and (not only or any(text in case.name for text in only)):
                yield case


def row(name: str, sample: Sample, parts: Mapping[str, float]) -> str:
    """A line of the table."""
    known = [parts.get(column, 0.0) for column in COLUMNS]
    cells = [f"{part * sample.cpu:.1f}" if part >= 0.005 else "" for part in known]
    return f"| {name} | {sample.cpu:.1f} | " + " | ".join(cells) + " |"


def tables(both: Pair, only: list[str], seconds: float) -> Iterator[str]:
    """The lines of the table, each when it has been measured."""
    yield "| CPU time a request, us | in all | " + " | ".join(COLUMNS) + " |"
    yield "|---" * (len(COLUMNS) + 2) + "|"
    references: set[str] = set()
    for case in with_goals(both, only):
        sides = [(f"**{case.name}**", both.ours, case.ours)]
        against = f"{case.against} of redis-server, {case.name.partition(', ')[2]}"
        if both.reference is not None and against not in references:
            references.add(against)
            sides.append((against, both.reference, case.reference))
        for name, server, run in sides:
            try:
                yield row(name, *sampled(server, run, seconds))
            except Unavailable as error:
                yield f"| {name} | {error} |" + " |" * len(COLUMNS)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="cases whose name has this text in it")
    parser.add_argument("--seconds", type=float, default=3, help="of each side of a case (default: 3)")
    parser.add_argument("--write", type=Path, help="a Markdown file for the table")
    options = parser.parse_args()
    lines = []
    with pair() as both:
        for line in tables(both, options.only, options.seconds):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        facts = [f"- {name}: {value}" for name, value in machine().items()]
        text = ["# Where the CPU time goes", "", __doc__.splitlines()[0], "", *facts, "", *lines, ""]
        options.write.write_text("\n".join(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
