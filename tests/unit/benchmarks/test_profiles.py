"""What a profile makes of perf's report."""

from __future__ import annotations

import pytest

from benchmarks import profiles
from benchmarks.load import Sample

REPORT = """
# Overhead,Shared Object
 50.00% ,libpython3.11.so.1.0
 20.00% ,[kernel.kallsyms]
  5.00% ,loop.cpython-311-x86_64-linux-gnu.so
  5.00% ,onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so
 10.00% ,pyredisai__mypyc.cpython-311-x86_64-linux-gnu.so
  5.00% ,libc.so.6
  5.00% ,_multiarray_umath.cpython-311-x86_64-linux-gnu.so
"""


def test_shares_by_owner() -> None:
    parts = profiles.shares(REPORT)
    assert parts == {
        "interpreter": pytest.approx(0.5),
        "kernel": pytest.approx(0.2),
        "event loop": pytest.approx(0.05),
        "framework": pytest.approx(0.05),
        "compiled modules": pytest.approx(0.1),
        "C library": pytest.approx(0.05),
        "numpy": pytest.approx(0.05),
    }
    assert profiles.shares("# nothing\n") == {}


def test_owners_of_libraries() -> None:
    assert profiles.owner("redis-server") == "redis-server"
    assert profiles.owner("python3.11") == "interpreter"
    assert profiles.owner("hiredis.cpython-311-x86_64-linux-gnu.so") == "hiredis"
    assert profiles.owner("libsomething.so") == "other"


def test_a_row_leaves_out_what_is_nothing() -> None:
    row = profiles.row("GET", Sample(cpu=10.0), {"kernel": 0.75, "numpy": 0.001, "interpreter": 0.25})
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[:3] == ["GET", "10.0", "7.5"]
    assert cells[2 + profiles.COLUMNS.index("interpreter")] == "2.5"
    assert cells[2 + profiles.COLUMNS.index("numpy")] == ""
    assert len(cells) == 2 + len(profiles.COLUMNS)
