"""What Redis calls a value: its type name, its encoding, how it is copied."""

from __future__ import annotations

from collections import deque
from typing import Any

EMBSTR_LIMIT = 44

_NAMES: dict[type, str] = {
    bytes: "string",
    memoryview: "string",
    deque: "list",
    dict: "hash",
    set: "set",
}


def type_name(value: Any) -> str:
    """The name that TYPE answers: values of other classes carry it as `redis_type`."""
    name = _NAMES.get(type(value))
    return value.redis_type if name is None else name


def raw_string(data: bytes) -> memoryview:
    """A string that was edited in place: Redis keeps those in encoding `raw` whatever their length."""
    return memoryview(data)


def is_int64(text: bytes) -> bool:
    """Whether the text is the canonical decimal form of a 64-bit integer."""
    if not 0 < len(text) <= 20:
        return False
    try:
        value = int(text)
    except ValueError:
        return False
    return -(2**63) <= value < 2**63 and b"%d" % value == text


def string_encoding(value: bytes | memoryview) -> str:
    """`int`, `embstr` or `raw`."""
    if type(value) is memoryview:
        return "raw"
    assert type(value) is bytes
    if is_int64(value):
        return "int"
    return "embstr" if len(value) <= EMBSTR_LIMIT else "raw"


def hash_encoding(value: dict[bytes, bytes], entries: int, length: int) -> str:
    """`listpack` up to `entries` fields whose names and values have at most `length` bytes."""
    if len(value) > entries or any(len(k) > length or len(v) > length for k, v in value.items()):
        return "hashtable"
    return "listpack"


def set_encoding(value: set[bytes], entries: int) -> str:
    """`intset` up to `entries` members that are all integers."""
    return "intset" if len(value) <= entries and all(map(is_int64, value)) else "hashtable"


def sorted_set_encoding(scores: dict[bytes, float], entries: int, length: int) -> str:
    """`listpack` up to `entries` members of at most `length` bytes."""
    if len(scores) > entries or any(len(member) > length for member in scores):
        return "skiplist"
    return "listpack"


def copied(value: Any) -> Any:
    """An independent value: containers are copied, immutable values (strings, tensors) shared."""
    copy = getattr(value, "copy", None)
    return value if copy is None else copy()
