"""Compiled Lua 5.1 chunks without tail calls.

Redis' own functions are C functions, which leave the calling script's frame where it is even in `return redis.call()`;
ours are Lua functions, whose tail call would take the frame away, and with it the line that error replies name. So
every OP_TAILCALL becomes OP_CALL: the OP_RETURN behind it passes all results on. Layout: the dump function of Lua 5.1.
"""

from __future__ import annotations

import struct

_CALL, _TAILCALL = 28, 29
_OPCODE = 0x3F
_HEADER = 12


def without_tail_calls(chunk: bytes) -> bytes:
    """The same chunk, as string.dump gives it on a machine of 64 bits, with plain calls in place of tail calls."""
    data = bytearray(chunk)
    end = _function(data, _HEADER)
    assert end == len(data), "a chunk of another layout"
    return bytes(data)


def _int(data: bytearray, at: int) -> tuple[int, int]:
    return struct.unpack_from("<i", data, at)[0], at + 4


def _string(data: bytearray, at: int) -> int:
    return at + 8 + int(struct.unpack_from("<Q", data, at)[0])


def _function(data: bytearray, at: int) -> int:
    """Patch the function at `at`; where it ends."""
    at = _string(data, at) + 4 + 4 + 4
    count, at = _int(data, at)
    for word in range(at, at + 4 * count, 4):
        if data[word] & _OPCODE == _TAILCALL:
            data[word] = data[word] & ~_OPCODE | _CALL
    at = _constants(data, at + 4 * count)
    count, at = _int(data, at)
    for _ in range(count):
        at = _function(data, at)
    return _debug_information(data, at)


def _constants(data: bytearray, at: int) -> int:
    count, at = _int(data, at)
    for _ in range(count):
        kind = data[at]
        at += 1
        if kind == 4:
            at = _string(data, at)
        else:
            at += {0: 0, 1: 1, 3: 8}[kind]
    return at


def _debug_information(data: bytearray, at: int) -> int:
    count, at = _int(data, at)
    at += 4 * count
    count, at = _int(data, at)
    for _ in range(count):
        at = _string(data, at) + 8
    count, at = _int(data, at)
    for _ in range(count):
        at = _string(data, at)
    return at
