"""LZF from the C library and from Python are the same bytes, and both refuse what is damaged."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from pyredisai.errors import PersistenceError
from pyredisai.persistence.rdb import compression, lzf


@pytest.fixture(params=["native", "python"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "native":
        pytest.importorskip("imagecodecs")
    else:
        monkeypatch.setattr(compression, "_native", lambda: None)


def texts(count: int) -> Iterator[bytes]:
    """Of few or many letters, by chance or in patterns: around what is worth compressing, and far from it."""
    chance = random.Random(count)
    for _ in range(count):
        letters = [chance.randrange(chance.choice((2, 4, 16, 256))) for _ in range(chance.randrange(1, 60))]
        size = chance.randrange(6, chance.choice((40, 300, 1000)))
        pattern = bytes(letters) * (size // len(letters) + 1)
        yield bytes(chance.choices(letters, k=size)) if chance.random() < 0.6 else pattern[:size]


@pytest.mark.usefixtures("_way")
def test_the_bytes_are_those_of_the_encoder_in_python() -> None:
    words = list(texts(2000))
    many = compression.compress_many([*words, *map(memoryview, words)])
    chance = random.Random(0)
    for word, *packed in zip(words, many[: len(words)], many[len(words) :], strict=True):
        expected = lzf.compress(word, len(word) - 4)
        assert packed == [expected, expected]
        limit = chance.randrange(len(word) + 3)
        assert compression.compress(word, limit) == lzf.compress(word, limit)
        if expected is not None:
            assert compression.decompress(expected, len(word)) == word


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("word", [b"", b"a", b"aaa", b"aaaa", b"aaaaaa"])
def test_what_is_too_short(word: bytes) -> None:
    assert compression.compress(word, len(word) - 4) is None


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    ("packed", "length"),
    [
        (b"", 5),
        (b"\x05ab", 6),
        (b"\x02abc", 2),
        (b"\x02abc", 4),
        (b"\x20\x05", 3),
        (b"\xe0", 9),
        (b"\x00a\xe0\xff\x00", 2**62),
    ],
)
def test_what_is_damaged_is_refused(packed: bytes, length: int) -> None:
    with pytest.raises(PersistenceError):
        compression.decompress(packed, length)


@pytest.mark.usefixtures("_way")
def test_the_longest_expansion() -> None:
    word = b"a" * 4000
    packed = lzf.compress(word, len(word))
    assert packed is not None
    assert compression.decompress(packed, len(word)) == word
