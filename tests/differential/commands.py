"""Strategies for plain commands with awkward arguments, and how the replies of two servers are compared."""

from __future__ import annotations

import itertools
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

side = st.sampled_from([b"LEFT", b"RIGHT", b"right", b"bogus"])
count = st.sampled_from([b"0", b"1", b"2", b"1000", b"-1", b"x"])
everything = st.sampled_from([b"1000", b"0", b"-1", b"x"])

HASHES = [
    command("HSET", key, many(pair), maybe(text)),
    command("HMSET", key, many(pair)),
    command("HSET", key, "n", number),
    command("HSETNX", key, text, text),
    command("HGET", key, text),
    command("HMGET", key, many(text)),
    command("HGETALL", key),
    command("HKEYS", key),
    command("HVALS", key),
    command("HDEL", key, many(text)),
    command("HEXISTS", key, text),
    command("HLEN", key),
    command("HSTRLEN", key, text),
    command("HINCRBY", key, st.one_of(text, st.just(b"n")), number),
    command("HINCRBYFLOAT", key, st.one_of(text, st.just(b"n")), decimal),
    command("HRANDFIELD", key, maybe(everything, words("WITHVALUES"))),
    command("HSCAN", key, "0", "COUNT", "1000", maybe("MATCH", pattern)),
    command("HSCAN", key, st.sampled_from([b"0", b"x"]), words("MATCH", "TYPE")),
]

LISTS = [
    command("LPUSH", key, many(text)),
    command("RPUSH", key, many(text)),
    command("RPUSH", key, many(text, 4, 8)),
    command("LPUSHX", key, many(text)),
    command("RPUSHX", key, many(text)),
    command("LPOP", key, maybe(count)),
    command("RPOP", key, maybe(count)),
    command("LRANGE", key, number, number),
    command("LLEN", key),
    command("LTRIM", key, number, small),
    command("LINDEX", key, number),
    command("LSET", key, number, text),
    command("LINSERT", key, st.sampled_from([b"BEFORE", b"after", b"x"]), text, text),
    command("LREM", key, number, text),
    command(
        "LPOS",
        key,
        text,
        maybe("RANK", number),
        maybe("COUNT", count),
        maybe("MAXLEN", count),
        words("RANK"),
    ),
    command("LMOVE", key, key, side, side),
    command("RPOPLPUSH", key, key),
    command("LMPOP", st.sampled_from([b"1", b"2", b"0", b"x"]), many(key, 1, 2), side, maybe("COUNT", count)),
    command("BLPOP", many(key), st.sampled_from([b"0.01", b"-1", b"x", b"0x0.1", b"inf"])),
    command("BRPOP", many(key), "0.01"),
    command("BLMOVE", key, key, side, side, "0.01"),
    command("BRPOPLPUSH", key, key, st.sampled_from([b"0.01", b"-1", b""])),
    command("BLMPOP", "0.01", st.sampled_from([b"1", b"2", b"0"]), many(key, 1, 2), side, maybe("COUNT", count)),
]

SRANDMEMBER = command("SRANDMEMBER", key, maybe(everything))

SETS = [
    command("SADD", key, many(text)),
    command("SADD", key, many(number)),
    command("SREM", key, many(text)),
    command("SMEMBERS", key),
    command("SISMEMBER", key, text),
    command("SMISMEMBER", key, many(text)),
    command("SCARD", key),
    command("SPOP", key, everything),
    SRANDMEMBER,
    command("SMOVE", key, key, text),
    *(command(name, many(key)) for name in ("SINTER", "SUNION", "SDIFF")),
    *(command(name, key, many(key)) for name in ("SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE")),
    command("SINTERCARD", st.sampled_from([b"1", b"2", b"0", b"x"]), many(key, 1, 2), maybe("LIMIT", count)),
    command("SSCAN", key, "0", "COUNT", "1000", maybe("MATCH", pattern)),
]

sort_option = st.one_of(
    st.tuples(st.just(b"BY"), st.sampled_from([b"nosort", b"*", b"w_*", b"{x}*", b"a*->n", b"*->"])),
    st.tuples(st.just(b"GET"), st.sampled_from([b"#", b"w_*", b"{x}*", b"x", b"*", b"*->x"])),
    st.tuples(st.just(b"LIMIT"), number, number),
    st.sampled_from([b"ASC", b"DESC", b"ALPHA", b"bogus"]),
    st.just(b"ALPHA"),
)

score = st.sampled_from(
    [b"0", b"1", b"2", b"3", b"-1", b"1.5", b"-0", b"inf", b"-inf", b"1e17", b"0.1", b"1e400", b"nan", b"x", b"0x10"]
)
plain_score = st.sampled_from([b"0", b"1", b"2", b"3", b"-1", b"1.5", b"inf"])
member = st.sampled_from([b"a", b"b", b"c", b"d", b"e", b"", b"10", b"ab", b"\xff"])
score_end = st.sampled_from(
    [b"-inf", b"+inf", b"0", b"1", b"(1", b"2", b"(2", b"3", b"(3", b"-1", b"x", b"", b"(", b" 1", b"1e400", b"nan"]
)
member_end = st.sampled_from([b"-", b"+", b"[a", b"(a", b"[b", b"(c", b"[d", b"[", b"(", b"[\xff", b"x", b"", b"+x"])
range_word = st.one_of(
    st.tuples(st.just(b"LIMIT"), small, small),
    st.sampled_from([b"WITHSCORES", b"REV", b"BYSCORE", b"BYLEX", b"LIMIT", b"x"]),
)
add_word = st.sampled_from([b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", b"ch"])
range_ends = st.one_of(
    st.tuples(number, number),
    st.tuples(small, small),
    st.tuples(score_end, score_end, st.sampled_from([b"BYSCORE", b"byscore"])),
    st.tuples(member_end, member_end, st.just(b"BYLEX")),
)
algebra_inputs = st.one_of(
    st.tuples(st.just(b"1"), key),
    st.tuples(st.just(b"2"), key, key),
    st.tuples(st.just(b"3"), key, key, key),
    st.tuples(st.sampled_from([b"0", b"x", b"-1", b"5"]), key),
)
algebra_word = st.one_of(
    st.tuples(st.just(b"AGGREGATE"), st.sampled_from([b"SUM", b"min", b"MAX", b"x"])),
    st.tuples(st.just(b"WEIGHTS"), score, score),
    st.tuples(st.just(b"WEIGHTS"), many(score)),
    st.sampled_from([b"WITHSCORES", b"LIMIT", b"AGGREGATE", b"x"]),
)
pop_end = st.sampled_from([b"MIN", b"max", b"MAX", b"x"])

SORTED_SETS = [
    command("ZADD", key, many(st.tuples(plain_score, member), 1, 5)),
    command("ZADD", key, many(st.tuples(st.just(b"0"), member), 2, 6)),
    command("ZADD", key, many(add_word, 0, 3), many(st.tuples(score, member)), maybe(member)),
    command("ZADD", key, many(add_word, 1, 2), st.tuples(plain_score, member)),
    command("ZINCRBY", key, score, member),
    command("ZREM", key, many(member)),
    command("ZSCORE", key, member),
    command("ZMSCORE", key, many(member, 1, 6)),
    command("ZCARD", key),
    command("ZRANK", key, member),
    command("ZREVRANK", key, member),
    command("ZCOUNT", key, score_end, score_end),
    command("ZLEXCOUNT", key, member_end, member_end),
    command("ZRANGE", key, range_ends, many(range_word, 0, 2)),
    command("ZRANGESTORE", key, key, range_ends, many(range_word, 0, 2)),
    command("ZREVRANGE", key, number, number, maybe("WITHSCORES")),
    *(
        command(name, key, ends, ends, many(range_word, 0, 2))
        for name, ends in (
            ("ZRANGEBYSCORE", score_end),
            ("ZREVRANGEBYSCORE", score_end),
            ("ZRANGEBYLEX", member_end),
            ("ZREVRANGEBYLEX", member_end),
        )
    ),
    command("ZREMRANGEBYRANK", key, number, number),
    command("ZREMRANGEBYSCORE", key, score_end, score_end),
    command("ZREMRANGEBYLEX", key, member_end, member_end),
    command("ZPOPMIN", key, maybe(count)),
    command("ZPOPMAX", key, maybe(count, maybe(count))),
    command("BZPOPMIN", many(key), st.sampled_from([b"0.01", b"-1", b"x"])),
    command("BZPOPMAX", many(key), "0.01"),
    command("ZMPOP", st.sampled_from([b"1", b"2", b"0", b"x"]), many(key, 1, 2), pop_end, maybe("COUNT", count)),
    command("ZMPOP", "1", key, pop_end, "COUNT", "1", words("COUNT", "x")),
    command(
        "BZMPOP",
        st.sampled_from([b"0.01", b"x"]),
        st.sampled_from([b"1", b"2", b"0"]),
        many(key, 1, 2),
        pop_end,
        maybe("COUNT", count),
    ),
    *(command(name, algebra_inputs, many(algebra_word, 0, 2)) for name in ("ZUNION", "ZINTER")),
    *(command(name, key, algebra_inputs, many(algebra_word, 0, 2)) for name in ("ZUNIONSTORE", "ZINTERSTORE")),
    command("ZDIFF", algebra_inputs, words("WITHSCORES", "LIMIT")),
    command("ZDIFFSTORE", key, algebra_inputs, words("WITHSCORES")),
    command("ZINTERCARD", algebra_inputs, maybe("LIMIT", count), words("WITHSCORES")),
    command("ZRANDMEMBER", key, maybe(everything, words("WITHSCORES"))),
    command("ZSCAN", key, "0", "COUNT", "1000", maybe("MATCH", pattern)),
    command("SADD", key, many(member)),
    command("OBJECT", "ENCODING", key),
]

small_id = st.builds(lambda ms, seq: b"%d-%d" % (ms, seq), st.integers(0, 6), st.integers(0, 3))
added_id = st.one_of(small_id, st.integers(1, 9).map(lambda n: b"%d-*" % n), st.integers(1, 9).map(lambda n: b"%d" % n))
odd_id = st.sampled_from(
    [b"0", b"3", b"-", b"+", b"x", b"", b"1-", b"-1", b"1-x", b"01", b"+1-1", b"1--01", b"18446744073709551615"]
)
any_id = st.one_of(small_id, small_id, small_id, odd_id)
id_end = st.one_of(any_id, small_id.map(lambda i: b"(" + i), st.sampled_from([b"-", b"+", b"(0", b"("]))
group = st.sampled_from([b"g", b"h"])
consumer = st.sampled_from([b"c", b"d", b"e"])
trim_mark = st.sampled_from([(), (b"~",), (b"=",)])
trimming = st.one_of(
    st.tuples(st.just(b"MAXLEN"), trim_mark, count),
    st.tuples(st.just(b"minid"), trim_mark, any_id),
    st.tuples(st.just(b"MAXLEN"), st.just(b"~"), small, st.just(b"LIMIT"), count),
    words("LIMIT", "NOMKSTREAM", "MAXLEN"),
)
stream_key = st.sampled_from(KEYS[:2])
idle = st.sampled_from([b"0", b"1000000", b"-1", b"x"])
claim_word = st.one_of(
    st.tuples(st.just(b"IDLE"), st.sampled_from([b"2000000", b"x"])),
    st.tuples(st.just(b"TIME"), st.sampled_from([b"100", b"-1", b"x"])),
    st.tuples(st.just(b"RETRYCOUNT"), st.sampled_from([b"5", b"-1", b"x"])),
    st.tuples(st.just(b"LASTID"), any_id),
    st.sampled_from([b"FORCE", b"force", b"JUSTID", b"x"]),
)
read_word = st.one_of(st.tuples(st.just(b"COUNT"), count), st.just(b"NOACK"))
waiting = st.sampled_from([(), (), (), (b"BLOCK", b"1"), (b"BLOCK", b"x"), (b"BLOCK", b"-1")])

STREAMS = [
    *[command("XADD", stream_key, added_id, many(pair))] * 4,
    command("XADD", stream_key, added_id, many(pair, 3, 5)),
    command("XADD", stream_key, trimming, added_id, many(pair), maybe(text)),
    command("XADD", stream_key, maybe("NOMKSTREAM"), any_id, many(pair)),
    command("XLEN", key),
    command("XRANGE", stream_key, id_end, id_end, maybe("COUNT", count)),
    command("XREVRANGE", stream_key, id_end, id_end, maybe("COUNT", count), words("COUNT")),
    command("XRANGE", stream_key, "-", "+"),
    command("XDEL", stream_key, many(any_id)),
    command("XDEL", stream_key, small_id),
    command("XTRIM", stream_key, trimming, words("LIMIT")),
    command("XTRIM", stream_key, st.sampled_from([b"MAXLEN", b"MINID"]), trim_mark, small),
    command("XSETID", stream_key, any_id, maybe("ENTRIESADDED", count), maybe("MAXDELETEDID", any_id)),
    command("XREAD", maybe(read_word), "STREAMS", stream_key, any_id),
    command("XREAD", waiting, "STREAMS", key, stream_key, any_id, st.sampled_from([b"$", b"0", b">"])),
    *[command("XGROUP", "CREATE", stream_key, group, any_id, maybe("MKSTREAM"), maybe("ENTRIESREAD", count))] * 2,
    command("XGROUP", "CREATE", key, group, st.sampled_from([b"$", b"0"]), words("MKSTREAM", "ENTRIESREAD")),
    command("XGROUP", "SETID", stream_key, group, st.one_of(any_id, st.just(b"$")), maybe("ENTRIESREAD", count)),
    command("XGROUP", "DESTROY", stream_key, group),
    command("XGROUP", "CREATECONSUMER", stream_key, group, consumer),
    command("XGROUP", "DELCONSUMER", stream_key, group, consumer),
    *[command("XREADGROUP", "GROUP", group, consumer, maybe(read_word), "STREAMS", stream_key, ">")] * 3,
    command("XREADGROUP", "GROUP", group, consumer, maybe(read_word), waiting, "STREAMS", stream_key, any_id),
    command("XREADGROUP", "GROUP", group, consumer, waiting, "STREAMS", stream_key, st.sampled_from([b">", b"$"])),
    command("XACK", stream_key, group, many(any_id)),
    command("XACK", stream_key, group, small_id),
    command("XPENDING", stream_key, group),
    command("XPENDING", stream_key, group, maybe("IDLE", idle), id_end, id_end, count, maybe(consumer)),
    command("XPENDING", stream_key, group, "-", "+", "10"),
    command("XCLAIM", stream_key, group, consumer, idle, many(any_id), many(claim_word, 0, 3)),
    command("XCLAIM", stream_key, group, consumer, "0", many(small_id), many(claim_word, 0, 2)),
    command("XAUTOCLAIM", stream_key, group, consumer, idle, id_end, maybe("COUNT", count), words("JUSTID")),
    command("XAUTOCLAIM", stream_key, group, consumer, "0", "0", maybe("COUNT", st.sampled_from([b"1", b"2"]))),
    command("XINFO", "STREAM", stream_key, maybe("FULL", maybe("COUNT", count))),
    command("XINFO", "GROUPS", stream_key),
    command("XINFO", "CONSUMERS", stream_key, group),
    command("OBJECT", "ENCODING", key),
    command("COPY", key, key, "REPLACE"),
    command("RENAME", key, key),
    command("DEL", key),
    command("SET", key, text),
]

bit_offset = st.sampled_from([b"0", b"1", b"7", b"8", b"31", b"100", b"-1", b"x", b"4294967296"])
field_type = st.sampled_from(
    [b"u8", b"i8", b"u4", b"i5", b"u1", b"i64", b"u63", b"u64", b"i1", b"i0", b"x8", b"u", b"I8"]
)
field_offset = st.sampled_from([b"0", b"3", b"8", b"#1", b"#0", b"#x", b"-1", b"60"])
field_change = st.one_of(
    st.tuples(st.just(b"GET"), field_type, field_offset),
    st.tuples(st.just(b"set"), field_type, field_offset, number),
    st.tuples(st.just(b"INCRBY"), field_type, field_offset, number),
    st.tuples(st.just(b"OVERFLOW"), st.sampled_from([b"WRAP", b"sat", b"FAIL", b"x"])),
    words("GET", "SET"),
)
BITS = [
    command("SETBIT", key, bit_offset, st.sampled_from([b"0", b"1", b"2", b"x"])),
    command("GETBIT", key, bit_offset),
    command("BITCOUNT", key, maybe(number, number, maybe(st.sampled_from([b"BIT", b"byte", b"x"])))),
    command("BITPOS", key, small, maybe(number, maybe(number, maybe(st.sampled_from([b"BIT", b"byte", b"x"]))))),
    command("BITOP", st.sampled_from([b"AND", b"or", b"XOR", b"NOT", b"x"]), key, many(key)),
    command("BITFIELD", key, many(field_change)),
    command("BITFIELD_RO", key, many(field_change)),
    command("LCS", key, key, words("LEN", "IDX", "WITHMATCHLEN"), maybe("MINMATCHLEN", small)),
    command("SET", key, st.binary(max_size=12)),
    command("SET", key, st.text("ab", max_size=12).map(str.encode)),
]

SORTS = [
    command("SORT", key, many(sort_option, 0, 3)),
    command("SORT", key, many(sort_option.filter(lambda o: o != b"ALPHA"), 0, 2), "STORE", key),
    command("SORT", key, "ALPHA", "STORE", key),
    command("SORT_RO", key, many(sort_option, 0, 2)),
    command("RPUSH", key, many(number, 2, 6)),
    command("RPUSH", key, many(st.sampled_from([b"3", b"1", b"2", b"-1", b"1e1", b"0x3", b"1.5"]), 2, 6)),
    command("SADD", key, many(small, 2, 6)),
    command("ZADD", key, many(st.tuples(small, small), 2, 6)),
    command("SET", st.sampled_from([b"w_1", b"w_2", b"w_3", b"{x}1"]), number),
    command("HSET", st.sampled_from([b"a1", b"a2"]), "n", number),
]

TRANSACTIONS = [
    command("MULTI"),
    command("EXEC"),
    command("EXEC"),
    command("DISCARD"),
    command("WATCH", many(key)),
    command("UNWATCH"),
    command("BOGUS", key),
    command("SET", key),
]

UNORDERED = {b"hgetall", b"hkeys", b"hvals", b"hscan", b"smembers", b"spop", b"sinter", b"sunion", b"sdiff", b"sscan"}
UNORDERED |= {b"keys", b"scan", b"exec"}
RANDOM = {b"hrandfield", b"srandmember", b"zrandmember"}
TIMES = {b"ttl", b"pttl", b"expiretime", b"pexpiretime"}
TOLERANCE = 3000


def without_order(reply: Any) -> Any:
    """The reply with its innermost lists sorted."""
    if isinstance(reply, list):
        return type(reply)(sorted((without_order(item) for item in reply), key=repr))
    return reply


def without_moments(reply: Any) -> Any:
    """The reply without moments in milliseconds, and without how long entries and consumers have been idle."""
    if isinstance(reply, dict):
        return {name: None if name == b"idle" else without_moments(value) for name, value in reply.items()}
    if isinstance(reply, list):
        if len(reply) == 4 and isinstance(reply[2], int) and isinstance(reply[1], bytes):
            reply = [*reply[:2], None, reply[3]]
        before = [None, *reply]
        return [None if before[i] == b"idle" else without_moments(item) for i, item in enumerate(reply)]
    return None if isinstance(reply, int) and reply > 1_000_000_000_000 else reply


def close(one: Any, other: Any) -> bool:
    """Equal, but for large numbers: times to live, and moments."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, int) and isinstance(other, int) and one > 10_000:
        return abs(one - other) <= TOLERANCE
    return bool(one == other)


# How a value came about is not remembered here: what has become small again is called small, and a string that an edit
# has left is called as one that SET stores. Redis does not convert them back.
EDITED = {
    *((b"listpack", b"hashtable"), (b"listpack", b"skiplist"), (b"intset", b"hashtable")),
    *((b"int", b"embstr"), (b"int", b"raw"), (b"embstr", b"raw")),
}


def same(command: Command, one: Any, other: Any) -> bool:
    """Whether two parsed replies to a command mean the same."""
    name = command[0].lower()
    if name in (b"sort", b"sort_ro") and isinstance(one, list) and isinstance(other, list):
        unsorted = any(word == b"BY" and b"*" not in by for word, by in itertools.pairwise(command))
        # elements whose texts are equal or absent come in any order
        return len(one) == len(other) and (unsorted or {b"BY", b"ALPHA"} <= set(command))
    if name in TIMES and isinstance(one, int) and isinstance(other, int):
        return abs(one - other) <= TOLERANCE and (one < 0) == (other < 0)
    if name == b"object" and isinstance(one, int) and isinstance(other, int):
        return True
    if name == b"object" and (one, other) in EDITED:
        return True
    if name in RANDOM and isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and type(one) is type(other)
    if name in RANDOM and isinstance(one, bytes) and isinstance(other, bytes):
        return True
    if name == b"exec":
        return close(without_order(one), without_order(other))
    if name in (b"xpending", b"xinfo"):
        return bool(without_moments(one) == without_moments(other))
    if name in UNORDERED:
        return bool(without_order(one) == without_order(other))
    return bool(one == other)
