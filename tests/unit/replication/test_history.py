"""The backlog by offset, and who may go on with which stream."""

from __future__ import annotations

import random
import sys

from pyredisai.replication.backlog import Backlog
from pyredisai.replication.history import History


def test_of_a_big_blob_the_backlog_keeps_the_end() -> None:
    backlog, blob = Backlog(1000, 1), random.Random(1).randbytes(5_000_000)
    for chunk in (b"before", memoryview(blob), b"after"):
        backlog.append(chunk)
    stream = b"before" + blob + b"after"
    assert backlog.length < 1_100_000
    assert backlog.end == len(stream) + 1
    offset = backlog.end - 1000
    assert backlog.holds(offset)
    assert b"".join(backlog.since(offset)) == stream[offset - 1 :]
    assert b"".join(backlog.since(backlog.first)) == stream[backlog.first - 1 :]
    assert sum(map(len, backlog.since(backlog.first))) == backlog.length
    assert all(sys.getsizeof(chunk) < 1_200_000 and type(chunk) is bytes for chunk in backlog.since(backlog.first))


def test_the_backlog_holds_the_end_of_the_stream() -> None:
    """Whatever the chunks: from any offset that it holds it gives the stream's bytes."""
    choose = random.Random(1)
    backlog, stream = Backlog(100, 1), b""
    for _ in range(300):
        chunk = choose.randbytes(choose.randrange(1, 40))
        backlog.append(chunk)
        stream += chunk
        assert backlog.end == len(stream) + 1
        assert min(100, len(stream)) <= backlog.length < 140
        offset = choose.randrange(backlog.first, backlog.end + 1)
        assert backlog.holds(offset)
        assert b"".join(backlog.since(offset)) == stream[offset - 1 :]
    assert not backlog.holds(backlog.first - 1)
    assert not backlog.holds(backlog.end + 1)
    backlog.resize(10)
    assert backlog.length < 50


def feed(history: History, data: bytes) -> None:
    """The stream goes on."""
    history.offset += len(data)
    history.extend(data)


def test_a_replica_goes_on_within_the_backlog_only() -> None:
    """Another id, an offset of the future or of long ago: everything is sent."""
    history = History()
    assert not history.can_continue(history.id, 1)
    history.begin(16)
    feed(history, b"0123456789")
    assert history.can_continue(history.id, 1)
    assert history.can_continue(history.id, 11)
    assert not history.can_continue(history.id, 12)
    assert not history.can_continue("x" * 40, 5)
    feed(history, b"a" * 16)
    assert not history.can_continue(history.id, 5)


def test_after_a_promotion_the_old_id_counts_up_to_there() -> None:
    """A replica that followed the old primary further must take everything."""
    history = History()
    history.adopt("a" * 40, 100, 1000)
    feed(history, b"12345")
    history.branch()
    assert (history.second_id, history.second_end) == ("a" * 40, 106)
    assert history.id != "a" * 40
    feed(history, b"678")
    assert history.can_continue("a" * 40, 106)
    assert history.can_continue("a" * 40, 101)
    assert not history.can_continue("a" * 40, 107)
    assert history.can_continue(history.id, 109)


def test_a_restart_goes_on_with_the_files_stream() -> None:
    """A primary under a new id, a replica under its primary's."""
    primary, replica = History(), History()
    primary.restore("b" * 40, 50, 100, as_replica=False)
    assert primary.can_continue("b" * 40, 51)
    assert not primary.can_continue("b" * 40, 50)
    replica.restore("b" * 40, 50, 100, as_replica=True)
    assert (replica.id, replica.offset, replica.resumable) == ("b" * 40, 50, True)
