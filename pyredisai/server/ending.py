"""SHUTDOWN and the signals: replicas get what they lack, then the last save, then the end. As Redis 7.0 does it.

While replicas are waited for (`shutdown-timeout`), clients that write are held; SHUTDOWN ABORT lets them go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from pyredisai.commands import pause
from pyredisai.commands.context import Services
from pyredisai.errors import ReplyError, texts
from pyredisai.replication.peer import Peer
from pyredisai.resp.replies import Blocked, Error

_PURPOSE: Final = "shutdown"


class Ending:
    """Of one server: `commands.context.Shutdown`. `finish` is called when nothing is left to do.

    `signalled`: a signal has asked for the end; what lets the server go on takes that back.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.finish: Callable[[], None] = lambda: None
        self.signalled = False
        self._until_s = 0.0
        self._save: bool | None = None
        self._force = False
        self._target = self._asked_at = 0
        self._waiting: list[Blocked] = []
        services.cron.append(self.round)

    def begin(self, save: bool | None = None, *, force: bool = False, now: bool = False) -> bool:
        """End the server; True while replicas are waited for, which `now` does not do. Raises ReplyError on failure."""
        services = self._services
        now = now or bool(services.guard.busy)  # a suspended script keeps the clock from running
        if self._until_s and not now:
            return True
        self._save, self._force = save, force
        services.log("warning", "User requested shutdown...")
        timeout: int = services.config["shutdown-timeout"]
        self._target = self._asked_at = services.primary.history.offset
        if not now and timeout and self._lagging():
            services.log("notice", "Waiting for replicas before shutting down.")
            self._until_s = time.monotonic() + timeout
            pause.start(services, "write", pause.FOR_EVER_MS, _PURPOSE)
            services.primary.hold_still()
            self._asked_at = services.primary.history.offset
            return True
        self._end()
        return False

    def join(self) -> Blocked:
        """What a client that asked for the end gets: no reply, unless the server goes on."""
        blocked = Blocked(lambda: self._waiting.remove(blocked))
        self._waiting.append(blocked)
        return blocked

    def abort(self) -> None:
        """Go on serving. Raises ReplyError when no end is near."""
        if not self._until_s:
            raise ReplyError(texts.NO_SHUTDOWN)
        self._services.log("notice", "Shutdown manually aborted.")
        self._go_on()

    @property
    def left_ms(self) -> int:
        """How long replicas will be waited for; -1 when no end is near."""
        return max(0, int(1000 * (self._until_s - time.monotonic()))) if self._until_s else -1

    def round(self) -> None:
        """By the clock."""
        if self._until_s and (time.monotonic() >= self._until_s or not self._lagging()):
            try:
                self._end()
            except ReplyError:
                pass  # told to those who wait

    def _lagging(self) -> list[Peer]:
        primary = self._services.primary
        if primary.history.offset != self._asked_at and not primary.is_replica:
            self._target = self._asked_at = primary.history.offset  # a run ended, and its outputs were fed
        return [peer for peer in primary.peers if peer.acked < self._target]

    def _end(self) -> None:
        services = self._services
        self._report()
        for last in services.on_shutdown:
            try:
                last(self._save)
            except Exception as error:
                services.log("warning", f"Errors trying to shut down: {error}")
                if not self._force:
                    self._go_on()
                    raise ReplyError(texts.SHUTDOWN_FAILED) from None
        self._until_s = 0.0
        self.finish()

    def _report(self) -> None:
        log, peers = self._services.log, self._services.primary.peers
        lagging = self._lagging()
        for peer in lagging:
            behind = self._target - peer.acked
            name, state = f"{peer.address}:{peer.port}", peer.phase.value
            log("notice", f"Lagging replica {name} reported offset {behind} behind master, state={state}.")
        if peers:
            log("notice", f"{len(peers) - len(lagging)} of {len(peers)} replicas are in sync when shutting down.")

    def _go_on(self) -> None:
        self._until_s = 0.0
        self.signalled = False
        self._services.primary.still = False
        pause.end(self._services, _PURPOSE)
        waiting, self._waiting = self._waiting, []
        for blocked in waiting:
            blocked.resolve(Error(texts.SHUTDOWN_FAILED))
