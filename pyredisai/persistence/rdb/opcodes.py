"""The numbers of the RDB format. Facts: RDB versions 1 (Redis 2.6) to 11 (Redis 7.2)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

MAGIC: Final = b"REDIS"
WRITE_VERSION: Final = 10
MAX_READ_VERSION: Final = 11


class Op(IntEnum):
    """What stands before a record that is no key."""

    FUNCTION2 = 245
    FUNCTION_PRE_GA = 246
    MODULE_AUX = 247
    IDLE = 248
    FREQ = 249
    AUX = 250
    RESIZEDB = 251
    EXPIRETIME_MS = 252
    EXPIRETIME = 253
    SELECTDB = 254
    EOF = 255


class Type(IntEnum):
    """How a value is stored."""

    STRING = 0
    LIST = 1
    SET = 2
    ZSET = 3
    HASH = 4
    ZSET_2 = 5
    MODULE = 6
    MODULE_2 = 7
    HASH_ZIPMAP = 9
    LIST_ZIPLIST = 10
    SET_INTSET = 11
    ZSET_ZIPLIST = 12
    HASH_ZIPLIST = 13
    LIST_QUICKLIST = 14
    STREAM_LISTPACKS = 15
    HASH_LISTPACK = 16
    ZSET_LISTPACK = 17
    LIST_QUICKLIST_2 = 18
    STREAM_LISTPACKS_2 = 19
    SET_LISTPACK = 20
    STREAM_LISTPACKS_3 = 21


class ModuleOp(IntEnum):
    """What stands before each field of a module's value."""

    EOF = 0
    SINT = 1
    UINT = 2
    FLOAT = 3
    DOUBLE = 4
    STRING = 5
