"""The file of nodes.conf: locked as long as the server lives, replaced as a whole, written on a helper thread."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable


class ConfigFileError(Exception):
    """The file cannot be had; the text says why."""


class ConfigFile:
    """`background(function)` runs it on a helper thread, `on_loop(function)` on the loop.

    The newest text wins; what waits for an older one is done when the newer is on the disk. Where that fails, it is
    tried again with the next text, and nothing that waits is done meanwhile.
    """

    def __init__(
        self,
        path: str,
        background: Callable[[Callable[[], None]], object],
        on_loop: Callable[[Callable[[], None]], object],
        log: Callable[[str, str], None],
    ) -> None:
        self.path = path
        self._background, self._on_loop, self._log = background, on_loop, log
        self._lock = threading.Lock()  # one writer at a time
        self._wanted: str | None = None
        self._number = self._written = 0
        self._waiting: list[Callable[[], None]] = []
        self._busy = False
        self._fd = -1
        self.failed = False

    def open(self) -> str:
        """Take the lock, and read. Raises ConfigFileError; the file is made if it is not there."""
        try:
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigFileError(
                f"Can't open {self.path} in order to acquire a lock: {os.strerror(error.errno or 0)}"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigFileError(
                f"Sorry, the cluster configuration file {self.path} is already used by a different Redis Cluster node. "
                "Please make sure that different nodes use different cluster configuration files."
            ) from None
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigFileError(f"Unrecoverable error: corrupted cluster config file {self.path}: {error}") from None

    @property
    def is_writing(self) -> bool:
        """Whether something is not on the disk yet."""
        return self._busy or self._wanted is not None

    def write(self, text: str, then: Callable[[], None] = lambda: None) -> None:
        """Write in the background; `then` is called on the loop when this text, or a newer one, is on the disk."""
        self._wanted = text
        self._number += 1
        self._waiting.append(then)
        if not self._busy:
            self._start()

    def write_now(self, text: str) -> None:
        """Write, and wait for the disk. Raises OSError."""
        self._wanted = None
        self._number += 1
        self._replace(text, self._number)
        self._done(len(self._waiting))

    def _start(self) -> None:
        text, number, waiting = self._wanted, self._number, len(self._waiting)
        if text is None:
            return
        self._busy, self._wanted = True, None

        def work() -> None:
            error: OSError | None = None
            try:
                self._replace(text, number)
            except OSError as failure:
                error = failure
            self._on_loop(lambda: self._ended(waiting, error))

        self._background(work)

    def _ended(self, waiting: int, error: OSError | None) -> None:
        self._busy = False
        self.failed = error is not None
        if error is None:
            self._done(waiting)
        else:
            self._log("warning", f"Could not write the cluster configuration file {self.path}: {error}")
        if self._wanted is not None:
            self._start()

    def _done(self, count: int) -> None:
        done, self._waiting = self._waiting[:count], self._waiting[count:]
        for then in done:
            then()

    def _replace(self, text: str, number: int) -> None:
        """Put a new file in the old one's place: locked before anybody can see it. An older text is not written."""
        with self._lock:
            if number <= self._written:
                return
            temporary = f"{self.path}.tmp-{os.getpid()}"
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                data = text.encode()
                while data:
                    data = data[os.write(fd, data) :]
                os.fsync(fd)
                os.replace(temporary, self.path)
            except OSError:
                os.close(fd)
                raise
            folder = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
            old, self._fd, self._written = self._fd, fd, number
            if old >= 0:
                os.close(old)

    def close(self) -> None:
        """Let go of the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
