"""Strategies for HyperLogLogs and places: strings and sorted sets with a meaning of their own."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.differential.commands import command, key, many, maybe, member, number, small, text, words

element = st.one_of(text, st.integers(0, 500).map(lambda n: b"e%d" % n))
runs = st.one_of(
    st.binary(max_size=8),
    st.lists(st.sampled_from([b"\x7f\xff", b"\x3f", b"\x40\x00", b"\x80", b"\xff", b"\x7f\xfe"]), max_size=4).map(
        b"".join
    ),
)
# Strings that are nearly right: forms, lengths and runs that are not. The last run is whole: Redis reads on behind
# the string otherwise.
sketch = st.builds(
    lambda magic, form, rest, cache, runs: magic + form + b"\0\0\0" + rest + cache + runs + b"\0\0",
    st.sampled_from([b"HYLL", b"HYLL", b"HYLL", b"hyll"]),
    st.sampled_from([b"\x01", b"\x01", b"\x01", b"\x00", b"\x02"]),
    st.sampled_from([bytes(7), b"\x05" + bytes(6)]),
    st.sampled_from([b"\x00", b"\x80"]),
    runs,
)
HYPERLOGLOGS = [
    *[command("PFADD", key, many(element, 0, 5))] * 4,
    command("PFADD", key, many(st.integers(0, 10**6).map(lambda n: b"%d" % n), 50, 50)),
    *[command("PFCOUNT", many(key))] * 2,
    *[command("PFMERGE", key, many(key, 0, 3))] * 2,
    command("PFDEBUG", st.sampled_from([b"ENCODING", b"decode", b"TODENSE", b"GETREG", b"bogus"]), key),
    command("PFADD"),
    # one element at a time: where a later one fails, Redis keeps what the earlier ones did and does not journal it
    command("SET", "bad", sketch),
    command("APPEND", "bad", st.just(b"\0")),
    command("PFADD", "bad", element),
    command("PFCOUNT", "bad", maybe(key)),
    command("PFMERGE", key, "bad"),
    command("PFDEBUG", st.sampled_from([b"DECODE", b"TODENSE", b"GETREG"]), "bad"),
    command("SET", key, text),
    command("GET", key),
    command("OBJECT", "ENCODING", key),
    command("COPY", key, key, "REPLACE"),
    command("DEL", key),
]
SETTINGS = [command("CONFIG", "SET", "hll-sparse-max-bytes", st.sampled_from([b"3000", b"30", b"0", b"20000"]))]

place = st.one_of(
    st.sampled_from([(b"13.361389", b"38.115556"), (b"15.087269", b"37.502669"), (b"13.583333", b"37.316667")]),
    st.tuples(st.floats(10, 20).map(lambda x: b"%.6f" % x), st.floats(30, 40).map(lambda x: b"%.6f" % x)),
    st.tuples(st.floats(-180, 180).map(lambda x: b"%.9f" % x), st.floats(-85, 85).map(lambda x: b"%.9f" % x)),
    st.tuples(
        st.sampled_from([b"180", b"-180", b"0", b"180.1", b"x", b"inf"]),
        st.sampled_from([b"85.05112878", b"-85.05112878", b"0", b"86", b"nan", b""]),
    ),
)
unit = st.sampled_from([b"m", b"km", b"KM", b"ft", b"mi", b"km", b"yd"])
radius = st.sampled_from(
    [b"0", b"100", b"200.5", b"1000", b"100000", b"500000", b"5000000", b"30000000", b"inf", b"-1", b"x"]
)
counted = st.tuples(
    st.just(b"COUNT"), st.sampled_from([b"1", b"2", b"3", b"10", b"0", b"x"]), st.sampled_from([(), (), (b"ANY",)])
)
shown = st.one_of(words("WITHDIST", "WITHHASH", "WITHCOORD"), words("ASC", "DESC", "ANY"), counted)
order = st.one_of(st.sampled_from([(), (b"asc",), (b"DESC",)]), counted)
centre = st.one_of(st.tuples(st.just(b"FROMMEMBER"), member), st.tuples(st.just(b"FROMLONLAT"), place))
area = st.one_of(st.tuples(st.just(b"BYRADIUS"), radius, unit), st.tuples(st.just(b"BYBOX"), radius, radius, unit))
stored = st.one_of(st.tuples(st.sampled_from([b"STORE", b"StoreDist"]), key), shown)
PLACES = [
    *[command("GEOADD", key, many(st.tuples(place, member), 1, 4))] * 4,
    command("GEOADD", key, words("NX", "XX", "CH"), many(st.tuples(place, member), 1, 2), maybe(member)),
    *[command("GEOSEARCH", key, centre, area, many(shown, 0, 3))] * 4,
    command("GEOSEARCH", key, many(shown, 0, 2), area, centre, maybe(area)),
    command("GEOSEARCHSTORE", key, key, centre, area, many(order, 0, 2), maybe("STOREDIST")),
    command("GEOSEARCHSTORE", key, key, area, centre, many(shown, 0, 2)),
    command("GEORADIUS", key, place, radius, unit, many(stored, 0, 3)),
    command("GEORADIUSBYMEMBER", key, member, radius, unit, many(stored, 0, 3)),
    command("GEORADIUS_RO", key, place, radius, unit, many(shown, 0, 3)),
    command("GEORADIUSBYMEMBER_RO", key, member, radius, unit, many(stored, 0, 2)),
    command("GEODIST", key, member, member, maybe(unit)),
    command("GEOPOS", key, many(member, 0, 3)),
    command("GEOHASH", key, many(member, 0, 3)),
    command("ZADD", key, number, member),
    command("ZADD", key, st.floats(0, 2**52).map(lambda x: b"%.3f" % x), member),
    command("ZREM", key, member),
    command("SET", key, small),
    command("DEL", key),
]
