"""Error texts of the geo commands. Facts: redis-server 7.0."""

from __future__ import annotations

UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI"
NO_MEMBER = "ERR could not decode requested zset member"
RADIUS = "ERR need numeric radius"
NEGATIVE_RADIUS = "ERR radius cannot be negative"
WIDTH = "ERR need numeric width"
HEIGHT = "ERR need numeric height"
NEGATIVE_BOX = "ERR height or width cannot be negative"
COUNT = "ERR COUNT must be > 0"
ANY = "ERR the ANY argument requires COUNT argument"


def place(longitude: float, latitude: float) -> str:
    """The reply to a place beyond the ranges."""
    return f"ERR invalid longitude,latitude pair {longitude:f},{latitude:f}"


def store_with(command: str) -> str:
    """The reply to options that show what is to be stored."""
    return f"ERR {command} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"


def one_of(words: str, command: str) -> str:
    """The reply of GEOSEARCH without a centre or a shape; `command` as the client wrote it."""
    return f"ERR exactly one of {words} can be specified for {command}"
