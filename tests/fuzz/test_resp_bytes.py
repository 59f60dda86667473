"""Whatever bytes come, cut however: requests or one ProtocolError, the same from both parsers; the server lives."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.requests import BAD, GOOD, fast, split, strict
from tests.support.server import Server

ALONE = [b"*", b"$", b"1", b"2", b"3", b"0", b"-1", b"\r\n", b"\r", b"\n", b"\0", b"x", b"+", b":", b"=", b"txt:"]
WHOLE = [b"*0\r\n", b"*1\r\n", b"*2\r\n", b"*-1\r\n", b"$4\r\nPING\r\n", b"$0\r\n\r\n", b"*1\r\n$4\r\nPING\r\n"]
ODD = [
    b"+a\r\n",
    b"=4\r\ntxt:\r\n",
    b"%1\r\n",
    b"~1\r\n",
    b">1\r\n",
    b"|1\r\n",
    b"(1\r\n",
    b"_\r\n",
    b"#t\r\n",
    b",1\r\n",
]
INLINE = [b"'", b'"', b"\\x4", b" ", b"PING\r\n"]
PIECES = st.sampled_from([*ALONE, *WHOLE, *ODD, *INLINE])
STREAM = st.one_of(
    st.binary(max_size=200),
    st.lists(PIECES, max_size=30).map(b"".join),
    st.lists(st.sampled_from([*GOOD.values(), *BAD.values()]), max_size=4).map(b"".join),
)
CUTS = st.lists(st.integers(0, 400), max_size=6)


@settings(max_examples=1500, deadline=None)
@given(STREAM, CUTS, st.booleans())
@example(b"*2\r\n$3\r\nGET\r\n$-1\r\n", [], False)
def test_both_parsers_agree(data: bytes, cuts: list[int], limited: bool) -> None:
    expected = strict([data], limited)
    assert fast([data] if data else [], limited) == expected
    assert fast(split(data, *[cut for cut in cuts if cut < len(data)]), limited) == expected


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams=st.lists(st.tuples(STREAM, CUTS), min_size=1, max_size=3))
def test_the_server_lives(streams: list[tuple[bytes, list[int]]], server: Server) -> None:
    for data, cuts in streams:
        with server.client() as client:
            try:
                for piece in split(data, *[cut for cut in cuts if cut < len(data)]):
                    client.send_bytes(piece)
            except OSError:
                pass  # refused and closed already
    with server.client() as client:
        assert client("PING") == "PONG"
