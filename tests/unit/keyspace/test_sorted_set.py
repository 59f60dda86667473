"""The sorted set behaves as a dictionary sorted by score and member; spans are what a filter over that finds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.keyspace.sorted_set import (
    HIGHEST,
    LOWEST,
    MemberRange,
    ScoreRange,
    SortedSet,
    member_bound,
)

members = st.sampled_from([b"", b"a", b"ab", b"b", b"c", b"\xff"])
scores = st.sampled_from([-1.0, -0.0, 0.0, 1.0, 1.5, float("inf"), float("-inf")])
pairs = st.lists(st.tuples(members, scores), max_size=8)
bounds = st.one_of(members.map(member_bound), st.sampled_from([LOWEST, HIGHEST]))
score_ranges = st.builds(ScoreRange, scores, scores, st.booleans(), st.booleans())
member_ranges = st.builds(MemberRange, bounds, bounds, st.booleans(), st.booleans())


def ordered(value: SortedSet) -> list[tuple[float, bytes]]:
    """What the set must be, and that its parts agree."""
    expected = sorted((score, member) for member, score in value.scores.items())
    assert list(value) == expected
    return expected


@given(pairs, members)
def test_adding_and_removing(items: list[tuple[bytes, float]], gone: bytes) -> None:
    value = SortedSet()
    known: dict[bytes, float] = {}
    for member, score in items:
        assert value.add(member, score) == (member not in known)
        known[member] = score
    assert value.scores == known
    assert value.remove(gone) == (known.pop(gone, None) is not None)
    for rank, (_, member) in enumerate(ordered(value)):
        assert value.rank(member) == rank
    assert value.rank(b"not there") is None


@given(pairs, score_ranges)
def test_spans_of_scores(items: list[tuple[bytes, float]], wanted: ScoreRange) -> None:
    value = SortedSet(items)
    expected = [
        (score, member)
        for score, member in ordered(value)
        if (wanted.low < score or (wanted.low == score and not wanted.low_open))
        and (score < wanted.high or (score == wanted.high and not wanted.high_open))
    ]
    assert value.by_rank(*value.span_of_scores(wanted)) == expected


@given(st.sets(members), member_ranges, st.booleans())
def test_spans_of_members_of_one_score(names: set[bytes], wanted: MemberRange, backwards: bool) -> None:
    value = SortedSet((name, 1.0) for name in names)
    expected = [(1.0, name) for name in sorted(names) if wanted.starts_at(name) and wanted.ends_after(name)]
    assert value.by_rank(*value.span_of_members(wanted, backwards=backwards)) == expected


@pytest.mark.parametrize(("backwards", "span"), [(False, (1, 2)), (True, (1, 4))])
def test_spans_of_members_where_scores_differ_are_walks(backwards: bool, span: tuple[int, int]) -> None:
    value = SortedSet([(b"a", 1.0), (b"c", 2.0), (b"x", 3.0), (b"b", 4.0), (b"z", 5.0)])
    wanted = MemberRange(member_bound(b"b"), member_bound(b"d"))
    assert value.span_of_members(wanted, backwards=backwards) == span


@given(pairs, st.integers(0, 9), st.booleans())
def test_pop_takes_from_an_end(items: list[tuple[bytes, float]], count: int, highest: bool) -> None:
    value = SortedSet(items)
    before = ordered(value)
    if highest:
        before.reverse()
    assert value.pop(count, highest=highest) == before[:count]
    assert sorted(before[count:]) == ordered(value)


def test_a_copy_is_independent() -> None:
    value = SortedSet([(b"a", 1.0)])
    copy = value.copy()
    copy.add(b"b", 0.5)
    copy.add(b"a", 0.1)
    assert (ordered(value), ordered(copy)) == ([(1.0, b"a")], [(0.1, b"a"), (0.5, b"b")])
