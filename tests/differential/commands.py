"""Strategies for plain commands with awkward arguments, and how the replies of two servers are compared."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Command = tuple[bytes, ...]

KEYS = [b"a", b"b", b"c", b"d", b"{x}1"]
NUMBERS = [
    *(b"%d" % n for n in (0, 1, 2, 3, 5, 10, -1, -2, -3, -100, 100)),
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"1000000000000",
    b"-0",
    b"+1",
    b" 1",
    b"01",
    b"1.0",
    b"abc",
    b"",
]
FLOATS = [
    b"1.5",
    b"-0.1",
    b"0.1",
    b"0.2",
    b"3",
    b"1e3",
    b"1e-5",
    b"5.",
    b".5",
    b"0x10",
    b"inf",
    b"-inf",
    b"nan",
    b"1e400",
    b"x",
    b"",
    b" 1",
    b"1_0",
    b"+2",
    b"123456789.123456789",
    b"1e17",
    b"-0",
]
TEXTS = [
    b"",
    b"x",
    b"y",
    b"hello",
    b"Hello World",
    b"0",
    b"1",
    b"10",
    b"-5",
    b"007",
    b"1.5",
    b"\x00\xff\x0f",
    b"a\r\nb",
    b"v" * 45,
    b"w" * 70,
]
PATTERNS = [b"*", b"a*", b"?", b"[a-c]", b"[^a]", b"h*o", b"\\a", b"[", b"*l*", b"", b"**"]

key = st.sampled_from(KEYS)
number = st.sampled_from(NUMBERS)
small = st.sampled_from([b"0", b"1", b"2", b"3", b"-1", b"-2", b"5"])
decimal = st.sampled_from(FLOATS)
text = st.one_of(st.sampled_from(TEXTS), st.binary(max_size=6))
pattern = st.sampled_from(PATTERNS)
# far from now, so that the moment at which a command runs does not matter
seconds = st.sampled_from([b"100", b"200", b"-1", b"0", b"abc", b"9223372036854775807", b"99999999999999999"])
moment = st.sampled_from([b"4102444800", b"4102444900", b"1", b"0", b"-5", b"x", b"4102444800000"])


def words(*choices: str) -> SearchStrategy[tuple[bytes, ...]]:
    """None or some of the words, an unknown one among them at times."""
    return st.lists(st.sampled_from([*(c.encode() for c in choices), b"bogus"]), max_size=2).map(tuple)


def any_case(word: str) -> SearchStrategy[bytes]:
    return st.sampled_from([word.encode(), word.lower().encode(), word.title().encode()])


def command(name: str, *parts: Any) -> SearchStrategy[Command]:
    """A command; a part is a strategy of bytes, of tuples of bytes (spliced), or text for a constant."""
    made = [st.just(part.encode()) if isinstance(part, str) else part for part in parts]
    return st.tuples(any_case(name), *made).map(flatten)


def flatten(parts: tuple[Any, ...]) -> Command:
    flat: list[bytes] = []
    for part in parts:
        if isinstance(part, tuple):
            flat += flatten(part)
        else:
            flat.append(part)
    return tuple(flat)


def many(strategy: SearchStrategy[Any], low: int = 1, high: int = 3) -> SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=low, max_size=high).map(tuple)


def maybe(*parts: Any) -> SearchStrategy[Any]:
    made = [st.just(part.encode()) if isinstance(part, str) else part for part in parts]
    return st.one_of(st.just(()), st.tuples(*made))


pair = st.tuples(text, text)
expiry_words = st.one_of(
    st.just(()),
    st.tuples(st.sampled_from([b"EX", b"PX", b"px"]), seconds),
    st.tuples(st.sampled_from([b"EXAT", b"PXAT"]), moment),
    words("NX", "XX", "GET", "KEEPTTL", "PERSIST", "EX"),
)

STRINGS = [
    command("SET", key, text),
    command("SET", key, number),
    command("SET", key, text, expiry_words, words("NX", "XX", "GET", "KEEPTTL")),
    command("GET", key),
    command("GETDEL", key),
    command("GETSET", key, text),
    command("GETEX", key, expiry_words),
    command("SETNX", key, text),
    command("SETEX", key, seconds, text),
    command("PSETEX", key, seconds, text),
    command("MSET", many(st.tuples(key, text)), maybe(key)),
    command("MSETNX", many(st.tuples(key, text)), maybe(key)),
    command("MGET", many(key)),
    command("INCR", key),
    command("DECR", key),
    command("INCRBY", key, number),
    command("DECRBY", key, number),
    command("INCRBYFLOAT", key, decimal),
    command("APPEND", key, text),
    command("STRLEN", key),
    command("GETRANGE", key, number, number),
    command("SUBSTR", key, small, small),
    command("SETRANGE", key, st.sampled_from([b"0", b"1", b"5", b"100", b"-1", b"x", b"536870912"]), text),
]

KEYSPACE = [
    command("DEL", many(key)),
    command("UNLINK", many(key)),
    command("EXISTS", many(key)),
    command("TOUCH", many(key)),
    command("TYPE", key),
    command("KEYS", pattern),
    command("SCAN", "0", maybe("MATCH", pattern), "COUNT", "1000", maybe("TYPE", st.sampled_from([b"string", b"SET"]))),
    command(
        "SCAN", st.sampled_from([b"0", b"", b"x", b" 1", b"18446744073709551616"]), words("MATCH", "COUNT", "TYPE")
    ),
    command("RENAME", key, key),
    command("RENAMENX", key, key),
    command("COPY", key, key, maybe("DB", st.sampled_from([b"0", b"1", b"99", b"x"])), words("REPLACE", "DB")),
    command("MOVE", key, st.sampled_from([b"0", b"1", b"99", b"-1", b"x"])),
    command("SWAPDB", small, st.sampled_from([b"0", b"1", b"99", b"x"])),
    command("SELECT", st.sampled_from([b"0", b"1", b"99", b"-1", b"x", b"99999999999"])),
    command("DBSIZE"),
    command("FLUSHDB", words("ASYNC", "SYNC")),
    command("EXPIRE", key, seconds, words("NX", "XX", "GT", "LT")),
    command("PEXPIRE", key, seconds, words("NX", "XX", "GT", "LT")),
    command("EXPIREAT", key, moment, words("NX", "XX", "GT", "LT")),
    command("PEXPIREAT", key, moment, words("NX", "XX", "GT", "LT")),
    command("TTL", key),
    command("PTTL", key),
    command("EXPIRETIME", key),
    command("PEXPIRETIME", key),
    command("PERSIST", key),
    command("OBJECT", "ENCODING", key),
    command("OBJECT", "REFCOUNT", key),
    command("OBJECT", "FREQ", key),
    command("OBJECT", st.sampled_from([b"bogus", b"ENCODING", b"IDLETIME"]), maybe(key, key)),
]

UNORDERED = {b"keys", b"scan"}
TIMES = {b"ttl", b"pttl", b"expiretime", b"pexpiretime"}
TOLERANCE = 3000


def without_order(reply: Any) -> Any:
    """The reply with its innermost lists sorted."""
    if isinstance(reply, list):
        return type(reply)(sorted((without_order(item) for item in reply), key=repr))
    return reply


def same(name: bytes, one: Any, other: Any) -> bool:
    """Whether two parsed replies to the command `name` mean the same."""
    name = name.lower()
    if name in TIMES and isinstance(one, int) and isinstance(other, int):
        return abs(one - other) <= TOLERANCE and (one < 0) == (other < 0)
    if name == b"object" and isinstance(one, int) and isinstance(other, int):
        return True
    if name in UNORDERED:
        return bool(without_order(one) == without_order(other))
    return bool(one == other)
