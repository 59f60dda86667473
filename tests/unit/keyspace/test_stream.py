"""The stream keeps entries in order whatever is deleted and trimmed; approximate trimming removes whole nodes only."""

from __future__ import annotations

import gc

from hypothesis import given
from hypothesis import strategies as st

from pyredisai.commands.stream_info import tree_nodes
from pyredisai.keyspace.stream import MAX_ID, MIN_ID, Consumer, Group, Pending, Stream, StreamId, next_id, previous_id

FIELDS = (b"f", b"v")
numbers = st.integers(0, 30)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("append"), numbers),
        st.tuples(st.just("delete"), numbers),
        st.tuples(st.sampled_from(["length", "before", "~length", "~before"]), numbers),
    ),
    max_size=40,
)


def filled(count: int, per_node: int = 4) -> Stream:
    stream = Stream()
    for n in range(1, count + 1):
        stream.append((n, 0), FIELDS, 4096, per_node)
    return stream


@given(changes, numbers, numbers, st.integers(0, 5), st.booleans())
def test_changes_and_ranges(steps: list[tuple[str, int]], low: int, high: int, count: int, backwards: bool) -> None:
    stream = Stream()
    known: list[StreamId] = []
    for what, n in steps:
        if what == "append":
            id = (stream.last_id[0] + 1 + n % 3, 0)
            stream.append(id, FIELDS, 4096, 4)
            known.append(id)
        elif what == "delete":
            assert stream.delete((n, 0)) == ((n, 0) in known)
            known = [id for id in known if id != (n, 0)]
        else:
            before = len(known)
            trim = stream.trim_length if what.endswith("length") else None
            whole = what.startswith("~")
            removed = trim(n, whole_nodes=whole) if trim else stream.trim_before((n, 0), whole_nodes=whole)
            wanted = known[-n:] if trim and n else [] if trim else [id for id in known if id >= (n, 0)]
            assert removed <= before - len(wanted)
            if not whole:
                assert removed == before - len(wanted)
            known = known[removed:]
    assert stream.ids == known == list(stream.entries)
    assert (stream.first_id, stream.top_id) == ((known[0], known[-1]) if known else (MIN_ID, MIN_ID))
    expected = [id for id in known if (low, 0) <= id <= (high, 0)]
    if backwards:
        expected.reverse()
    found = stream.range((low, 0), (high, 0), count=count, backwards=backwards)
    assert found == (expected[:count] if count else expected)


def test_approximate_trimming_stops_at_a_node() -> None:
    stream = filled(10)
    assert stream.trim_length(5, whole_nodes=True) == 4
    assert stream.trim_length(3, whole_nodes=True, limit=3) == 0
    assert stream.trim_before((9, 0), whole_nodes=True) == 4
    assert stream.ids == [(9, 0), (10, 0)]


def test_a_node_is_full_at_a_number_of_bytes() -> None:
    stream = Stream()
    for n in range(1, 9):
        stream.append((n, 0), (b"f", b"x" * 1500), 4096, 100)
    assert [len(node.ids) for node in stream.nodes] == [2, 2, 2, 2]


def test_ids_before_and_after() -> None:
    assert (next_id((1, 2**64 - 1)), next_id(MAX_ID)) == ((2, 0), None)
    assert (previous_id((1, 0)), previous_id(MIN_ID)) == ((0, 2**64 - 1), None)


def test_a_copy_is_independent() -> None:
    stream = filled(5)
    group = stream.groups[b"g"] = Group((2, 0))
    consumer = group.consumers[b"c"] = Consumer(b"c", 1)
    group.assign((1, 0), consumer, 5)
    copy = stream.copy()
    stream.delete((3, 0))
    group.acknowledge((1, 0))
    twin = copy.groups[b"g"]
    assert (len(copy), list(twin.pending), list(twin.consumers[b"c"].pending)) == (5, [(1, 0)], [(1, 0)])
    assert twin.pending[1, 0] is twin.consumers[b"c"].pending[1, 0]
    assert (list(group.pending), list(consumer.pending)) == ([], [])


def test_an_entry_has_one_owner() -> None:
    group = Group(MIN_ID)
    one, other = (group.consumers.setdefault(name, Consumer(name, 0)) for name in (b"a", b"b"))
    group.assign((1, 0), one, 0)
    group.assign((1, 0), other, 7)
    assert (list(one.pending), group.pending[1, 0].consumer, group.pending[1, 0].count) == ([], b"b", 1)
    group.transfer((1, 0), group.pending[1, 0], one)
    assert (list(one.pending), list(other.pending)) == ([(1, 0)], [])
    assert (group.remove_consumer(one), list(group.pending)) == (1, [])


def test_a_new_entry_is_taken_over_by_its_consumer() -> None:
    group = Group(MIN_ID)
    consumer = group.consumers.setdefault(b"", Consumer(b"", 0))
    group.transfer((1, 0), Pending(b"", 5), consumer)
    assert group.pending[1, 0] is consumer.pending[1, 0]


def test_a_stream_is_freed_without_the_cycle_collector() -> None:
    stream = filled(5)
    for name in (b"g", b"h"):
        group = stream.groups.setdefault(name, Group(MIN_ID))
        consumer = group.consumers.setdefault(b"c", Consumer(b"c", 0))
        for id in stream.ids:
            group.assign(id, consumer, 0)
    gc.collect()
    del stream.groups[b"h"]
    del stream, group, consumer
    assert gc.collect() == 0


def test_lag_is_told_where_it_can_be() -> None:
    stream = filled(5)
    assert [stream.lag(Group((n, 0))) for n in range(6)] == [5, 4, None, None, None, 0]
    assert stream.lag(Group((3, 0), 3)) == 2
    stream.delete((4, 0))
    assert (stream.lag(Group((3, 0), 3)), stream.lag(Group((4, 0), 4))) == (None, None)
    assert stream.lag(Group((5, 0), 5)) == 0


def test_nodes_of_the_tree() -> None:
    assert [tree_nodes([(n, 0) for n in range(1, count + 1)]) for count in (0, 1, 2, 3)] == [1, 2, 6, 8]
