"""What a key takes in this process: bytes of the Python objects that hold it."""

from __future__ import annotations

import sys
from collections.abc import Collection
from itertools import islice
from typing import Any

_DICT_SLOT = 104  # a dictionary's entry with its share of the table, on average


def value_size(key: bytes, value: Any, samples: int = 5) -> int:
    """Bytes of a key, its value and its place in the database.

    Of a container `samples` elements are measured and taken for typical; 0 measures all.
    """
    return sys.getsizeof(key) + _DICT_SLOT + _size(value, samples)


def _size(value: Any, samples: int) -> int:
    own = sys.getsizeof(value)
    if isinstance(value, (bytes, str, int, float)):
        return own
    nbytes = getattr(value, "nbytes", None)
    if isinstance(nbytes, int):
        return own + nbytes
    blob = getattr(value, "blob", None)
    if isinstance(blob, (bytes, memoryview)):
        return own + len(blob)
    if not isinstance(value, Collection):
        return own
    items = value.items() if isinstance(value, dict) else value
    looked_at = list(islice(items, samples or None))
    if not looked_at:
        return own
    measured = sum(_shallow(item) for item in looked_at)
    return own + measured * len(value) // len(looked_at)


def _shallow(item: Any) -> int:
    return sum(map(sys.getsizeof, item)) if isinstance(item, tuple) else sys.getsizeof(item)
