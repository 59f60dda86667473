"""Running scripts: one at a time, on the loop's thread, each in a greenlet.

Every 100000 Lua instructions the script looks at the clock. Past `busy-reply-threshold` it hands the thread back to
the event loop, which then answers other clients with BUSY (and SCRIPT KILL, FUNCTION KILL and SHUTDOWN NOSAVE as
asked), and goes on a slice at a time. So a script's commands always run on the loop's thread, and a client's EXEC that
holds a slow script is suspended as a whole. Nothing else may change the data meanwhile: dispatch, the clock's rounds
and the scheduler wait (`Guard.busy`, `Scheduler.hold`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyredisai import clock
from pyredisai.commands import roles
from pyredisai.commands.client import NO_LINK, Client
from pyredisai.commands.context import Context, Services
from pyredisai.commands.lua.convert import Converter
from pyredisai.commands.lua.world import Function, Random, Registration, World
from pyredisai.commands.spec import Command
from pyredisai.errors import ReplyError, script_texts, texts
from pyredisai.journal import Effect
from pyredisai.resp.replies import Blocked, Error, Reply

SLICE_NS = 5_000_000
LOAD_LIMIT_NS = 500_000_000
_LEVELS = ("debug", "verbose", "notice", "warning")


@dataclass(slots=True, eq=False)
class Run:
    """A script that runs. `name` is its SHA1 or the function's name, `kind` script or function.

    `command` is the request that started it. `wrote`: it can no longer be killed. `replicate`: its effects are
    journalled. `slow`: it is past the time limit. `may_cross`: in a cluster its keys may be of several slots.
    """

    kind: str
    name: str
    command: Sequence[bytes]
    read_only: bool
    allow_oom: bool
    may_cross: bool
    started_ns: int = field(default_factory=clock.monotonic_ns)
    slice_ns: int = 0
    wrote: bool = False
    replicate: bool = True
    killed: bool = False
    slow: bool = False
    effects: list[Effect] = field(default_factory=list)


class Engine:
    """The scripts of one server (the host of their Lua worlds)."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.client = Client(0, NO_LINK, is_script=True)
        self.context = Context(self.client, services)
        self.random = Random()
        self.running: Run | None = None
        self.limit_ns = 0
        self._load_until_ns = 0
        self._task: Any = None
        self._working = False
        services.config.watch("busy-reply-threshold", self._set_limit)

    def _set_limit(self, milliseconds: int) -> None:
        self.limit_ns = milliseconds * 1_000_000

    # Running

    def run(self, ctx: Context, run: Run, world: World, function: Function, *lists: Sequence[bytes]) -> Reply:
        """Run a compiled script for the client of `ctx`. Raises ReplyError as `World.run` does."""
        script = self.context
        client = self.client
        client.db, client.user, client.permissions = ctx.client.db, ctx.client.user, ctx.client.permissions
        client.resp = 2
        client.extra["caller"] = ctx.client
        script.select(ctx.db.index)
        script.effects = None
        script.effects_db = ctx.effects_db
        self.running = run
        try:
            return world.run(function, ctx.client.resp, lambda: client.resp, run.name, *lists)
        finally:
            self.running = None
            ctx.effects = run.effects
            ctx.effects_db = script.effects_db
            if run.slow:
                self.services.guard.busy = ""
                asyncio.get_running_loop().call_soon(self.services.scheduler.release)

    def interruptible(self, work: Callable[[], Reply]) -> Reply:
        """Do `work`, which may run a script, so that it can be suspended; then the reply is a `Blocked`."""
        if self._working:
            return work()
        if self._task is None or self._task.dead:
            try:
                from greenlet import greenlet
            except ImportError:
                return work()
            self._task = greenlet(self._work_on)
        self._working = True
        reply: Reply = self._task.switch(work)
        if not self._working or self._task.dead:
            self._working = False
            return reply
        blocked = Blocked()
        asyncio.get_running_loop().call_soon(self._resume, blocked)
        return blocked

    def _work_on(self, work: Callable[[], Reply]) -> None:
        """The body of the greenlet, which is kept from one script to the next: making one takes microseconds."""
        loop = self._task.parent
        while True:
            try:
                reply = work()
            finally:
                self._working = False
            work = loop.switch(reply)

    def _resume(self, blocked: Blocked) -> None:
        if self.running is not None:
            self.running.slice_ns = clock.monotonic_ns() + SLICE_NS
        reply = self._task.switch()
        if self._working:
            asyncio.get_running_loop().call_soon(self._resume, blocked)
            return
        self.services.run_deferred()
        if type(reply) is Blocked:
            reply.then(blocked.resolve)
        else:
            blocked.resolve(reply)

    def load_library(self, world: World, code: bytes, name: bytes) -> list[Registration]:
        """Run a library's code, half a second at most. Raises ReplyError."""
        self._load_until_ns = clock.monotonic_ns() + LOAD_LIMIT_NS
        try:
            return world.load_library(code, name)
        finally:
            self._load_until_ns = 0

    def discard(self, world: World | None) -> None:
        """Free a world that nothing is going to use; one that a suspended script may be in goes by itself."""
        if world is not None and self.running is None:
            world.close()

    def kill(self, kind: str) -> None:
        """Stop the running script of this kind at its next step. Raises ReplyError."""
        run = self.running
        if run is None:
            raise ReplyError(script_texts.NOTBUSY)
        if run.kind != kind:
            raise ReplyError(self.busy_text())
        if run.wrote:
            raise ReplyError(script_texts.UNKILLABLE)
        run.killed = True

    def busy_text(self) -> str:
        """What other clients are told while a script is slow."""
        kind = self.running.kind if self.running is not None else "script"
        return script_texts.BUSY_SCRIPT if kind == "script" else script_texts.BUSY_FUNCTION

    # What scripts ask (lua.world.Host)

    def on_step(self) -> bool:
        """Look at the clock; hand the thread to the loop when the script is slow."""
        run = self.running
        if run is None:
            return 0 < self._load_until_ns < clock.monotonic_ns()
        if run.killed:
            return True
        now = clock.monotonic_ns()
        if run.slow:
            if now < run.slice_ns:
                return False
        elif self.limit_ns <= 0 or now - run.started_ns < self.limit_ns:
            return False
        return self._hand_over(run, now)

    def _hand_over(self, run: Run, now: int) -> bool:
        if not self._working:
            return False  # run by AOF loading or the like: there is nobody to hand the thread to
        if not run.slow:
            run.slow = True
            self.services.guard.busy = run.kind
            self.services.scheduler.hold()
            word = "SCRIPT KILL" if run.kind == "script" else "FUNCTION KILL"
            self.services.log("warning", script_texts.slow((now - run.started_ns) // 1_000_000, word, run.name))
        self._task.parent.switch()
        return run.killed

    def killed_text(self) -> str:
        """What a stopped script's error says."""
        return script_texts.LOAD_TIMEOUT if self.running is None else script_texts.KILLED

    def command(self, args: Sequence[Any], convert: Converter) -> Any:
        """redis.call and redis.pcall: the reply, an error as a table with `err`."""
        try:
            argv = _strings(args)
        except ReplyError as error:
            return convert.error(error.text)
        run = self.running
        if run is None:
            return convert.error("ERR " + script_texts.OUTSIDE)
        problem = self._refusal(run, argv)
        if problem:
            return convert.error(problem)
        context = self.context
        context.effects = None
        reply = self.services.call(context, argv)
        if context.effects:
            if run.replicate:
                run.effects += context.effects
            context.effects = None
        if type(reply) is Blocked:
            if not reply.resolved:
                reply.cancel()
                return convert.error("ERR " + script_texts.BLOCKING)
            reply = reply.reply
        if type(reply) is Error:
            return convert.error(reply.text)
        return convert.to_lua(reply, self.client.resp)

    def _refusal(self, run: Run, argv: list[bytes]) -> str:
        """Why a script may not run this command, as the error's text; empty when it may."""
        command = self.find(argv)
        if command is None:
            return "ERR " + script_texts.UNKNOWN_COMMAND
        arity = command.arity
        if len(argv) != arity and (arity >= 0 or len(argv) < -arity):
            return "ERR " + script_texts.WRONG_ARITY
        if "noscript" in command.flags:
            return "ERR " + script_texts.NOT_ALLOWED
        if self.client.permissions is not None:
            try:
                self.client.permissions.check(self.context, command, argv)
            except ReplyError as error:
                return script_texts.acl(error.text)
        guard = self.services.guard
        if run.read_only and (command.is_write or "may_replicate" in command.flags):
            return "ERR " + script_texts.READ_ONLY
        if command.is_write and (refusal := self._role_refuses(command)):
            return refusal
        if guard.memory_limited and command.denyoom and not (run.wrote or run.allow_oom) and not guard.make_room():
            return texts.OOM
        if command.is_write:
            run.wrote = True
        if guard.redirection is not None:
            return guard.redirection.script_refusal(self.context, command, argv, may_cross=run.may_cross)
        return ""

    def _role_refuses(self, command: Command) -> str:
        """Why a replica, or a primary without enough of them, refuses a write; the primary's own scripts may."""
        if not self.services.guard.checks or "M" in self.client.extra["caller"].flags:
            return ""
        try:
            roles.refuse(self.context, command)
        except ReplyError as error:
            return error.text
        return ""

    def find(self, argv: Sequence[bytes]) -> Command | None:
        """The command or subcommand that the arguments name."""
        command = self.services.table.find(argv[0])
        if command is not None and command.subcommands and len(argv) > 1:
            return command.subcommands.get(argv[1].lower().decode("latin-1"))
        return command

    def log(self, level: int, text: bytes) -> None:
        """redis.log."""
        self.services.log(_LEVELS[int(level)], text.decode("utf-8", "replace"))

    def set_resp(self, version: int) -> str | None:
        """redis.setresp."""
        if self.running is None:
            return script_texts.SETRESP_OUTSIDE
        self.client.resp = version
        return None

    def set_repl(self, flags: int) -> str | None:
        """redis.set_repl: all or nothing; the journal does not part its subscribers."""
        if self.running is None:
            return script_texts.SET_REPL_OUTSIDE
        if flags in (1, 2):
            return script_texts.PARTIAL_REPLICATION
        self.running.replicate = flags == 3
        return None

    def acl_check(self, args: Sequence[Any]) -> tuple[bool | None, str | None]:
        """redis.acl_check_cmd."""
        if self.running is None:
            return None, script_texts.ACL_OUTSIDE
        try:
            argv = _strings(args)
        except ReplyError as error:
            return None, error.text.removeprefix("ERR ")
        command = self.find(argv)
        if command is None:
            return None, script_texts.INVALID_ACL_COMMAND
        if self.client.permissions is None:
            return True, None
        try:
            self.client.permissions.check(self.context, command, argv)
        except ReplyError:
            return False, None
        return True, None


def _strings(args: Sequence[Any]) -> list[bytes]:
    if not args:
        raise ReplyError("ERR " + script_texts.NO_ARGUMENTS)
    argv: list[bytes] = []
    for arg in args:
        kind = type(arg)
        if kind is bytes:
            argv.append(arg)
        elif kind is int or kind is float:
            argv.append(b"%.17g" % arg)
        else:
            raise ReplyError("ERR " + script_texts.ARGUMENT_TYPES)
    return argv


def engine(services: Services) -> Engine:
    """The server's engine; made at the first call."""
    found: Engine | None = services.extra.get("scripting")
    if found is None:
        found = services.extra["scripting"] = Engine(services)
    return found
