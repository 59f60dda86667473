"""--test-memory: fill memory with patterns, and look whether it holds them.

Each pass writes addresses, random words, solid and chequered words, each over all of the memory before any of it is
read again, so that the CPU's caches hold none of it (of more memory than they have).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Words = np.ndarray[tuple[int], np.dtype[np.uint64]]

PASSES = 50
_BLOCK = 1 << 17  # words that are made and compared at a time
_ONES = 0xFFFF_FFFF_FFFF_FFFF
_CHEQUERED = 0x5555_5555_5555_5555


def memory_errors(megabytes: int, show: Callable[[str], object], passes: int = PASSES) -> int:
    """Test so many megabytes; the number of words that did not hold what was written."""
    memory = np.empty(megabytes << 17, np.uint64)
    errors = 0
    for number in range(1, passes + 1):
        for name, pattern in _patterns(number):
            for at in range(0, len(memory), _BLOCK):
                memory[at : at + _BLOCK] = pattern(at, min(_BLOCK, len(memory) - at))
            wrong = sum(
                int(np.count_nonzero(memory[at : at + _BLOCK] != pattern(at, min(_BLOCK, len(memory) - at))))
                for at in range(0, len(memory), _BLOCK)
            )
            show(f"pass {number} of {passes}, {name}: {wrong or 'no'} errors")
            errors += wrong
    return errors


def _patterns(seed: int) -> Iterator[tuple[str, Callable[[int, int], Words]]]:
    """Names and makers of patterns: a maker gives the words from `at` on, the same ones each time."""
    yield "addresses", lambda at, count: np.arange(at, at + count, dtype=np.uint64)
    yield "random", lambda at, count: np.random.default_rng((seed, at)).integers(0, _ONES, count, np.uint64)
    yield "solid", lambda at, count: np.where(np.arange(at, at + count) % 2, 0, _ONES).astype(np.uint64)
    yield (
        "chequered",
        lambda at, count: np.where(np.arange(at, at + count) % 2, _CHEQUERED, ~_CHEQUERED & _ONES).astype(np.uint64),
    )
