"""Writes the append-only log: each command's effects before its reply, a new base now and then.

A write that fails (a full disk) is cut off again, so that the file stays whole; what could not be written is kept
and tried again by the clock, and `ok` is False meanwhile: dispatch refuses writes then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from pyredisai import clock
from pyredisai.config.registry import Registry
from pyredisai.errors import PersistenceError, texts
from pyredisai.execution.affinity import Background
from pyredisai.journal import Effect
from pyredisai.persistence.aof import manifest as manifests
from pyredisai.persistence.aof.base import writer_of_base
from pyredisai.persistence.aof.commands import EffectStream
from pyredisai.persistence.aof.manifest import Entry, Manifest
from pyredisai.persistence.disk import FileReplacement, remove
from pyredisai.persistence.rdb import file as rdb_file
from pyredisai.persistence.snapshot import Pictures, Snapshot

_RETRY_S = 60


class AppendLog:
    """The log of one server. Sizes in bytes. `append` is the journal's subscriber while the log is on.

    `snapshot` is the picture that a rewrite is writing (`on_snapshot` is told). `on_outcome` is called when
    writing has begun to fail or to succeed again. `wake(function)` calls at the end of the loop's round.
    """

    def __init__(
        self,
        config: Registry,
        pictures: Pictures,
        background: Background,
        wake: Callable[[Callable[[], None]], Any],
        log: Callable[[str, str], None],
    ) -> None:
        self._config, self._pictures = config, pictures
        self._background, self._wake, self._log = background, wake, log
        self.on_snapshot: Callable[[Snapshot | None], None] = lambda _: None
        self.on_outcome: Callable[[], None] = lambda: None
        self.write_options: Callable[[], rdb_file.WriteOptions] = rdb_file.WriteOptions
        self.manifest = Manifest()
        self.is_open = False
        self.ok = True
        self.rewrite_ok = True
        self.rewrites = 0
        self.rewrite_failures = 0
        self.rewrite_took_s = -1
        self.snapshot: Snapshot | None = None
        self.scheduled = False
        self.size = self.base_size = 0
        self.delayed_syncs = 0
        self._file: BinaryIO | None = None
        self._good = 0
        self._buffer: list[bytes | memoryview] = []
        self._stream = EffectStream()
        self._timestamps = False
        self._stamped_s = 0
        self._waking = False
        self._syncing = False
        self._synced_at = 0.0
        self._unsynced = False
        self._rewrite_started = 0.0
        self._retry_at = 0.0
        self._replacement: FileReplacement | None = None
        self.wanted = False
        self.last_error = ""
        config.watch("aof-timestamp-enabled", self._stamp)
        config.watch("aof-disable-auto-gc", lambda _: self._forget_history())

    @property
    def turning_on(self) -> bool:
        """Whether the log was turned on and waits for its first base."""
        return self.wanted and not self.is_open

    @property
    def unwritten(self) -> bool:
        """Whether something that must be on the disk before its reply (appendfsync always) is not."""
        return bool(self._buffer) and self.is_open and self._config["appendfsync"] == "always"

    @property
    def waiting(self) -> int:
        """Bytes that are logged and not written yet."""
        return sum(map(len, self._buffer))

    @property
    def directory(self) -> str:
        """Where the log's files lie."""
        return os.path.join(str(self._config["dir"]), str(self._config["appenddirname"]))

    @property
    def manifest_path(self) -> str:
        """The manifest."""
        return self.path(f"{self._config['appendfilename']}.manifest")

    def path(self, name: str) -> str:
        """A file of the log."""
        return os.path.join(self.directory, name)

    def read_manifest(self) -> Manifest | None:
        """The manifest on the disk, None where there is no log. Raises OSError, PersistenceError."""
        try:
            with open(self.manifest_path, encoding="utf-8") as file:
                return manifests.parse(file.read())
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise PersistenceError("the AOF manifest cannot be read") from None

    def adopt_old_file(self) -> Manifest | None:
        """The single file of Redis before 7 becomes the base. Raises OSError."""
        name = str(self._config["appendfilename"])
        old = os.path.join(str(self._config["dir"]), name)
        if not os.path.isfile(old):
            return None
        os.makedirs(self.directory, exist_ok=True)
        manifest = Manifest(Entry(name, 1, manifests.BASE))
        os.replace(old, self.path(name))
        manifests.store(self.manifest_path, manifest)
        self._log("notice", "Successfully migrated an old-style AOF")
        return manifest

    def open(self, manifest: Manifest | None) -> None:
        """Begin to write after what `manifest` holds (None: nothing yet). Raises OSError."""
        os.makedirs(self.directory, exist_ok=True)
        if manifest is None:
            manifest = self._first_manifest()
        self.manifest = manifest
        if not manifest.incremental:
            self.manifest = self.manifest.with_incremental(str(self._config["appendfilename"]))
            manifests.store(self.manifest_path, self.manifest)
        self._open_last()
        self.size = self._measure()
        self.base_size = self._file_size(self.manifest.base.name) if self.manifest.base else 0
        self.is_open = True
        self._forget_history()

    def _first_manifest(self) -> Manifest:
        name = str(self._config["appendfilename"])
        rdb = bool(self._config["aof-use-rdb-preamble"])
        entry = Entry(f"{name}.1.base.{'rdb' if rdb else 'aof'}", 1, manifests.BASE)
        self._replacing(entry, self._pictures.live(), rdb=rdb).run()
        return Manifest(entry)

    def _touch(self, entry: Entry) -> None:
        """Make a file if it is not there: a manifest names only files that are."""
        with open(self.path(entry.name), "ab"):
            pass

    def _open_last(self) -> None:
        if self._file is not None:
            self._file.close()
        path = self.path(self.manifest.incremental[-1].name)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (open as long as the log is)
        self._good = self._file.tell()
        if not self._buffer:
            self._stream.database = -1
        self._stamped_s = 0

    def close(self) -> None:
        """Write and sync what is left, and stop; a rewrite is given up. Raises OSError."""
        self.abandon_rewrite()
        if self._file is not None:
            self.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        self.is_open = False

    def append(self, database: int, effects: list[Effect]) -> None:
        """Log the effects of one command. With `appendfsync always` they are on the disk when this returns.

        Where that failed, `unwritten` is true, and nothing of them is in the file.
        """
        if self._timestamps and (now_s := clock.now_ms() // 1000) > self._stamped_s:
            self._stamped_s = now_s
            self._buffer.append(b"#TS:%d\r\n" % now_s)
        self._buffer += self._stream.encode(database, effects)
        if self._config["appendfsync"] == "always":
            self._end_of_round()
        elif not self._waking:
            self._waking = True
            self._wake(self._end_of_round)

    def _end_of_round(self) -> None:
        self._waking = False
        try:
            self.flush()
        except OSError:
            pass  # told and kept by flush

    def flush(self) -> None:
        """Write what has been logged. Raises OSError; the file is whole and the rest is kept."""
        if not self._buffer or self._file is None:
            return
        data = b"".join(self._buffer)
        try:
            self._write(data)
            if self._config["appendfsync"] == "always":
                os.fsync(self._file.fileno())
            else:
                self._unsynced = True
        except OSError as error:
            self._buffer = [data]
            self._cut()
            self._failed(error)
            raise
        self._buffer = []
        self._good += len(data)
        self.size += len(data)
        if not self.ok:
            self.ok = True
            self._log("warning", "AOF write error looks solved. The server can write again.")
            self.on_outcome()

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def _cut(self) -> None:
        assert self._file is not None
        try:
            self._file.truncate(self._good)
            self._file.seek(self._good)
        except OSError as error:
            self._log("warning", f"Could not remove a short write from the append-only file: {error.strerror}")

    def _failed(self, error: OSError) -> None:
        self.last_error = error.strerror or str(error)
        if self.ok:
            self.ok = False
            self._log("warning", f"Error writing to the AOF file: {error.strerror}")
            self.on_outcome()

    def round(self) -> None:
        """By the clock: try again, sync once a second, rewrite when the log has grown."""
        if self.turning_on and self.snapshot is None and time.monotonic() >= self._retry_at:
            self.start_rewrite()
        if not self.is_open:
            return
        if self._buffer:
            self._end_of_round()
        if self._unsynced and self._config["appendfsync"] == "everysec" and time.monotonic() - self._synced_at >= 1:
            self._sync_in_background()
        if self.snapshot is None and (self.scheduled or self._grown()):
            self.start_rewrite()

    def _sync_in_background(self) -> None:
        if self._syncing or (self.snapshot is not None and self._config["no-appendfsync-on-rewrite"]):
            self.delayed_syncs += 1
            return
        assert self._file is not None
        handle = os.dup(self._file.fileno())
        self._syncing, self._unsynced = True, False
        self._synced_at = time.monotonic()

        def sync() -> None:
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

        self._background.sync(sync, self._synced)

    def _synced(self, result: object) -> None:
        self._syncing = False
        if isinstance(result, OSError):
            self._unsynced = True
            self._failed(result)

    def _grown(self) -> bool:
        percent = self._config["auto-aof-rewrite-percentage"]
        if not percent or self.size < self._config["auto-aof-rewrite-min-size"] or self.rewrite_failures:
            return False
        return bool((self.size - self.base_size) * 100 / max(1, self.base_size) >= percent)

    def start_rewrite(self) -> None:
        """Begin to write a new base in the background; what comes meanwhile goes to a new incremental file.

        Raises OSError; the log goes on as it was.
        """
        self.scheduled = False
        self._rewrite_started = time.monotonic()
        name = str(self._config["appendfilename"])
        if self.is_open:
            self.flush()
            manifest = self.manifest.with_incremental(name)
            self._touch(manifest.incremental[-1])
            manifests.store(self.manifest_path, manifest)
            self.manifest = manifest
            self._open_last()
        else:  # the log is being turned on: what comes meanwhile is kept until its base is there
            os.makedirs(self.directory, exist_ok=True)
            self.manifest = (self.read_manifest() or Manifest()).with_incremental(name)
        keep = self.manifest.incremental[-1]
        rdb = bool(self._config["aof-use-rdb-preamble"])
        target = self.manifest.rebased(name, rdb=rdb, keep=keep)
        assert target.base is not None
        base = target.base
        snapshot = self.snapshot = self._pictures.take()
        self.on_snapshot(snapshot)
        self._log("notice", "Background append only file rewriting started")
        replacement = self._replacement = self._replacing(base, snapshot, rdb=rdb)
        self._background.rewrite(replacement.run, lambda result: self._ended(replacement, target, snapshot, result))

    def abandon_rewrite(self) -> None:
        """Give up the rewrite that is going on, if any; the log goes on as it was."""
        if self._replacement is not None:
            self._replacement.abandon()
            self._replacement = None
            if self.snapshot is not None:
                self.snapshot.stop()
            self._no_snapshot()

    def _no_snapshot(self) -> None:
        self.snapshot = None
        self.on_snapshot(None)

    def _replacing(self, entry: Entry, snapshot: Snapshot, *, rdb: bool) -> FileReplacement:
        snapshot.delay_us = self._config["rdb-key-save-delay"]
        write = writer_of_base(snapshot, self.write_options(), rdb=rdb)
        return FileReplacement(self.path(entry.name), write, synced=self._config["aof-rewrite-incremental-fsync"])

    def _ended(self, replacement: FileReplacement, target: Manifest, snapshot: Snapshot, result: object) -> None:
        self._pictures.release(snapshot)
        if self._replacement is replacement:  # else it was given up
            self._done(target, result)

    def _done(self, target: Manifest, result: object) -> None:
        self._replacement = None
        self._no_snapshot()
        self.rewrite_took_s = int(time.monotonic() - self._rewrite_started)
        try:
            if isinstance(result, BaseException):
                raise result
            self._touch(self.manifest.incremental[-1])
            manifests.store(self.manifest_path, target)
        except Exception as error:
            self.rewrite_ok = False
            self.rewrite_failures += 1
            self._retry_at = time.monotonic() + _RETRY_S
            self._log("warning", f"Background AOF rewrite failed: {error}")
            return
        self.manifest = target
        if not self.is_open and self.wanted:
            self._open_last()
            self.is_open = True
            self._end_of_round()
        self._forget_history()
        self.rewrite_ok, self.rewrite_failures = True, 0
        self.rewrites += 1
        self.base_size = self.size = self._measure()
        self._log("notice", "Background AOF rewrite terminated with success")

    def _forget_history(self) -> None:
        """Delete the files that a rewrite has replaced, unless they are to be kept."""
        if not self.manifest.history or not self.is_open or self._config["aof-disable-auto-gc"]:
            return
        for entry in self.manifest.history:
            remove(self.path(entry.name))
        self.manifest = self.manifest._replace(history=())
        try:
            manifests.store(self.manifest_path, self.manifest)
        except OSError as error:
            self._log("warning", f"The AOF manifest still names old files: {error.strerror}")

    def _stamp(self, on: bool) -> None:
        self._timestamps = on

    def _measure(self) -> int:
        return sum(self._file_size(entry.name) for entry in self.manifest.files)

    def _file_size(self, name: str) -> int:
        try:
            return os.path.getsize(self.path(name))
        except OSError:
            return 0

    @property
    def running_s(self) -> int:
        """How long the rewrite has been going, -1 when there is none."""
        return -1 if self.snapshot is None else int(time.monotonic() - self._rewrite_started)

    def info(self) -> dict[str, object]:
        """The fields of INFO persistence that are there while the log is on."""
        return {
            "aof_current_size": self.size,
            "aof_base_size": self.base_size,
            "aof_pending_rewrite": int(self.turning_on),
            "aof_buffer_length": sum(map(len, self._buffer)),
            "aof_pending_bio_fsync": int(self._syncing),
            "aof_delayed_fsync": self.delayed_syncs,
        }

    @property
    def refusal(self) -> str:
        """The reply to writes while the log cannot be written."""
        return texts.aof_write_failed(self.last_error)
