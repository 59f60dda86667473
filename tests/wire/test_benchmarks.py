"""The benchmark harness runs and writes what it measured (its figures are never judged here)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


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
