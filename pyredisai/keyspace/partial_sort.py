"""The first few of many by a number, in the very order in which redis-server finds those that are equal.

Where all numbers differ it is plain sorting. Equal ones come in the order that a quicksort leaves them in which only
goes into the parts that are wanted: that of J. L. Bentley and M. D. McIlroy, "Engineering a Sort Function" (1993).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

Item = TypeVar("Item")
_FEW, _MANY = 7, 40


def first(items: list[Item], count: int, key: Callable[[Item], float], *, reverse: bool = False) -> list[Item]:
    """The first `count` (1 or more) of the items by `key`, all of them where there are no more; stable then."""
    ordered = sorted(items, key=key, reverse=reverse)
    if count >= len(items) or not _has_equals(list(map(key, ordered[: count + 1]))):
        return ordered[:count]
    sign = -1.0 if reverse else 1.0
    pairs = [(sign * key(item), item) for item in items]
    _sort(pairs, 0, len(pairs), count)
    return [item for _, item in pairs[:count]]


def _has_equals(numbers: list[float]) -> bool:
    return any(one == other for one, other in itertools.pairwise(numbers))


def _sort(pairs: list[tuple[float, Any]], low: int, size: int, wanted: int) -> None:
    """Sort `size` pairs from `low` on, as far as they are among the first `wanted`."""
    while low < wanted:
        if size < _FEW:
            _insertion_sort(pairs, low, size)
            return
        middle = _middle(pairs, low, size)
        pairs[low], pairs[middle] = pairs[middle], pairs[low]
        smaller, larger = _partition(pairs, low, low + size)
        if smaller > 1:
            _sort(pairs, low, smaller, wanted)
        if larger <= 1:
            return
        low, size = low + size - larger, larger


def _insertion_sort(pairs: list[tuple[float, Any]], low: int, size: int) -> None:
    for end in range(low + 1, low + size):
        at = end
        while at > low and pairs[at - 1][0] > pairs[at][0]:
            pairs[at - 1], pairs[at] = pairs[at], pairs[at - 1]
            at -= 1


def _middle(pairs: list[tuple[float, Any]], low: int, size: int) -> int:
    """Where a number stands that is not likely to be an outlier."""

    def median(one: int, two: int, three: int) -> int:
        a, b, c = pairs[one][0], pairs[two][0], pairs[three][0]
        if a < b:
            return two if b < c else three if a < c else one
        return two if b > c else one if a < c else three

    left, middle, right = low, low + size // 2, low + size - 1
    if size == _FEW:
        return middle
    if size > _MANY:
        step = size // 8
        left = median(left, left + step, left + 2 * step)
        middle = median(middle - step, middle, middle + step)
        right = median(right - 2 * step, right - step, right)
    return median(left, middle, right)


def _partition(pairs: list[tuple[float, Any]], low: int, end: int) -> tuple[int, int]:
    """Bring smaller ones before those that equal the first, larger ones behind: how many there are of both."""

    def swap(one: int, other: int, count: int = 1) -> None:
        for i in range(count):
            pairs[one + i], pairs[other + i] = pairs[other + i], pairs[one + i]

    pivot = pairs[low][0]
    # equal ones are gathered at both ends first
    left_equal = up = low + 1
    right_equal = down = end - 1
    while True:
        while up <= down and pairs[up][0] <= pivot:
            if pairs[up][0] == pivot:
                swap(left_equal, up)
                left_equal += 1
            up += 1
        while up <= down and pairs[down][0] >= pivot:
            if pairs[down][0] == pivot:
                swap(down, right_equal)
                right_equal -= 1
            down -= 1
        if up > down:
            break
        swap(up, down)
        up += 1
        down -= 1
    smaller, larger = up - left_equal, right_equal - down
    count = min(left_equal - low, smaller)
    swap(low, up - count, count)
    count = min(larger, end - right_equal - 1)
    swap(up, end - count, count)
    return smaller, larger
