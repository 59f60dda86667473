"""Large values are written uncopied, and read back whole."""

from __future__ import annotations

import io
from collections import deque
from typing import Any, BinaryIO, cast

import pytest

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.persistence.aof.base import writer_of_base
from pyredisai.persistence.aof.commands import encode
from pyredisai.persistence.rdb import file
from pyredisai.persistence.rdb.reader import Key, records
from pyredisai.persistence.snapshot import Pictures

BIG = bytes(range(256)) * 20_000 + b"end"


class Pieces(io.BytesIO):
    """A file that remembers the sizes of its writes."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def write(self, data: Any) -> int:
        self.sizes.append(len(data))
        return super().write(data)


@pytest.fixture
def pictures() -> Pictures:
    db = Database(0, KeyspaceEvents())
    db.set(b"string", BIG)
    db.set(b"list", deque([b"small", BIG, b"after"]))
    db.set(b"hash", {b"field": b"small", b"large": BIG})
    db.set(b"set", {b"%d" % number * 20 for number in range(20_000)})
    db.set(b"tensor", Tensor(DTYPES["UINT8"], (len(BIG),), blob=BIG))
    db.set(b"model", Model("ONNX", "CPU", BIG, ModelOptions(tag=b"t"), None))
    db.set(b"last", b"small")
    return Pictures([db], lambda _, function: None)


@pytest.mark.parametrize("checksum", [True, False])
def test_a_file_with_large_values_reads_back(pictures: Pictures, checksum: bool) -> None:
    picture = pictures.live()
    target = Pieces()
    file.write(cast(BinaryIO, target), picture, file.WriteOptions(compress=False, checksum=checksum))
    read = {key.name: key.value for key in records(target.getvalue()) if isinstance(key, Key)}
    written = {key: value for _, key, value, _ in picture}
    assert read.keys() == written.keys()
    for key in (b"string", b"list", b"hash", b"set", b"last"):
        assert read[key] == written[key]
    assert bytes(read[b"tensor"].blob) == bytes(read[b"model"].blob) == BIG


def test_a_base_of_commands_does_not_copy_large_words(pictures: Pictures) -> None:
    target = Pieces()
    writer_of_base(pictures.live(), file.WriteOptions(), rdb=False)(cast(BinaryIO, target))
    data = target.getvalue()
    assert len(BIG) in target.sizes
    assert encode([b"SET", b"string", BIG]) in data
    assert encode([b"RPUSH", b"list", b"small", BIG, b"after"]) in data
    assert data.endswith(encode([b"SET", b"last", b"small"]))
