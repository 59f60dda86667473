"""Glob patterns: what matches, and that none takes long."""

from __future__ import annotations

import pytest

from pyredisai.glob import compile_glob, glob_match


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (b"*", b""),
        (b"*", b"a\nb"),
        (b"h?llo", b"hello"),
        (b"h*llo", b"heeeello"),
        (b"h[ae]llo", b"hallo"),
        (b"h[^e]llo", b"hallo"),
        (b"h[a-c]llo", b"hbllo"),
        (b"h[c-a]llo", b"hbllo"),
        (b"a\\*b", b"a*b"),
        (b"a\\", b"a\\"),
        (b"[ab", b"b"),
        (b"[^]", b"x"),
        (b"[\\]]", b"]"),
        (b"[a-]", b"a"),
        (b"*foo*bar", b"foofobar"),
        (b"*a*b*", b"xxaxxbxx"),
        (b"\xff?", b"\xff\x00"),
        (b"a.b", b"a.b"),
        (b"[[]", b"["),
    ],
)
def test_matches(pattern: bytes, text: bytes) -> None:
    assert glob_match(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (b"", b"a"),
        (b"**", b""),
        (b"?", b""),
        (b"h[^e]llo", b"hello"),
        (b"[]", b"]"),
        (b"a\\*b", b"axb"),
        (b"a.b", b"axb"),
        (b"*a*b", b"ba"),
        (b"A", b"a"),
        (b"ab", b"ab\n"),
    ],
)
def test_does_not_match(pattern: bytes, text: bytes) -> None:
    assert not glob_match(pattern, text)


def test_ignore_case() -> None:
    assert glob_match(b"MAX[A-C]*", b"maxbory", ignore_case=True)
    assert glob_match(b"max\\B[^a-c]", b"MAXBD", ignore_case=True)


@pytest.mark.parametrize("pattern", [b"?[?-[", b"?[?-]", b"h[?-[", b"?[Z-^]"])
def test_a_range_is_what_it_is_with_its_ends_in_lower_case(pattern: bytes) -> None:
    """As redis-server does it: Z to ^ becomes z to ^, which is nothing, and ? to [ has no letter."""
    assert not glob_match(pattern, b"hz", ignore_case=True)


def test_many_stars_end_soon() -> None:
    """A pattern that takes exponential time when every star backtracks."""
    assert not compile_glob(b"a*" * 30 + b"b")(b"a" * 2000)
