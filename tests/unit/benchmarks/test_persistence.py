"""The benchmark of saving and loading: what it stores, and that a case limits its rounds."""

from __future__ import annotations

import pytest

from benchmarks import persistence
from benchmarks.__main__ import measure
from benchmarks.cases import Also, Case
from benchmarks.load import Sample


def test_both_sides_hold_the_same_bytes() -> None:
    for ours, reference in persistence.small_keys(quick=True):
        assert ours == reference
    pytest.importorskip("onnx")
    sizes = [(ours[-1], reference[-1]) for ours, reference in persistence.big_values(quick=True)]
    assert len(sizes) == persistence.QUICK_TENSORS + 1
    assert all(ours == reference for ours, reference in sizes)


def test_a_case_that_takes_long_limits_its_rounds() -> None:
    runs = []

    def run(_seconds: float) -> Sample:
        runs.append(1)
        return Sample(p50=1.0, longest=7.0)

    case = Case("g", "n", "a", run, run, "p50", also=(Also("longest", "longest", "ms"),), most_rounds=2)
    rows = measure(case, 9, 0)
    assert len(runs) == 4
    assert [row.name for row in rows] == ["n", "n: longest"]
    assert [row.ours for row in rows] == [[1.0, 1.0], [7.0, 7.0]]


def test_what_is_not_measured_starts_no_server() -> None:
    cases = list(persistence.persistence(None))  # type: ignore[arg-type]  # it has servers of its own
    assert len(cases) == 7
    assert len({case.name for case in cases}) == 7
