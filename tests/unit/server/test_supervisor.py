"""What systemd is told, on a socket in place of its own."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pyredisai.config.registry import Registry
from pyredisai.server import supervisor as module
from pyredisai.server.log import Log
from pyredisai.server.supervisor import Supervisor

Find = Callable[[str], Supervisor]


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Find:
    for name in ("NOTIFY_SOCKET", "UPSTART_JOB"):
        monkeypatch.delenv(name, raising=False)
    config = Registry({"logfile": str(tmp_path / "log")})

    def run(mode: str) -> Supervisor:
        found = Supervisor()
        found.find(mode, Log(config))
        return found

    return run


@pytest.mark.parametrize("mode", ["systemd", "auto"])
def test_systemd_hears_of_start_and_end(mode: str, find: Find, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = str(tmp_path / "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(path)
        sock.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        found = find(mode)
        assert found.kind == "systemd"
        found.ready(replica=False)
        found.stopping()
        assert [sock.recv(200) for _ in range(4)] == [
            b"STATUS=Redis is loading...\n",
            b"STATUS=Ready to accept connections\n",
            b"READY=1\n",
            b"STOPPING=1\n",
        ]
        found.ready(replica=True)
        assert b"read-only" in sock.recv(200)


def test_upstart_sees_a_stop(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, int]] = []
    monkeypatch.setenv("UPSTART_JOB", "job")
    monkeypatch.setattr(module.os, "kill", lambda *args: sent.append(args))
    assert find("auto").kind == "upstart"
    assert sent == [(os.getpid(), module.signal.SIGSTOP)]
    assert "UPSTART_JOB" not in os.environ


@pytest.mark.parametrize("mode", ["systemd", "upstart", "auto", "no"])
def test_nobody_supervises(mode: str, find: Find, tmp_path: Path) -> None:
    found = find(mode)
    assert found.kind == "no"
    found.stopping()
    log = tmp_path / "log"
    assert ("not found!" in log.read_text()) if mode in ("systemd", "upstart") else not log.exists()
