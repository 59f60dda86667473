"""Connects snapshots and the append-only log with the clock, the guard, the journal, the start and the end."""

from __future__ import annotations

import asyncio

from pyredisai.commands.context import Services
from pyredisai.commands.loading import (
    load_file,
    loading_state,
    make_ready,
    refuse_while_loading,
)
from pyredisai.commands.log_loading import load_log
from pyredisai.commands.persistence import refuse_while_log_fails, refuse_while_saves_fail
from pyredisai.persistence.aof.manifest import Manifest
from pyredisai.persistence.snapshot import Snapshot


def install_persistence(services: Services) -> None:
    """Called once, when the services are built."""
    saver, log, guard, transfers = services.saver, services.append_log, services.guard, services.primary.transfers

    def picture(_: Snapshot | None) -> None:
        guard.snapshots = tuple(s for s in (saver.snapshot, log.snapshot, transfers.snapshot) if s)

    def judge() -> None:
        guard.remove_check(refuse_while_saves_fail)
        guard.remove_check(refuse_while_log_fails)
        if not saver.last_ok:
            guard.add_check(refuse_while_saves_fail)
        if not log.ok:
            guard.add_check(refuse_while_log_fails)

    def end(save: bool | None) -> None:
        saver.at_shutdown(save)  # may fail; then serving and logging go on
        log.close()

    def by_the_clock() -> None:
        if not loading_state(services).active:  # else half of the keys would take the place of all
            saver.round()
            log.round()

    saver.on_snapshot = log.on_snapshot = transfers.on_snapshot = picture
    saver.on_outcome = log.on_outcome = judge
    log.write_options = saver.write_options
    services.cron.append(by_the_clock)
    services.on_shutdown.append(end)


def refuse_until_loaded(services: Services) -> None:
    """Answer clients -LOADING until `load_at_start` is done; called before the first of them is accepted."""
    services.guard.add_check(refuse_while_loading)
    loading_state(services).active = True


async def load_at_start(services: Services) -> None:
    """Load the log, or else the file. Raises OSError, PersistenceError."""
    log, guard, state = services.append_log, services.guard, loading_state(services)
    manifest: Manifest | None = None
    dirty = services.events.dirty
    try:
        if services.config["appendonly"]:
            manifest = log.read_manifest() or log.adopt_old_file()
            if manifest is not None:
                await load_log(services, manifest)
        else:
            for _ in load_file(services):
                await asyncio.sleep(0)
    finally:
        state.active = False
        guard.remove_check(refuse_while_loading)
        services.events.dirty = dirty
    make_ready(services)
    if services.config["appendonly"]:
        log.open(manifest)
    services.config.watch("appendonly", lambda on: follow(services, on))


def follow(services: Services, on: bool) -> None:
    """CONFIG SET appendonly: turn the log on (a base is written first) or off. Raises OSError."""
    log, subscribers = services.append_log, services.journal.subscribers
    log.wanted = on
    if on and log.append not in subscribers:
        subscribers.append(log.append)
        if not log.is_open:
            log.abandon_rewrite()  # its picture is older than the first effect that is logged
            log.start_rewrite()
    elif not on and log.append in subscribers:
        subscribers.remove(log.append)
        log.close()
