"""Applies the stream of the primary: each command as it comes, a transaction at its EXEC, and counts the bytes.

What has been applied is relayed, byte for byte, to the replicas of this replica.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from pyredisai.commands.context import Context
from pyredisai.commands.log_loading import STORES, keep_unopened
from pyredisai.commands.persistence import disk_refuses
from pyredisai.commands.unexpected import PropagationPanicError, report
from pyredisai.errors import ReplyError, texts
from pyredisai.replication.replica import LinkError
from pyredisai.replication.stream import StreamParser, wire_length
from pyredisai.resp.replies import Blocked, Error, Reply
from pyredisai.server.dispatch import execute, failure, find

_WARNING_S: Final = 10


class Applier:
    """`on_ready` is called when a command that took its time (a model was opened) is done: then `poke` it.

    `on_getack` is called for GETACK.
    """

    def __init__(self, ctx: Context, on_ready: Callable[[], None], on_getack: Callable[[], None]) -> None:
        self._ctx, self._on_ready, self._on_getack = ctx, on_ready, on_getack
        self._parser = StreamParser()
        self._transaction: list[list[bytes]] | None = None
        self._ready: deque[list[bytes]] = deque()
        self._unapplied = self._applied = 0
        self.is_blocked = False
        self._stopped = False
        self._warn_at = 0.0

    def feed(self, data: bytes) -> None:
        """Apply what is complete. Raises LinkError."""
        self._parser.feed(data)
        self._go_on()

    def poke(self) -> None:
        """Go on with what has come, after what kept us from it. Raises LinkError."""
        self._go_on()

    def stop(self) -> None:
        """Apply nothing more: the link is given up."""
        self._stopped = True

    def _go_on(self) -> None:
        guard = self._ctx.server.guard
        try:
            while not self.is_blocked and not self._stopped and not guard.busy:
                if self._ready:
                    self._run_transaction()
                elif (args := self._parser.next()) is not None:
                    self._take(args)
                else:
                    break
                if not (self.is_blocked or self._stopped or self._ready) and self._transaction is None:
                    self._applied += self._unapplied
                    self._unapplied = 0
        finally:
            self._relay()

    def _relay(self) -> None:
        """Everything up to here is in the databases."""
        if self._applied:
            services = self._ctx.server
            services.upstream.database = self._ctx.client.db
            services.primary.relay(self._parser.take(self._applied))
            self._applied = 0

    def _take(self, args: list[bytes]) -> None:
        self._unapplied += wire_length(args)
        word = args[0].upper()
        if word == b"MULTI":
            self._transaction = []
        elif word == b"EXEC":
            self._check_disk(*self._transaction or ())
            self._ready += self._transaction or ()
            self._transaction = None
        elif self._transaction is not None:
            self._transaction.append(args)
        elif word == b"REPLCONF":
            if len(args) > 1 and args[1].upper() == b"GETACK":
                self._relay()
                self._on_getack()
        else:
            self._check_disk(args)
            self._run(args)

    def _check_disk(self, *commands: list[bytes]) -> None:
        """What this server could not keep is not applied, but asked for again later. Raises LinkError.

        A Redis ends itself here; so does nothing of ours that can still answer reads.
        """
        services = self._ctx.server
        if (services.saver.last_ok and services.append_log.ok) or not disk_refuses(services):
            return
        if not any((command := services.table.find(args[0])) and command.is_write for args in commands):
            return
        if not services.config["replica-ignore-disk-write-errors"]:
            raise LinkError("Replica was unable to write command to disk.")
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _WARNING_S
            services.log("warning", "Replica is applying a command even though it is unable to write to disk.")

    def _run_transaction(self) -> None:
        """Run all of it before anybody sees a part; a model is opened on the loop then."""
        self._ctx.client.in_exec = True
        try:
            while self._ready and not (self.is_blocked or self._stopped):
                self._run(self._ready.popleft())
        finally:
            self._ctx.client.in_exec = False

    def _run(self, args: list[bytes]) -> None:
        ctx = self._ctx
        services = ctx.server
        ctx.client.last_ms = int(time.time() * 1000)
        services.events.expiry = "ignore"
        try:
            command = find(ctx, args)
            if len(args) != command.arity and (command.arity >= 0 or len(args) < -command.arity):
                raise ReplyError(texts.wrong_arity(command.name))
            ctx.client.last_command = command.name
            reply = execute(ctx, command, args)
        except ReplyError as error:
            reply = failure(ctx, error.text)
        finally:
            services.events.expiry = "hide"
        if services.deferred:
            services.run_deferred()
        if type(reply) is Blocked:
            services.scheduler.flush()
            if not reply.resolved:
                self.is_blocked = True
                reply.then(lambda answer: self._unblock(args, answer))
                return
            reply = reply.reply
        self._check(args, reply)

    def _unblock(self, args: list[bytes], reply: Reply) -> None:
        self._check(args, reply)
        self.is_blocked = False
        # Of a link that was given up the offset is no longer ours to count; the command may come again.
        if not self._stopped and not self._ready and self._transaction is None:
            self._applied += self._unapplied
            self._unapplied = 0
        self._on_ready()

    def _check(self, args: list[bytes], reply: Reply) -> None:
        """A command that the primary ran should not fail here; a model whose backend is missing is kept as bytes."""
        if not isinstance(reply, Error):
            return
        log, word = self._ctx.server.log, args[0].upper()
        if word in STORES and keep_unopened(self._ctx, word, args):
            log("warning", f"A model of the primary does not open here, its bytes are kept: {reply.text}")
        else:
            try:
                report(self._ctx, args[0], reply.text)
            except PropagationPanicError as panic:
                self._panic(str(panic))

    def _panic(self, reason: str) -> None:
        """End the server as it is: what failed does not count as applied, and nothing is saved."""
        self.stop()
        services = self._ctx.server
        services.log("warning", reason)
        services.exit_code = 1
        services.shutdown.begin(save=False, force=True, now=True)
