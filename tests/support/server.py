"""Server processes: pyredisai of this checkout, or a real redis-server, each on a free port in a folder of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.paths import PACKAGE_PATH
from tests.support.resp import Closed, ErrorReply, RespClient

PYREDISAI = (sys.executable, "-m", "pyredisai")
REDIS_SERVER = shutil.which("redis-server")
MODULE_PATH = "/usr/lib/redis/modules/redisai.so"
LOG_TAIL = 20_000


def _candidates() -> Iterator[int]:
    """Ports below those that the kernel gives out, from a place that differs by process; none comes twice soon.

    A port that is used again at once would be taken for the server that had it: Sentinel keeps looking for one.
    """
    span = range(11_000, 32_000)
    return itertools.cycle([*span[(at := os.getpid() * 211 % len(span)) :], *span[:at]])


_ports = _candidates()


def free_port() -> int:
    """A port that nobody listens on; low enough for the cluster bus at port + 10000."""
    for port in _ports:
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


class StartError(Exception):
    """The server ended before it answered, or never answered; holds its output."""

    def __init__(self, code: int | None, output: str) -> None:
        super().__init__(f"exit code {code}\n{output}")
        self.code = code
        self.output = output


class Server:
    """One process. `args` follow `--port N --dir D --save ""`; later options win over these.

    `ready=False` does not wait for the first PONG. Raises `StartError` when the process ends first.
    """

    def __init__(
        self,
        *args: str | int,
        command: Sequence[str] = PYREDISAI,
        port: int | None = None,
        folder: Path | None = None,
        env: dict[str, str] | None = None,
        ready: bool = True,
        wait: float = 60,
        password: str | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = free_port() if port is None else port
        self.args = [str(arg) for arg in args]
        self.command = list(command)
        self.env = env or {}
        self.password = password
        self._own_folder = folder is None
        self.dir = Path(tempfile.mkdtemp(prefix="pyredisai-test-")) if folder is None else folder
        self.log_file = self.dir / "output.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start(ready=ready, wait=wait)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """The end of what the process wrote to stdout and stderr, and to `server.log` in its folder."""
        parts = [path for path in (self.log_file, self.dir / "server.log") if path.exists()]
        return "".join(path.read_text("utf-8", "replace")[-LOG_TAIL:] for path in parts)

    @property
    def argv(self) -> list[str]:
        """The command line."""
        base = ["--port", str(self.port), "--dir", str(self.dir), "--save", ""]
        head = self.args[:1] if self.args and not self.args[0].startswith("--") else []
        return [*self.command, *head, *base, *self.args[len(head) :]]

    def start(self, *, ready: bool = True, wait: float = 60) -> None:
        """Start the process (again, after `stop`)."""
        env = {**os.environ, "PYTHONPATH": str(PACKAGE_PATH), "PYTHONUNBUFFERED": "1", **self.env}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.dir, env=env
            )
        if ready:
            self.wait_ready(wait)

    def wait_ready(self, wait: float = 60) -> None:
        """Return at the first PONG (or NOAUTH: it serves)."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if not self.alive():
                break
            if self._pong():
                return
            time.sleep(0.01)
        code = self.process.poll() if self.process else None
        output = self.log
        self.stop()
        raise StartError(code, output)

    def _pong(self) -> bool:
        try:
            with RespClient(self.port, self.host, timeout=5) as client:
                if self.password is not None:
                    client("AUTH", self.password)
                reply = client("PING")
        except (OSError, Closed):
            return False
        return reply == "PONG" or (isinstance(reply, ErrorReply) and reply.text.startswith("NOAUTH"))

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def client(self, **kwargs: object) -> RespClient:
        """A fresh connection."""
        return RespClient(self.port, self.host, **kwargs)  # type: ignore[arg-type]

    def wait(self, seconds: float = 20) -> int:
        """Wait for the process to end by itself; its exit code."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End the process at once, as a crash would (SIGKILL)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, *, keep_folder: bool = False) -> int | None:
        """SIGTERM, after ten seconds SIGKILL; remove the folder that this object made. The exit code."""
        code = None
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    self.process.kill()
            code = self.process.wait()
        if self._own_folder and not keep_folder:
            shutil.rmtree(self.dir, ignore_errors=True)
        return code


def redis_server(*args: str | int, **kwargs: object) -> Server:
    """A real redis-server; the caller has seen to it that `REDIS_SERVER` is there."""
    assert REDIS_SERVER is not None
    return Server(*args, command=(REDIS_SERVER,), **kwargs)  # type: ignore[arg-type]
