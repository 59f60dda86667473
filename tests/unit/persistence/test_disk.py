"""Files that are there whole or not at all, and files that are no longer wanted."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from pyredisai.persistence.disk import Abandoned, FileReplacement, replace_file


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def write(target: BinaryIO) -> None:
        target.write(b"new")
        assert path.read_bytes() == b"old"

    replace_file(str(path), write)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def write(target: BinaryIO) -> None:
        target.write(b"new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(str(path), write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_abandoned_file_never_comes_into_place(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")

    def write(target: BinaryIO) -> None:
        target.write(b"new")
        replacement.abandon()
        assert list(tmp_path.iterdir()) == [path]

    replacement = FileReplacement(str(path), write)
    with pytest.raises(Abandoned):
        replacement.run()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
