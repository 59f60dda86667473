"""The demo's second act: its sound and how notes are read."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import melody


def test_the_tune_fits_the_model_and_is_not_clipped() -> None:
    samples = np.frombuffer(melody.tune(), "<i2")
    assert len(samples) <= melody.SAMPLES
    assert 10_000 < np.abs(samples.astype(int)).max() < 32_767


def test_the_loudest_key_of_each_part_is_heard() -> None:
    notes = np.zeros((172, 88), "f4")
    for part, number in zip(np.array_split(notes, len(melody.TUNE)), melody.TUNE, strict=True):
        part[:, number - melody.LOWEST_KEY] = 0.5
    assert melody.heard(notes) == list(melody.TUNE)


@pytest.mark.parametrize(("number", "name"), [(69, "A4"), (60, "C4"), (61, "C#4"), (21, "A0")])
def test_names_of_keys(number: int, name: str) -> None:
    assert melody.name_of(number) == name


def test_outputs_that_differ_end_the_act() -> None:
    with pytest.raises(melody.ActError, match="differ"):
        melody._must_agree(["a", "b"], [np.zeros(2, "f4"), np.full(2, 0.01, "f4")])
