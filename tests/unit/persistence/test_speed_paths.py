"""The fast ways of loading and saving give what the plain ones give: the same keys, the same bytes, the same errors."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.errors import PersistenceError
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.sorted_set import SortedSet
from pyredisai.persistence.loading import load_in_slices
from pyredisai.persistence.rdb import file, lzf
from pyredisai.persistence.rdb.lzf_many import compress_many
from pyredisai.persistence.rdb.opcodes import Type
from pyredisai.persistence.rdb.primitives import COMPRESS_AT_MOST, Sink, Source
from pyredisai.persistence.rdb.reader import Key, Stored, records, verify
from pyredisai.persistence.snapshot import Pictures

words = st.one_of(
    st.binary(max_size=90),
    st.integers(-(2**65), 2**65).map(lambda n: b"%d" % n),
    st.text("ab", min_size=21, max_size=500).map(str.encode),
    st.binary(min_size=63, max_size=65),
)
values = st.one_of(words, st.dictionaries(words, words, min_size=1, max_size=5), st.sets(words, min_size=1, max_size=5))


def database(data: dict[bytes, Any], expires: dict[bytes, int] | None = None) -> Database:
    made = Database(0, KeyspaceEvents())
    made.data, made.expires = dict(data), dict(expires or {})
    return made


def written(data: dict[bytes, Any], expires: dict[bytes, int] | None = None, **options: Any) -> bytes:
    out = io.BytesIO()
    file.write(out, Pictures([database(data, expires)], lambda *_: None).live(), file.WriteOptions(**options))
    return out.getvalue()


def loaded(whole: bytes, *, checksum: bool = True) -> Database:
    target = database({})
    for _ in load_in_slices(whole, [target], lambda value: value, checksum=checksum):
        pass
    return target


def many_keys(chance: random.Random, count: int) -> dict[bytes, Any]:
    """Keys of every kind that the inner loop knows, and of some that it does not, long and short."""

    def word() -> bytes:
        size = chance.choice([1, 5, 12, 20, 21, 62, 63, 64, 65, 100, 300, 5000, 20_000])
        kind = chance.randrange(4)
        if kind == 0:
            return b"%d" % chance.randrange(-(10 ** chance.randrange(1, 20)), 10 ** chance.randrange(1, 20))
        return chance.randbytes(size) if kind == 1 else (b"word-%d " % chance.randrange(9) * size)[:size]

    def value() -> Any:
        kind = chance.randrange(12)
        if kind == 0:
            return {word(): word() for _ in range(3)}
        if kind == 1:
            return {b"%d" % chance.randrange(1000) for _ in range(9)}
        if kind == 2:
            return SortedSet((word(), float(n)) for n in range(4))
        return word()

    return {b"%d:" % n + word()[: chance.choice([4, 200])]: value() for n in range(count)}


@pytest.mark.parametrize("compress", [True, False])
def test_a_file_of_all_kinds_reads_back(compress: bool) -> None:
    chance = random.Random(5)
    data = many_keys(chance, 3000)
    expires = {key: 2**42 + n for n, key in enumerate(data) if n % 7 == 0}
    back = loaded(written(data, expires, compress=compress))
    assert back.expires == expires
    assert list(back.data) == list(data)
    for key, value in data.items():
        one, other = back.data[key], value
        assert (one.scores == other.scores) if isinstance(other, SortedSet) else one == other


@given(st.dictionaries(words, values, max_size=30))
def test_runs_give_what_records_give(data: dict[bytes, Any]) -> None:
    whole = written(data)
    plain = {record.name: record.value for record in records(whole) if isinstance(record, Key)}
    into: dict[bytes, Any] = {}
    count = 0
    for record in records(whole, into=lambda _: into):
        if isinstance(record, Key):
            into[record.name] = record.value
            count += 1
        elif isinstance(record, Stored):
            count += record.keys
    assert plain == into == data
    assert count == len(data)


def test_a_run_is_stored_without_records() -> None:
    whole = written({b"k%d" % n: b"v%d" % n for n in range(5000)})
    found = [record for record in records(whole, into=lambda _: {}) if isinstance(record, Key)]
    assert len(found) < 20  # the last few, which could reach beyond the end


def test_a_file_cut_off_or_changed_anywhere_is_refused_or_read() -> None:
    chance = random.Random(3)
    whole = written(many_keys(chance, 60))
    for size in range(0, len(whole) - 9, 61):
        with pytest.raises(PersistenceError):
            loaded(whole[:size], checksum=False)
    for _ in range(1500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        try:
            loaded(bytes(damaged), checksum=False)
        except PersistenceError:
            pass


def test_the_checksum_of_a_file_of_several_pieces() -> None:
    data = {b"k": random.Random(1).randbytes(3_000_000), b"n": b"x"}
    whole = written(data)
    assert len(list(verify(whole))) == 3
    assert loaded(whole).data == data
    damaged = bytearray(whole)
    damaged[2_500_000] ^= 1
    with pytest.raises(PersistenceError, match="checksum"):
        loaded(bytes(damaged))


compressible = st.one_of(
    st.binary(min_size=21, max_size=200),
    st.text("ab", min_size=21, max_size=3000).map(str.encode),
    st.lists(st.sampled_from([b"word", b"another", b"x", b"0123456789", b"\0\0\0\0"]), min_size=21).map(b"".join),
    st.tuples(st.binary(min_size=21, max_size=300), st.integers(1, 13)).map(lambda x: x[0] * x[1]),
)


@given(st.lists(compressible, max_size=12))
def test_lzf_of_many_is_that_of_each(words: list[bytes]) -> None:
    assert compress_many(words) == [lzf.compress(word, len(word) - 4) for word in words]


def test_lzf_of_long_values_looks_no_further_back_than_it_may() -> None:
    chance = random.Random(2)
    block = chance.randbytes(3000)
    words = [block + chance.randbytes(gap) + block for gap in (0, 4000, 5189, 5190, 5191, 5192, 5193, 9000)]
    words += [bytes(chance.choice(b"0123456789,. ") for _ in range(20_000))]
    packed = compress_many(words)
    assert packed == [lzf.compress(word, len(word) - 4) for word in words]
    assert [one is not None for one in packed][0::7] == [True, False]


@pytest.mark.parametrize(
    ("packed", "size"), [(b"\x05ab", 6), (b"\x00a\x20", 4), (b"\x00a\xe0", 12), (b"\x00a\x20\x05", 4), (b"\x00a", 2)]
)
def test_lzf_that_is_damaged_is_refused(packed: bytes, size: int) -> None:
    with pytest.raises(PersistenceError):
        lzf.decompress(packed, size)


@given(st.lists(words | st.just(b"large" * 20_000) | st.just(bytes(COMPRESS_AT_MOST + 1)), max_size=12), st.booleans())
def test_a_sink_that_defers_gives_the_same_bytes(words: list[bytes], compress: bool) -> None:
    sinks = []
    for defers in (False, True):
        sink = Sink()
        sink.compress, sink.defers = compress, defers
        for word in words:
            sink.append(Type.STRING)
            sink.string(word)
        sinks.append(b"".join(sink.pieces()))
    assert sinks[0] == sinks[1]


def test_large_strings_are_not_copied() -> None:
    sink = Sink()
    sink.defers = True
    large = memoryview(bytes(100_000))
    sink.string(large)
    assert large in [piece for piece in sink.pieces() if isinstance(piece, memoryview)]
    assert len(sink) < 10


def test_the_window_of_a_source_moves_along() -> None:
    source = Source(bytes(range(256)) * 1000)
    for position in (0, 10, 17_000, 40_000, 255_990, 5):
        source.position = position
        at = source.look()
        assert source.window[at : at + 10] == bytes(source.buffer[position : position + 10])


def test_huge_values_are_filled_in_pieces() -> None:
    chance = random.Random(6)
    large = chance.randbytes(9_000_000)
    tensor = Tensor(DTYPES["UINT8"], (len(large),), blob=large)
    model = Model("ONNX", "CPU", large[::-1], ModelOptions(), None)
    data = {b"a": large, b"t": tensor, b"m": model, b"z" * 70: large[1:]}
    whole = written(data, chunk_size=1_000_000)
    target = database({})
    assert len(list(load_in_slices(whole, [target], lambda value: value, checksum=False))) >= 1
    assert target.data[b"a"] == large
    assert target.data[b"z" * 70] == large[1:]
    assert target.data[b"t"].blob == large
    assert target.data[b"m"].blob == large[::-1]
    views = [target.data[b"a"], target.data[b"t"].blob, target.data[b"m"].blob]
    assert all(isinstance(view, memoryview) and view.readonly for view in views)
    assert loaded(written(target.data)).data[b"a"] == large
    kept = [record.value for record in records(whole) if isinstance(record, Key)]
    assert isinstance(kept[0], bytes)
    assert kept[0] == large
