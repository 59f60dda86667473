"""The keys out of the file at the start, and again for DEBUG RELOAD; models and scripts made ready afterwards."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyredisai import clock
from pyredisai.ai.model import Model
from pyredisai.ai.script import Script
from pyredisai.backends.opening import unopened
from pyredisai.commands import functions
from pyredisai.commands.ai.scripts import program_of
from pyredisai.commands.context import Context, Services
from pyredisai.commands.slot_keys import forget_slot_keys
from pyredisai.commands.spec import Command
from pyredisai.errors import ReplyError, texts
from pyredisai.keyspace.database import Database
from pyredisai.persistence.loading import LoadProgress, load_in_slices, map_file


@dataclass(slots=True)
class Loading:
    """Whether a file is being loaded, and how far that is. `unready`: the models and scripts that it held."""

    active: bool = False
    unready: list[weakref.ref[Model | Script]] = field(default_factory=list)
    progress: LoadProgress = field(default_factory=LoadProgress)

    def info(self) -> dict[str, object]:
        """The fields of INFO persistence that are there while a file is loaded."""
        if not self.active:
            return {}
        progress = self.progress
        elapsed = max(1, clock.now_ms() - progress.started_ms) / 1000
        rest = progress.total - progress.loaded
        return {
            "loading_start_time": progress.started_ms // 1000,
            "loading_total_bytes": progress.total,
            "loading_rdb_used_mem": progress.aux.get("used-mem", 0),
            "loading_loaded_bytes": progress.loaded,
            "loading_loaded_perc": f"{100 * progress.loaded / max(1, progress.total):.2f}",
            "loading_eta_seconds": int(rest * elapsed / max(1, progress.loaded)),
        }


def loading_state(services: Services) -> Loading:
    """The server's state of loading."""
    state: Loading = services.extra.setdefault("loading", Loading())
    return state


def refuse_while_loading(ctx: Context, command: Command) -> None:
    """Raise ReplyError for a command that needs the keys."""
    if "loading" not in command.flags:
        raise ReplyError(texts.LOADING)


def adopt(services: Services, value: Any) -> Any:
    """A stored value as one that can be used: a model with a session that opens later, its device's queue made."""
    if type(value) is Model:
        services.scheduler.ensure_queue(value.device)
        return unopened(services.loader, value)
    if type(value) is Script:
        services.scheduler.ensure_queue(value.device)
    return value


def _adopt_loaded(services: Services, unready: list[weakref.ref[Model | Script]], value: Any) -> Any:
    value = adopt(services, value)
    if type(value) is Model or type(value) is Script:
        unready.append(weakref.ref(value))
    return value


def load_file(services: Services) -> Iterator[LoadProgress]:
    """Load the RDB file if there is one, in slices. Raises OSError, PersistenceError."""
    path = services.saver.path
    if not os.path.exists(path):
        return
    data = memoryview(map_file(path))
    services.log("notice", f"Loading RDB produced by version {_version(bytes(data[:64]))}")
    yield from read_rdb(services, data, checksum=services.config["rdbchecksum"])
    progress = loading_state(services).progress
    services.log("notice", f"Done loading RDB, keys loaded: {progress.keys}, keys expired: {progress.expired}.")
    seconds = (clock.now_ms() - progress.started_ms) / 1000
    services.log("notice", f"DB loaded from disk: {seconds:.3f} seconds")


def read_rdb(
    services: Services,
    data: memoryview,
    *,
    checksum: bool,
    keep_expired: bool = False,
    databases: Sequence[Database] | None = None,
) -> Iterator[LoadProgress]:
    """Put the keys of an RDB file, or of the start of a log, into the databases (the server's, where none are given).

    Raises PersistenceError.
    """
    state = loading_state(services)
    state.progress = LoadProgress()
    try:
        yield from load_in_slices(
            data,
            services.databases if databases is None else databases,
            partial(_adopt_loaded, services, state.unready),
            checksum=checksum,
            keep_expired=keep_expired,
            progress=state.progress,
        )
    finally:
        forget_slot_keys(services)  # loading tells nobody of single keys
    functions.adopt(services, state.progress.functions)


def lose_all_keys(services: Services) -> None:
    """Forget all keys and functions without telling the journal: a replica makes room for what its primary has."""
    dirty = services.events.dirty
    for database in services.databases:
        database.flush(services.freeing.add_keys if services.config["replica-lazy-flush"] else None)
    functions.forget_all(services)
    services.events.dirty = dirty


def _version(head: bytes) -> str:
    at = head.find(b"redis-ver")
    if at < 0:
        return "unknown"
    return head[at + 10 : at + 10 + head[at + 9]].decode("latin-1")


def make_ready(services: Services) -> None:
    """Open the loaded models and compile the loaded scripts on helper threads; what fails is logged and stays."""
    state = loading_state(services)
    unready, state.unready = state.unready, []
    for reference in unready:
        value = reference()  # None: it was replaced or deleted meanwhile
        if isinstance(value, Model):
            _in_background(services, value, value.session.open)
        elif value is not None and value.program is None:
            _in_background(services, value, lambda script=value: program_of(services, script))


def _in_background(services: Services, value: Model | Script, work: Any) -> None:
    def done(result: object) -> None:
        if isinstance(result, BaseException):
            services.log("warning", f"'{_name_of(services, value)}' was loaded but cannot run: {result}")

    services.scheduler.run_in_background(work, done)


def _name_of(services: Services, value: Model | Script) -> str:
    for database in services.databases:
        for key, held in database.data.items():
            if held is value:
                return key.decode("utf-8", "backslashreplace")
    return "(deleted)"


def reload(services: Services, *, save: bool, flush: bool) -> None:
    """DEBUG RELOAD: save, forget the keys, load them. Raises OSError, PersistenceError."""
    if save:
        services.saver.save()
    if flush:
        lose_all_keys(services)
    dirty = services.events.dirty
    for _ in load_file(services):
        pass
    services.events.dirty = dirty
    make_ready(services)
