"""How long commands take: a histogram of fixed buckets, read as percentiles or as powers of two.

Below 65.536 us a bucket is 512 ns wide; above there are eight to each doubling, so a percentile is right within
about 0.3 us or 7 %. Counting costs an index and an addition (see `dispatch.execute`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

LINEAR_NS: Final = 1 << 16
LINEAR_SHIFT: Final = 9
_LINEAR: Final = LINEAR_NS >> LINEAR_SHIFT
_OCTAVES: Final = 24
SIZE: Final = _LINEAR + 8 * _OCTAVES


def new_histogram() -> list[int]:
    """Counts, all zero."""
    return [0] * SIZE


def bucket_above_linear(ns: int) -> int:
    """The bucket of a duration of at least LINEAR_NS."""
    octave = ns.bit_length() - 17
    if octave >= _OCTAVES:
        return SIZE - 1
    return _LINEAR + 8 * octave + ((ns >> (octave + 13)) & 7)


def upper_bound(bucket: int) -> int:
    """The first duration in ns that is too long for a bucket."""
    if bucket < _LINEAR:
        return (bucket + 1) << LINEAR_SHIFT
    octave, eighth = divmod(bucket - _LINEAR, 8)
    return (9 + eighth) << (octave + 13)


def percentile(histogram: Sequence[int], percent: float) -> float:
    """The duration in us that `percent` of the calls did not exceed (the bucket's upper bound)."""
    wanted = sum(histogram) * percent / 100
    seen = 0
    for bucket, count in enumerate(histogram):
        seen += count
        if count and seen >= wanted:
            return upper_bound(bucket) / 1000
    return 0.0


def cumulative_by_doubling(histogram: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(us, calls that took at most as long) for us = 1, 2, 4 …, without what adds nothing."""
    bound, seen, shown = 1, 0, 0
    for bucket, count in enumerate(histogram):
        if not count:
            continue
        while upper_bound(bucket) > bound * 1024:
            if seen > shown:
                yield bound, seen
                shown = seen
            bound *= 2
        seen += count
    if seen > shown:
        yield bound, seen
