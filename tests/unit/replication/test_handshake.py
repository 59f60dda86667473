"""What a replica says and understands, whatever pieces the answers come in."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from pyredisai.persistence.aof.commands import encode
from pyredisai.replication.replica import (
    Continue,
    Event,
    FullSync,
    Handshake,
    Identity,
    LinkError,
    Send,
    SnapshotEnds,
    SnapshotPart,
    Stream,
)
from pyredisai.replication.stream import StreamParser, wire_length

ID = "c" * 40
MARK = b"m" * 40
GREETING = b"+PONG\r\n+OK\r\n+OK\r\n"


def events(data: bytes, cuts: list[int], me: Identity | None = None) -> list[Event]:
    """All events when `data` comes in these pieces."""
    handshake = Handshake(me or Identity(6380), ID, 7)
    found: list[Event] = []
    for start, end in pairwise([0, *sorted(cuts), len(data)]):
        handshake.feed(data[start:end])
        found += handshake.events()
    return found


def payload(found: list[Event]) -> bytes:
    """The snapshot."""
    return b"".join(bytes(event.data) for event in found if isinstance(event, SnapshotPart))


@pytest.mark.parametrize("seed", range(20))
def test_a_full_synchronization_in_any_pieces(seed: int) -> None:
    """By length with the stream behind it, and by mark; newlines in between only tell that the primary lives."""
    choose = random.Random(seed)
    body = choose.randbytes(choose.randrange(1, 300))
    head = GREETING + b"\n\n+FULLRESYNC %b 9\r\n\n" % ID.encode()
    by_length = head + b"$%d\r\n%b" % (len(body), body) + b"*1\r\n$4\r\nPING\r\n"
    cuts = [choose.randrange(len(by_length)) for _ in range(choose.randrange(30))]
    found = events(by_length, cuts)
    assert FullSync(ID, 9) in found
    assert payload(found) == body
    assert sum(isinstance(event, SnapshotEnds) for event in found) == 1
    by_mark = head + b"$EOF:%b\r\n" % MARK + body + MARK
    found = events(by_mark, [choose.randrange(len(by_mark)) for _ in range(choose.randrange(30))])
    assert payload(found) == body
    assert isinstance(found[-1], SnapshotEnds)


def test_what_a_replica_sends() -> None:
    """PING, AUTH with a password, REPLCONF, PSYNC with the stream that it has."""
    me = Identity(6380, "10.0.0.1", "user", "secret")
    answers = b"-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+CONTINUE\r\nxyz"
    found = events(answers, [], me)
    sent = b"".join(event.data for event in found if isinstance(event, Send))
    assert sent == b"".join(
        map(
            encode,
            [
                [b"AUTH", b"user", b"secret"],
                [b"REPLCONF", b"listening-port", b"6380"],
                [b"REPLCONF", b"ip-address", b"10.0.0.1"],
                [b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"],
                [b"PSYNC", ID.encode(), b"7"],
            ],
        )
    )
    assert found[-2:] == [Continue(""), Stream(b"xyz")]


@pytest.mark.parametrize(
    "answers",
    [
        b"-ERR no\r\n",
        GREETING + b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n",
        GREETING + b"+FULLRESYNC short 9\r\n",
        GREETING + b"+FULLRESYNC %b x\r\n" % ID.encode(),
        GREETING + b"+FULLRESYNC %b 9\r\n-ERR later\r\n" % ID.encode(),
        GREETING + b"+FULLRESYNC %b 9\r\n$-4\r\n" % ID.encode(),
        GREETING + b"+FULLRESYNC %b 9\r\n$0\r\n" % ID.encode(),
        GREETING + b"+FULLRESYNC %b 9\r\nREDIS\r\n" % ID.encode(),
        b"x" * 100_000,
    ],
)
def test_a_primary_that_refuses_or_raves(answers: bytes) -> None:
    """The link is given up with a reason."""
    with pytest.raises(LinkError):
        events(answers, [])


def test_the_streams_commands_and_their_length() -> None:
    """Every byte belongs to a command; what was applied is given back as it came."""
    choose = random.Random(3)
    sent = [
        [choose.randbytes(choose.choice([0, 1, 9, 10, 99, 100, 1000])) for _ in range(n % 12 + 1)] for n in range(99)
    ]
    data = b"".join(map(encode, sent))
    parser, found, taken, start = StreamParser(), [], b"", 0
    while start < len(data):
        size = choose.randrange(1, 500)
        parser.feed(data[start : start + size])
        start += size
        while (args := parser.next()) is not None:
            found.append(args)
            taken += parser.take(wire_length(args))
    assert found == sent
    assert taken == data


@pytest.mark.parametrize("data", [b"+OK\r\n", b"*0\r\n", b"*1\r\n:5\r\n", b"PING\r\n", b"*1\r\n*1\r\n$1\r\na\r\n"])
def test_a_stream_of_something_else(data: bytes) -> None:
    """It is refused, never applied."""
    parser = StreamParser()
    parser.feed(data)
    with pytest.raises(LinkError):
        parser.next()
