"""When and how the keys are saved as an RDB file: SAVE, BGSAVE, the `save` points, the end of the server.

A background save takes a picture on the loop and writes it in a thread; nothing is forked, because the
frameworks' threads would not survive that.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pyredisai import clock
from pyredisai.config.registry import Registry
from pyredisai.errors import PersistenceError
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.persistence.disk import Abandoned, FileReplacement
from pyredisai.persistence.rdb import file
from pyredisai.persistence.snapshot import Pictures, Snapshot


class Background(Protocol):
    """Runs a function on a helper thread, then `done` on the loop with its result or exception."""

    def __call__(self, function: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Start it."""


class Saver:
    """The saves of one server. Times in seconds; `last_save_s` is Unix time.

    `snapshot` is the picture that a background save is writing, None at all other times: what is about to
    change a container asks it to `protect` the key first (`on_snapshot` is told). `on_outcome` is called when a
    save has ended well or badly. `aux()` gives further fields for the file.
    """

    def __init__(
        self,
        config: Registry,
        pictures: Pictures,
        events: KeyspaceEvents,
        background: Background,
        log: Callable[[str, str], None],
    ) -> None:
        self._config, self._pictures, self._events = config, pictures, events
        self._background, self._log = background, log
        self.snapshot: Snapshot | None = None
        self.on_snapshot: Callable[[Snapshot | None], None] = lambda _: None
        self.on_outcome: Callable[[], None] = lambda: None
        self.aux: Callable[[], Sequence[tuple[str, str]]] = lambda: ()
        self.functions: Callable[[], Sequence[bytes]] = lambda: ()
        self.last_save_s = int(time.time())
        self.last_ok = True
        self.last_try_s = 0.0
        self.last_took_s = -1
        self.saves = 0
        self.scheduled = False
        self.keys_done = 0
        self._started = 0.0
        self._dirty_before = 0
        self._replacement: FileReplacement | None = None

    @property
    def path(self) -> str:
        """Where the file lies."""
        return os.path.join(str(self._config["dir"]), str(self._config["dbfilename"]))

    @property
    def running_s(self) -> int:
        """How long the background save has been going, -1 when there is none."""
        return -1 if self.snapshot is None else int(time.monotonic() - self._started)

    @property
    def percent(self) -> float:
        """How much of the keys a background save has written; 0 when there is none."""
        return 100 * self.keys_done / self.snapshot.keys if self.snapshot is not None and self.snapshot.keys else 0.0

    def save(self) -> None:
        """Save now, on the loop. Raises OSError; the old file is left then."""
        dirty = self._events.dirty
        try:
            self._replacing(self._pictures.live()).run()
        except OSError as error:
            self._failed(error)
            raise
        self._saved(dirty)
        self._log("notice", "DB saved on disk")

    def start(self) -> None:
        """Begin a background save; the caller has seen that none runs."""
        self._dirty_before = self._events.dirty
        self._started = self.last_try_s = time.monotonic()
        self.keys_done = 0
        self.scheduled = False
        snapshot = self.snapshot = self._pictures.take()
        self.on_snapshot(snapshot)
        self._log("notice", f"Background saving started by pid {os.getpid()}")
        self._replacement = self._replacing(snapshot)
        self._background(self._replacement.run, self._done)

    def abandon(self) -> None:
        """Give up the background save, if there is one; the old file stays."""
        if self._replacement is not None and self.snapshot is not None:
            self._replacement.abandon()
            self.snapshot.stop()

    def write_options(self) -> file.WriteOptions:
        """How files are written, as the configuration says now."""
        return file.WriteOptions(
            compress=self._config["rdbcompression"],
            checksum=self._config["rdbchecksum"],
            chunk_size=self._config["ai.model-chunk-size"],
            aux=tuple(self.aux()),
            functions=tuple(self.functions()),
        )

    def _replacing(self, snapshot: Snapshot) -> FileReplacement:
        options = self.write_options()
        snapshot.delay_us = self._config["rdb-key-save-delay"]
        return FileReplacement(
            self.path,
            lambda target: file.write(target, snapshot, options, self._progress),
            synced=self._config["rdb-save-incremental-fsync"],
        )

    def _progress(self, keys: int) -> None:
        self.keys_done = keys

    def _done(self, result: object) -> None:
        if self.snapshot is not None:
            self._pictures.release(self.snapshot)
        self.snapshot = self._replacement = None
        self.on_snapshot(None)
        self.last_took_s = int(time.monotonic() - self._started)
        if isinstance(result, Abandoned):
            return
        if isinstance(result, BaseException):
            self._failed(result)
            return
        self._saved(self._dirty_before)
        self._log("notice", "Background saving terminated with success")

    def _saved(self, dirty_before: int) -> None:
        self._events.dirty -= dirty_before
        self.last_save_s = int(time.time())
        self.last_ok = True
        self.saves += 1
        self.on_outcome()

    def _failed(self, error: BaseException) -> None:
        self.last_ok = False
        self.last_try_s = time.monotonic()
        reason = f"{error.strerror}" if isinstance(error, OSError) and error.strerror else repr(error)
        self._log("warning", f"Error saving DB on disk: {reason}")
        self.on_outcome()

    def round(self) -> None:
        """By the clock: start a save when a `save` point is reached, or one was asked for."""
        if self.snapshot is not None:
            return
        if self.scheduled or self._due():
            self.start()

    def _due(self) -> bool:
        # After a failure Redis waits five seconds before it tries again.
        if not self.last_ok and time.monotonic() - self.last_try_s < 5:
            return False
        age = clock.now_ms() // 1000 - self.last_save_s
        for seconds, changes in self._config["save"]:
            if self._events.dirty >= changes and age > seconds:
                self._log("notice", f"{changes} changes in {seconds} seconds. Saving...")
                return True
        return False

    def at_shutdown(self, save: bool | None) -> None:
        """The last save: when asked for, or when there are `save` points. Raises PersistenceError.

        A background save is given up: it would put an older picture in place of the last one.
        """
        self.abandon()
        if save is False or (save is None and not self._config["save"]):
            return
        self._log("notice", "Saving the final RDB snapshot before exiting.")
        try:
            self.save()
        except OSError as error:
            raise PersistenceError(f"saving the final snapshot failed: {error}") from error
