"""Options that slow saving and loading down, and those that spread the syncing of files."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pyredisai.config.registry import Registry
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.persistence import disk, loading, snapshot
from pyredisai.server.app import build_services


def test_a_file_is_synced_as_it_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    piece = bytes(1 << 20)
    for on, times in ((True, [4 << 20, 8 << 20]), (False, [])):
        synced.clear()
        with disk.new_file(str(tmp_path / "file"), synced=on) as file:
            for _ in range(10):
                file.write(piece)
        assert synced == times
        assert (tmp_path / "file").read_bytes() == piece * 10


@pytest.mark.parametrize("option", ["rdb-save-incremental-fsync", "rdb-key-save-delay", "key-load-delay"])
def test_saving_and_loading_follow_the_options(option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    opened: list[bool] = []
    new_file = disk.new_file

    def open_file(path: str, *, synced: bool) -> object:
        opened.append(synced)
        return new_file(path, synced=synced)

    monkeypatch.setattr(disk, "new_file", open_file)
    services = build_services(
        Registry({"dir": str(tmp_path), option: {"rdb-save-incremental-fsync": False}.get(option, 7)})
    )
    for number in range(20):
        services.databases[0].set(b"%d" % number, b"value")
    monkeypatch.setattr(time, "sleep", slept.append)
    services.saver.save()
    assert opened == [option != "rdb-save-incremental-fsync"]
    assert slept == [7e-6] * (20 if option == "rdb-key-save-delay" else 0)
    slept.clear()
    db = Database(0, KeyspaceEvents())
    data = memoryview((tmp_path / "dump.rdb").read_bytes())
    delay = services.config["key-load-delay"]
    for _ in loading.load_in_slices(data, [db], lambda value: value, delay_us=lambda: delay):
        pass
    assert len(db.data) == 20
    assert slept == [7e-6] * (20 if option == "key-load-delay" else 0)


def test_negative_delays_are_rare() -> None:
    assert {snapshot.delay_s(-2) for _ in range(200)} == {0.0, 1e-6}
    assert snapshot.delay_s(-1) == 1e-6
