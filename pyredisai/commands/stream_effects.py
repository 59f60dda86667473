"""What the journal gets in place of commands of consumer groups: what became of the group, not what was asked for."""

from __future__ import annotations

from pyredisai.commands.stream_args import show_id
from pyredisai.journal import Effect
from pyredisai.keyspace.stream import Group, Pending, StreamId


def claimed(key: bytes, name: bytes, group: Group, id: StreamId, pending: Pending) -> Effect:
    """A pending entry as it is now; where the entry itself is gone, this removes it from the pending ones."""
    return (
        b"XCLAIM",
        key,
        name,
        pending.consumer,
        b"0",
        show_id(id),
        b"TIME",
        b"%d" % pending.delivered_ms,
        b"RETRYCOUNT",
        b"%d" % pending.count,
        b"FORCE",
        b"JUSTID",
        b"LASTID",
        show_id(group.last_id),
    )


def position(key: bytes, name: bytes, group: Group) -> Effect:
    """How far a group has read."""
    read = -1 if group.entries_read is None else group.entries_read
    return (b"XGROUP", b"SETID", key, name, show_id(group.last_id), b"ENTRIESREAD", b"%d" % read)


def consumer_created(key: bytes, name: bytes, consumer: bytes) -> Effect:
    """A new consumer."""
    return (b"XGROUP", b"CREATECONSUMER", key, name, consumer)
