"""The benchmark harness runs and writes what it measured (its figures are never judged here)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import memory, soak
from tests.support.paths import ROOT
from tests.support.server import MODULE_PATH, Server


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the harness reads CPU time from /proc")
def test_smoke_run_writes_its_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--smoke", "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "smoke.json").read_text())["rows"]
    assert {row["name"] for row in rows} == {"PING, 1 client", "exec to first PONG"}
    for row in rows:
        assert row["unavailable"] or row["ratios"][0] > 0
        assert row["name"] in done.stdout


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read in /proc")


@needs_proc
def test_bytes_of_a_key_beyond_its_value(start_server: Callable[..., Server]) -> None:
    server = start_server()
    filled = memory.fill(server, memory.string, 30_000, 1024)
    with server.client() as client:
        assert client("DBSIZE") == 30_000
        assert client("STRLEN", "key:00000007") == 1024
    assert 40 < filled.beyond < 1000
    assert filled.resident_mb > 30


@needs_proc
def test_a_short_soak_sends_all_and_samples(start_server: Callable[..., Server]) -> None:
    server = start_server("--loadmodule", MODULE_PATH)
    samples = soak.soak(server, 1000)  # sent in a moment: there must be enough samples all the same
    assert len(samples) >= soak.LEAST_SAMPLES
    assert samples == sorted(samples, key=lambda sample: sample.commands)
    assert soak.growth(samples).threads < 50
    with server.client() as client:
        stats = client("INFO", "stats").decode()
        assert int(re.search(r"total_commands_processed:(\d+)", stats)[1]) >= 1000
