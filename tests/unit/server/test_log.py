"""The log's ways out: its file, and syslog with Redis' mapping of levels."""

from __future__ import annotations

import os
import syslog
from pathlib import Path

import pytest

from pyredisai.config.registry import Registry
from pyredisai.server.log import Log


def test_syslog_gets_what_the_file_gets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[tuple[object, ...]] = []
    written: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "openlog", lambda *args: opened.append(args))
    monkeypatch.setattr(syslog, "syslog", lambda *args: written.append(args))
    file = tmp_path / "log"
    options = {"syslog-enabled": True, "syslog-ident": "me", "syslog-facility": "local3", "logfile": str(file)}
    log = Log(Registry({**options, "loglevel": "verbose"}))
    for level in ("debug", "verbose", "notice", "warning"):
        log(level, f"{level}\0\udc80")
    log.raw("as it is\n")
    assert opened == [("me", syslog.LOG_PID | syslog.LOG_NDELAY | syslog.LOG_NOWAIT, syslog.LOG_LOCAL3)]
    assert written == [
        (syslog.LOG_INFO, "verbose \N{REPLACEMENT CHARACTER}"),
        (syslog.LOG_NOTICE, "notice \N{REPLACEMENT CHARACTER}"),
        (syslog.LOG_WARNING, "warning \N{REPLACEMENT CHARACTER}"),
        (syslog.LOG_NOTICE, "as it is\n"),
    ]
    lines = file.read_bytes().splitlines()
    assert len(lines) == 4
    assert lines[-1] == b"as it is"


def test_without_it_syslog_hears_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(syslog, "openlog", lambda *args: pytest.fail("opened"))
    file = tmp_path / "log"
    log = Log(Registry({"logfile": str(file), "loglevel": "warning"}))
    log("warning", "there")
    log.raw("not at this level\n")
    assert file.read_text().endswith(" # there\n")
    handle = log.descriptor()
    os.write(handle, b"by itself\n")
    os.close(handle)
    assert file.read_text().endswith("by itself\n")
