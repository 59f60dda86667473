"""However the bytes are cut, the requests are the same, and hiredis' short cut never shows."""

from __future__ import annotations

import sys

import pytest

from pyredisai.errors import ProtocolError, texts
from pyredisai.resp.parser import Parser
from pyredisai.resp.strict import BIG, StrictParser
from tests.support.requests import BAD, GOOD, fast, split, strict
from tests.support.resp import encode

STREAMS = {**GOOD, **BAD}


@pytest.mark.parametrize("name", STREAMS)
def test_whole_and_cut_anywhere(name: str) -> None:
    data = STREAMS[name]
    expected = strict([data])
    step = 1 if len(data) < 1000 else len(data) // 7
    assert fast([data]) == expected
    for place in range(1, len(data), step):
        assert strict(split(data, place)) == expected
        assert fast(split(data, place)) == expected


@pytest.mark.parametrize("name", [name for name, data in STREAMS.items() if len(data) < 1000])
def test_byte_by_byte(name: str) -> None:
    data = STREAMS[name]
    assert fast([data[i : i + 1] for i in range(len(data))]) == strict([data])


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        ("count is a word", texts.INVALID_MULTIBULK),
        ("count with a sign", texts.INVALID_MULTIBULK),
        ("bulk length is negative", texts.INVALID_BULK),
        ("bulk too long", texts.INVALID_BULK),
        ("integer for a bulk", "expected '$', got ':'"),
        ("simple string for a bulk", "expected '$', got '+'"),
        ("array for a bulk", "expected '$', got '*'"),
        ("lies that cancel out", "expected '$', got '+'"),
        ("nested arrays that cancel out", "expected '$', got '*'"),
        ("open quote", texts.UNBALANCED_QUOTES),
        ("long inline", texts.TOO_BIG_INLINE),
        ("long count", texts.TOO_BIG_COUNT),
        ("long bulk count", texts.TOO_BIG_BULK_COUNT),
    ],
)
def test_errors(stream: str, text: str) -> None:
    assert fast([BAD[stream]])[1] == text


def test_good_requests_before_an_error_are_kept() -> None:
    requests, error = fast([BAD["error behind good requests"]])
    assert requests == [[b"PING"]] * 3
    assert error == "expected '$', got '!'"


def test_inline_words() -> None:
    assert fast([GOOD["inline escapes"]])[0] == [
        [b"ECHO", b'A\n\tq"'],
        [b"ECHO", b"it's \\n"],
        [b"ECHO", b"ab c"],
        [b"ECHO", b"x4"],
    ]


def test_limits_before_authentication() -> None:
    assert fast([b"*11\r\n"], limited=True)[1] == texts.UNAUTHENTICATED_MULTIBULK
    assert fast([b"*1\r\n$16385\r\n"], limited=True)[1] == texts.UNAUTHENTICATED_BULK
    assert fast([b"*10\r\n" + b"$1\r\nx\r\n" * 10], limited=True) == ([[b"x"] * 10], None)


def test_requests_come_one_by_one_before_authentication() -> None:
    parser = Parser()
    parser.strict.limited = True
    assert parser.feed(b"*1\r\n$4\r\nAUTH\r\n*11\r\n" + b"$1\r\nx\r\n" * 11) == []
    assert parser.more() == [[b"AUTH"]]
    parser.strict.limited = False
    assert parser.more() == [[b"x"] * 11]


def request(*args: bytes) -> bytes:
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%b\r\n" % (len(arg), arg) for arg in args)


@pytest.mark.parametrize("size", [BIG - 1, BIG, BIG + 1, 3 * BIG])
@pytest.mark.parametrize("chunk", [10_000, 64 * 1024, 256 * 1024, 10**9])
def test_big_arguments(size: int, chunk: int) -> None:
    value = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    requests = [[b"SET", b"k", value], [b"GET", b"k"], [b"MSET", b"a", value, b"b", value], [b"PING"]] * 2
    data = b"".join(request(*args) for args in requests)
    chunks = [data[i : i + chunk] for i in range(0, len(data), chunk)]
    assert fast(chunks) == (requests, None)


def test_a_big_argument_is_received_in_place_and_read_only() -> None:
    parser = Parser()
    assert parser.feed(b"*2\r\n$4\r\nECHO\r\n$200000\r\nab") == []
    assert parser.more() == []
    target = parser.strict.target()
    assert target is not None
    assert len(target) == 200_000
    target[:] = b"c" * 199_998 + b"\r\n"
    parser.strict.filled(200_000)
    assert parser.strict.target() is None
    [[name, value]] = parser.more()
    assert name == b"ECHO"
    assert type(value) is memoryview
    assert value.readonly
    assert bytes(value) == b"ab" + b"c" * 199_998
    assert parser.strict.idle


def test_what_comes_while_a_request_with_a_big_argument_waits_comes_behind_it() -> None:
    """A client may be blocked, by the request before, when the chunk has just been read."""
    value = b"v" * BIG
    data = request(b"SET", b"k", value) + request(b"PING")
    parser = Parser()
    assert parser.feed(request(b"GET", b"k" * 600) + data[:1000]) == [[b"GET", b"k" * 600]]
    parser.hold(data[1000:2000])
    parser.hold(data[2000:])
    requests = [*parser.more(), *parser.more(), *parser.more()]
    assert [[bytes(argument) for argument in each] for each in requests] == [[b"SET", b"k", value], [b"PING"]]


@pytest.mark.parametrize(("name", "value", "text"), [
    ("max_bulk", BIG - 1, texts.INVALID_BULK), ("limited", True, texts.UNAUTHENTICATED_BULK),
])  # fmt: skip
def test_a_limit_that_the_request_before_has_set_holds_for_a_big_argument(name: str, value: int, text: str) -> None:
    parser = Parser()
    assert len(parser.feed(request(b"GET", b"k" * 600) + request(b"SET", b"k", bytes(BIG))[:900])) == 1
    setattr(parser.strict, name, value)
    with pytest.raises(ProtocolError, match=text):
        parser.more()


def test_big_arguments_are_told_of_when_the_rest_of_the_request_comes_later() -> None:
    parser = StrictParser()
    parser.feed(b"*2\r\n$%d\r\n%b\r\n" % (BIG, bytes(BIG)))
    assert parser.next() is None
    parser.feed(b"$1\r\na\r\n*1\r\n$4\r\nPING\r\n")
    request = parser.next()
    assert request is not None
    assert [type(argument) for argument in request] == [memoryview, bytes]
    assert parser.views
    assert parser.next() == [b"PING"]
    assert not parser.views


def test_a_big_bulk_counts_as_buffered_only_as_far_as_it_has_come() -> None:
    parser = StrictParser()
    parser.feed(b"*1\r\n$400000000\r\nabc")
    assert parser.next() is None
    assert parser.buffered() == 3


def test_max_bulk() -> None:
    parser = Parser(max_bulk=10)
    parser.feed(b"*1\r\n$11\r\n")
    with pytest.raises(ProtocolError, match="invalid bulk length"):
        parser.more()


@pytest.mark.parametrize("size", [BIG, 3 * BIG])
def test_a_big_argument_is_the_requests_alone(size: int) -> None:
    """It goes when the request goes, not when the next one comes."""
    parser = StrictParser()
    parser.feed(encode("SET", "k", bytes(size)))
    request = parser.next()
    assert request is not None
    assert bytes(request[2]) == bytes(size)
    assert sys.getrefcount(request) == 2  # the variable and the call
