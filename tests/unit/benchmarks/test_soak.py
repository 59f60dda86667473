"""The soak: what it makes of what it measured, and that what it sends does not grow by itself."""

from __future__ import annotations

import random

import pytest

from benchmarks import soak_mix
from benchmarks.soak import Sample, growth, too_much


def samples(*rss: float, descriptors: int = 20) -> list[Sample]:
    return [Sample(number, number, value, value, descriptors, 5, 100) for number, value in enumerate(rss)]


def test_growth_is_from_the_first_third_to_the_end() -> None:
    filling = [10.0 * number for number in range(12)]  # until a third of all has been sent
    flat = [100.0] * 24
    assert growth(samples(*filling, *flat)).rss_mb == pytest.approx(0, abs=11)
    leaking = [100.0 + number for number in range(36)]
    assert growth(samples(*leaking)).rss_mb == pytest.approx(21, abs=2)


def test_one_high_sample_at_the_end_is_no_growth() -> None:
    assert growth(samples(*[100.0] * 35, 900.0)).rss_mb == 0


def test_too_few_samples_tell_nothing() -> None:
    with pytest.raises(ValueError, match="few"):
        growth(samples(1, 2, 3))


def test_what_grew_is_named() -> None:
    leaking = growth([*samples(*[100.0] * 12), *samples(*[150.0] * 24, descriptors=90)])
    assert [text.split(":")[0] for text in too_much(leaking, 8)] == ["resident memory, MB", "descriptors"]
    assert too_much(growth(samples(*[100.0] * 36)), 8) == []


def test_the_mix_stays_within_its_keys() -> None:
    """Kinds that make ever new keys would be growth of their own."""
    rng = random.Random(1)
    keys = set()
    for kind in soak_mix.PLAIN:
        for _ in range(3000):
            keys |= {str(word) for command in kind(rng) for word in command[1:2]}
    assert len(keys) < 40 * soak_mix.KEYS
