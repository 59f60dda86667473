"""RDB values: what is written reads back; what is corrupt is refused; the real files are read whole."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.script import Script
from pyredisai.ai.tensor import Tensor
from pyredisai.errors import PersistenceError
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.keyspace.stream import Consumer, Group, Pending, Stream
from pyredisai.persistence.rdb import lzf, payload
from pyredisai.persistence.rdb.packed import (
    as_bytes,
    read_intset,
    read_listpack,
    write_intset,
    write_listpack,
)
from pyredisai.persistence.rdb.primitives import Sink, Source
from pyredisai.persistence.rdb.reader import Key, records

words = st.one_of(
    st.binary(max_size=80),
    st.integers(-(2**65), 2**65).map(lambda n: b"%d" % n),
    st.text("ab", min_size=21, max_size=300).map(str.encode),
)
values = st.one_of(
    words,
    st.lists(words, min_size=1).map(deque),
    st.dictionaries(words, words, min_size=1),
    st.sets(words, min_size=1),
    st.sets(st.integers(-(2**63), 2**63 - 1).map(lambda n: b"%d" % n), min_size=1),
)


@given(st.binary(max_size=2000) | st.text("abc", max_size=3000).map(str.encode))
def test_lzf_reads_back(data: bytes) -> None:
    packed = lzf.compress(data, len(data))
    if packed is not None:
        assert lzf.decompress(packed, len(data)) == data


@given(st.integers(0, 2**64 - 1))
def test_lengths_read_back(number: int) -> None:
    sink = Sink()
    sink.length(number)
    assert Source(bytes(sink)).length() == number


@given(words)
def test_strings_read_back(word: bytes) -> None:
    sink = Sink()
    sink.string(word)
    assert Source(bytes(sink)).string() == word


@given(st.lists(words))
def test_listpacks_read_back(items: list[bytes]) -> None:
    assert [as_bytes(e) for e in read_listpack(write_listpack(items))] == items


@given(st.sets(st.integers(-(2**63), 2**63 - 1)))
def test_intsets_read_back(members: set[int]) -> None:
    assert read_intset(write_intset(members)) == sorted(members)


@given(values)
def test_plain_values_read_back(value: object) -> None:
    assert payload.restore(payload.dump(value)) == value


@given(st.dictionaries(words, st.floats(allow_nan=False), min_size=1))
def test_sorted_sets_read_back(scores: dict[bytes, float]) -> None:
    assert payload.restore(payload.dump(SortedSet(scores.items()))).scores == scores


def test_a_stream_with_groups_reads_back() -> None:
    stream = Stream()
    for n in range(250):
        stream.append((5, n), (b"a", b"%d" % n) if n % 3 else (b"x", b"1", b"y", b"2"))
    stream.delete((5, 7))
    consumer = Consumer(b"c", 123, 123)
    consumer.pending[5, 9] = Pending(consumer.name, 99, 3)
    stream.groups[b"g"] = Group((5, 9), 4, consumer.pending.copy(), {b"c": consumer})
    copy = payload.restore(payload.dump(stream))
    assert (copy.ids, copy.entries, copy.added) == (stream.ids, stream.entries, 250)
    assert (copy.last_id, copy.max_deleted_id) == ((5, 249), (5, 7))
    group = copy.groups[b"g"]
    assert (group.last_id, group.entries_read, list(group.pending)) == ((5, 9), 4, [(5, 9)])
    assert group.pending[5, 9].consumer == b"c"
    assert payload.dump(copy) == payload.dump(stream)


@pytest.mark.parametrize("name", sorted(DTYPES))
def test_tensors_read_back(name: str) -> None:
    dtype = DTYPES[name]
    blob = b"ab\0\0c\0d\0" if not dtype.itemsize else bytes(range(4 * dtype.itemsize))
    tensor = payload.restore(payload.dump(Tensor(dtype, (2, 2), blob=blob)))
    assert (tensor.dtype, tensor.shape, bytes(tensor.blob)) == (dtype, (2, 2), blob)


def test_models_and_scripts_read_back() -> None:
    options = ModelOptions(b"tag", 4, 2, 100, ("a", "b"), ("c",))
    model = payload.restore(payload.dump(Model("ONNX", "cpu", b"blob" * 100, options, None)))
    assert (model.backend, model.device, model.blob, model.options) == ("ONNX", "cpu", b"blob" * 100, options)
    script = payload.restore(payload.dump(Script("CPU:1", b"def f(): pass", b"t", (b"f",))))
    assert (script.device, script.source, script.tag, script.entry_points) == (
        "CPU:1",
        b"def f(): pass",
        b"t",
        (b"f",),
    )


@given(values, st.data())
def test_a_damaged_payload_is_refused(value: object, data: st.DataObject) -> None:
    whole = bytearray(payload.dump(value))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(PersistenceError):
        payload.restore(bytes(whole))


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_a_persistence_error(body: bytes) -> None:
    """The checksum hides most damage: this feeds the value readers themselves."""
    from pyredisai.persistence.rdb.values import read_value

    if body:
        try:
            read_value(Source(body, 1), body[0])
        except PersistenceError:
            pass


@pytest.mark.parametrize("name", ["dev.rdb", "dev-chunked.rdb"])
def test_files_of_a_real_server_are_read_whole(shared: Path, name: str) -> None:
    keys = [r for r in records((shared / "golden/stored" / name).read_bytes()) if isinstance(r, Key)]
    kinds = {getattr(type(k.value), "redis_type", "plain") for k in keys}
    assert {"AI_TENSOR", "AI__MODEL", "AI_SCRIPT", "plain"} <= kinds


def test_a_file_cut_off_anywhere_is_refused(shared: Path) -> None:
    whole = (shared / "golden/stored/dev-chunked.rdb").read_bytes()
    for size in range(0, len(whole), 97):
        with pytest.raises(PersistenceError):
            list(records(whole[:size]))
