"""The report: ratios become a verdict, a table and Markdown."""

from __future__ import annotations

from benchmarks.__main__ import measure
from benchmarks.cases import CPU, Case
from benchmarks.load import Sample, Unavailable, percentiles
from benchmarks.report import HEAD, Row, cells, markdown, number, table


def measured(case: Case, rounds: int = 1) -> Row:
    (row,) = measure(case, rounds, 0)
    return row


def case(field: str, ours: float, reference: float) -> Case:
    sides = [lambda _, value=value: Sample(**{field: value}) for value in (ours, reference)]
    return Case("g", "n", "a", *sides, field, 0.8, 1.0)


def test_ratio_is_above_one_where_we_are_better() -> None:
    assert measured(case("rate", 200, 100), 3).ratios == [2, 2, 2]
    assert measured(case("p99", 2.0, 4.0), 1).ratios == [2]


def test_verdict() -> None:
    assert [measured(case("rate", rate, 100), 1).verdict for rate in (100, 90, 70)] == ["aim", "reach", "BELOW"]
    assert Row("g", "n", "a", "u").verdict == ""


def test_what_cannot_be_measured_says_why() -> None:
    def missing(_seconds: float) -> Sample:
        raise Unavailable("no redis-server")

    row = measured(Case("g", "n", "a", missing, missing), 2)
    assert row.ratios == []
    assert "no redis-server" in " ".join(cells(row))


def test_table_is_aligned_and_markdown_holds_the_machine() -> None:
    row = measured(case("rate", 123456, 100000), 1)
    lines = table([row, row]).splitlines()
    assert lines[0].split() == " ".join(HEAD).split()
    assert lines[1] == lines[2]
    text = markdown([row], {"cpu": "abacus"}, "make bench")
    assert "- cpu: abacus" in text
    assert "1.23 (1.23 to 1.23)" in text


def test_numbers() -> None:
    assert [number(value) for value in (123456.0, 99.94, 0.01234)] == ["123,456", "99.9", "0.0123"]


def test_percentiles_are_milliseconds() -> None:
    assert percentiles([0.001]) == (1.0, 1.0)
    p50, p99 = percentiles([i / 1000 for i in range(101)])
    assert round(p50, 6) == 50
    assert round(p99, 6) == 99


def test_cpu_time_comes_from_the_same_runs() -> None:
    runs = []

    def run(_seconds: float) -> Sample:
        runs.append(1)
        return Sample(p50=1.0, cpu=5.0)

    rows = measure(Case("g", "n", "a", run, run, "p50", also=(CPU,)), 2, 0)
    assert len(runs) == 4
    assert [row.name for row in rows] == ["n", "n: server CPU"]
    assert [row.ours for row in rows] == [[1.0, 1.0], [5.0, 5.0]]
