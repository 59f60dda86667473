"""The inner loop of loading: keys of strings and packed containers, one after the other, straight into a dictionary.

A file of small keys is read at the speed of this loop: it makes no records, and calls nothing for a short string.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final

from pyredisai.keyspace.usage import Usage
from pyredisai.persistence.rdb.compression import decompress
from pyredisai.persistence.rdb.opcodes import Op, Type
from pyredisai.persistence.rdb.primitives import Source
from pyredisai.persistence.rdb.values import PACKED

_STRING: Final = int(Type.STRING)
# Type, a key of 63 bytes with its length, a value of 63 bytes with its lengths, and the type after them.
_MOST: Final = 1 + 64 + 67 + 1
_LZF: Final = 0xC3
_IDLE: Final = int(Op.IDLE)
_FREQ: Final = int(Op.FREQ)
_INTEGERS: Final = {0xC0: 1, 0xC1: 2, 0xC2: 4}


def read_run(source: Source, into: MutableMapping[bytes, Any], usage: Usage | None = None) -> int:
    """Store the run of such keys that begins at the source's position; how many there were.

    What stands before a key of its use is noted in `usage`.

    The run ends before a key of another kind or of more than 63 bytes, after a value above 16 KB, and some 32 KB
    further at the latest. With `source.lends` its last value may have to be filled. Raises PersistenceError.
    """
    position = source.look()
    data, base = source.window, source.window_at
    last = len(data) - _MOST  # from here on a record could reach beyond the window
    count = 0
    value: Any  # bytes; a string may be a view
    use_at = -1  # where the record on the use of the next key stands
    idle: int | None = None
    frequency: int | None = None
    while position < last:
        kind = data[position]
        if kind != _STRING and kind not in PACKED:
            use = _use_of_next_key(data, position)
            if use is None:
                break
            use_at = position
            position, idle, frequency = use
            continue
        at = position + 1
        size = data[at]
        if size > 63:
            break
        at += 1 + size
        key = data[position + 2 : at]
        size = data[at]
        if size < 64:
            position = at + 1 + size
            value = data[at + 1 : position]
        elif size < 128 and (end := at + 2 + ((size & 63) << 8 | data[at + 1])) <= len(data):
            value = data[at + 2 : end]
            position = end
        elif size in _INTEGERS:
            position = at + 1 + _INTEGERS[size]
            value = b"%d" % int.from_bytes(data[at + 1 : position], "little", signed=True)
        elif size == _LZF and (packed := data[at + 1]) < 64 and (size := data[at + 2]) < 128:
            at += 3
            if size > 63:
                size = (size & 63) << 8 | data[at]
                at += 1
            position = at + packed
            value = decompress(data[at:position], size)
        else:
            source.position = base + at
            value = source.blob([source.part()]) if kind == _STRING else source.string()
            position = source.position - base
            if len(value) >= 1 << 14:
                last = 0
        into[key] = value if kind == _STRING else PACKED[kind](value)
        count += 1
        if use_at >= 0:
            if usage is not None:
                usage.restore(key, idle, frequency)
            use_at = -1
    source.position = base + (position if use_at < 0 else use_at)
    return count


def _use_of_next_key(data: bytes, at: int) -> tuple[int, int | None, int | None] | None:
    """The record there on the use of the key behind it: where that begins, its idle seconds or its frequency."""
    kind, size = data[at], data[at + 1]
    if kind == _FREQ:
        return at + 2, None, size
    if kind != _IDLE or size >= 128:
        return None
    return (at + 2, size, None) if size < 64 else (at + 3, (size & 63) << 8 | data[at + 2], None)
