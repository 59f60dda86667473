"""A primary that is played: what a real RedisAI saved is sent as its snapshot, what it logged as its stream.

Whatever the recordings say of its keys must then hold on the replica.
"""

from __future__ import annotations

import socket
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hiredis
import pytest

from tests.golden.recordings import TIMEOUT, Recording, differences, recordings, tool
from tests.support.server import MODULE_PATH, Server
from tests.wire.replication.support import info, wait_for

Start = Callable[..., Server]
EMPTY = b"REDIS0010\xff" + bytes(8)
STORED = [recording for recording in recordings() if recording.is_stored]
ID = b"5" * 40


class PlayedPrimary:
    """Answers one replica's handshake, sends the snapshot and the stream, and hears how far the replica is."""

    def __init__(self, snapshot: bytes, stream: bytes) -> None:
        self._snapshot, self._stream = snapshot, stream
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.acked = -1
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        reader: Any = hiredis.Reader()
        replica, _ = self._socket.accept()
        with replica:
            while data := replica.recv(1 << 16):
                reader.feed(data)
                while (words := reader.gets()) is not False:
                    self._answer(replica, words)

    def _answer(self, replica: socket.socket, words: list[bytes]) -> None:
        if words[0] == b"PING":
            replica.sendall(b"+PONG\r\n")
        elif words[0] == b"PSYNC":
            replica.sendall(b"+FULLRESYNC %b 0\r\n$%d\r\n" % (ID, len(self._snapshot)))
            replica.sendall(self._snapshot)
            replica.sendall(self._stream)
        elif words[:2] == [b"REPLCONF", b"ACK"]:
            self.acked = int(words[2])
        else:
            replica.sendall(b"+OK\r\n")

    def __enter__(self) -> PlayedPrimary:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()


def sent(path: Path) -> tuple[bytes, bytes]:
    """Snapshot and stream of what lies beside a recording."""
    if not path.stem.endswith("-aof"):
        return path.with_suffix(".rdb").read_bytes(), b""
    folder = path.with_name(f"{path.stem.removesuffix('-aof')}-appendonlydir")
    files = [file for kind in ("base", "incr") for file in sorted(folder.glob(f"*.{kind}.aof"))]
    return EMPTY, b"".join(file.read_bytes() for file in files)


def problems(mine: list[Recording], replica: Server, models: str) -> Iterator[str]:
    """What the recordings say and the replica does not."""
    place = Namespace(host="127.0.0.1", port=replica.port, alive=replica.alive)
    for recording in mine:
        if recording.missing_packages:
            continue
        replies, problem = tool().run(recording.scenario, place, models, TIMEOUT, False)
        found = problem or next(differences(recording.scenario["steps"], replies, models), None)
        if found is not None:
            yield f"{recording.name}: {found}"


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem) for path in sorted({recording.path for recording in STORED})]
    or [pytest.param(None, marks=pytest.mark.skip("no folder `shared` beside the repository"))],
)
def test_what_redisai_sends_is_what_we_have(start_server: Start, models: Path, path: Path) -> None:
    mine = [recording for recording in STORED if recording.path == path]
    snapshot, stream = sent(path)
    with PlayedPrimary(snapshot, stream) as primary:
        module = ("--loadmodule", MODULE_PATH, *mine[0].server_args)
        # Recordings also run what is stored: a replica that may be written to keeps the outputs for itself.
        replica = start_server("--replica-read-only", "no", "--replicaof", "127.0.0.1", primary.port, *module)
        with replica.client(timeout=TIMEOUT) as client:
            wait_for(lambda: info(client, "master_link_status") == "up", TIMEOUT)
        wait_for(lambda: primary.acked == len(stream), 2 * TIMEOUT, "for the stream's end")
        refused = [line for line in replica.log.splitlines() if "CRITICAL" in line]
        # RedisAI rewrites scripts without entry points to a command that it refuses itself.
        assert all("wrong number of arguments for 'ai.scriptstore'" in line for line in refused)
        found = list(problems(mine, replica, str(models)))
        assert not found, "\n".join(found[:5])
