"""What a running script reaches: Redis commands and stored models. Its calls come from a worker's thread.

Each Redis command runs on the loop, whole, as any client's would, with a client of its own that may not
block; so nothing that a script calls can wait for the queue that the script itself occupies.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import hiredis

from pyredisai.ai.model import Model
from pyredisai.ai.tensor import Tensor
from pyredisai.commands.ai.model_args import find_model
from pyredisai.commands.client import NO_LINK, Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.roles import refuse
from pyredisai.errors import ReplyError, ai_texts
from pyredisai.journal import Effect
from pyredisai.resp.encoder import Buffers, encode
from pyredisai.resp.replies import Blocked, Reply

_NEED_A_CONNECTION: Final = {
    "reset": ai_texts.RESET_NO_CONNECTION,
    "monitor": ai_texts.MONITOR_NO_CONNECTION,
    **{name: ai_texts.no_connection(name) for name in ("subscribe", "psubscribe", "ssubscribe", "sync", "psync")},
}


class ScriptBridge:
    """The bridge of one run, in the database that its caller had selected."""

    def __init__(self, services: Services, database: int) -> None:
        self.services = services
        self.database = database

    def execute(self, args: list[bytes]) -> object:
        """Run a command on the loop; its reply as plain values. Raises ReplyError for an error."""
        return self.services.scheduler.call_on_loop(lambda: self._execute(args))

    def _execute(self, args: list[bytes]) -> object:
        services = self.services
        client = Client(0, NO_LINK, db=self.database, is_script=True)
        ctx = Context(client, services)
        refused = _refusal(ctx, args)
        if refused is not None:
            raise ReplyError(ai_texts.script_command_error(refused))
        try:
            reply = services.call(ctx, args)
            if ctx.effects:
                self._journal(ctx.effects)
            services.run_deferred()
            return plain(reply)
        finally:
            for forget in services.on_client_gone:
                forget(client)

    def _journal(self, effects: list[Effect]) -> None:
        """Each command by itself: the script may go on for long, or fail. Raises ReplyError where it is not kept."""
        self.services.journal.append(self.database, effects)
        if self.services.append_log.unwritten:
            raise ReplyError(ai_texts.script_command_error(self.services.append_log.refusal))

    def run_model(self, key: bytes, inputs: Sequence[Tensor], output_count: int) -> list[Tensor]:
        """Run a model on the script's own thread. Raises ReplyError or what the run raises."""
        model: Model = self.services.scheduler.call_on_loop(
            lambda: find_model(self.services.databases[self.database], key)
        )
        expected = model.options.inputs, model.options.outputs
        for names, given, error in zip(
            expected,
            (len(inputs), output_count),
            (ai_texts.INPUTS_MISMATCH, ai_texts.OUTPUTS_MISMATCH),
            strict=True,
        ):
            if names and len(names) != given:
                raise ReplyError(error)
        outputs = model.session.run(inputs)
        if any(output is None for output in outputs):
            raise ReplyError(ai_texts.DAG_NOT_A_TENSOR)
        return list(outputs)


def _refusal(ctx: Context, args: list[bytes]) -> str | None:
    """Why a command does not run in a script: it needs a connection, it is none, or a replica may not run it.

    For the second RedisAI gives the C library's text of an error number.
    """
    command = ctx.server.table.find(args[0])
    if command is not None and command.name in _NEED_A_CONNECTION:
        return _NEED_A_CONNECTION[command.name]
    if command is not None and command.subcommands and len(args) > 1:
        command = command.subcommands.get(args[1].lower().decode("latin-1"))
    if command is None:
        return os.strerror(errno.ENOENT)
    fits = len(args) == command.arity if command.arity >= 0 else len(args) >= -command.arity
    if not fits:
        return os.strerror(errno.EINVAL)
    redirection = ctx.server.guard.redirection
    if redirection is not None and (number := redirection.module_refusal(ctx, command, args)):
        return os.strerror(number)
    try:
        refuse(ctx, command)
    except ReplyError as error:
        return error.text
    return None


def plain(reply: Reply) -> object:
    """A reply as a client of RESP2 reads it: bytes, int, None, lists. Raises ReplyError for an error inside."""
    if isinstance(reply, Blocked):
        if not reply.resolved:
            raise ReplyError(ai_texts.script_command_error(ai_texts.BLOCKING_REFUSED))
        reply = reply.reply
    out: Buffers = []
    encode(reply, 2, out)
    reader: Any = hiredis.Reader(replyError=_raise)
    for part in out:
        reader.feed(part)
    return reader.gets() if out else None


def _raise(text: str) -> NoReturn:
    raise ReplyError(ai_texts.script_command_error(text))
