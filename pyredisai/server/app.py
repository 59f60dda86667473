"""The composition root: builds the rooms below; start, cron, shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Final

from pyredisai import REDIS_VERSION, __version__, clock
from pyredisai.backends.loader import BackendLoader, installed
from pyredisai.build import BUILD
from pyredisai.commands import functions, pubsub
from pyredisai.commands.acl.loading import load_users
from pyredisai.commands.ai import config as ai_config
from pyredisai.commands.client import Client
from pyredisai.commands.context import ServerStats, Services
from pyredisai.commands.loading import loading_state
from pyredisai.commands.table import build_table
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError, PersistenceError, ReplyError
from pyredisai.execution.scheduler import Scheduler
from pyredisai.journal import Journal
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.keyspace.expiry import active_expire_cycle
from pyredisai.server import process
from pyredisai.server.affinity import install_affinity
from pyredisai.server.client_eviction import ClientEviction
from pyredisai.server.clustering import Clustering
from pyredisai.server.collector import Collector
from pyredisai.server.connection import Connection
from pyredisai.server.crash import CrashReports
from pyredisai.server.cron import Cron
from pyredisai.server.dispatch import call
from pyredisai.server.ending import Ending
from pyredisai.server.endpoint import Endpoint
from pyredisai.server.guarding import install_guard
from pyredisai.server.keyspace_options import install_keyspace_options
from pyredisai.server.limits import Limits
from pyredisai.server.listener import Listener, ListenError
from pyredisai.server.log import Log
from pyredisai.server.oom_score import OomScore
from pyredisai.server.output import Turn
from pyredisai.server.persisting import install_persistence, load_at_start, refuse_until_loaded
from pyredisai.server.replicating import install_replication, resume_stream
from pyredisai.server.supervisor import Supervisor
from pyredisai.server.title import ProcessTitle
from pyredisai.server.tls_layer import TlsLayer

LOGO: Final = r"""
    .--------------------------.
    |  *3 $3 SET $1 x ...      |    pyredisai {version}
    |                     +OK  |    Redis {redis}, {mode}
    |  *2 $8 AI.MODEL...       |    Port: {port}
    |              [[.9, .1]]  |    PID: {pid}
    '--------------------------'

"""


class Application:
    """One server, from its configuration to its end. `exit_code` is what the process ends with.

    `supervisor` hears of the start and the end, `pid_file` is removed then.
    """

    def __init__(
        self, config: Registry, log: Log | None = None, supervisor: Supervisor | None = None, pid_file: str = ""
    ) -> None:
        self.config = config
        self.log = log or Log(config)
        self.exit_code = 0
        self._supervisor = supervisor or Supervisor()
        self._pid_file = pid_file
        self.services = build_services(config, self.log)
        self.services.extra["supervised"] = self._supervisor.kind
        self.limits = Limits(config)
        self.clustering = Clustering(self.services) if config["cluster-enabled"] else None
        eviction = ClientEviction(self.services, self.limits)
        install_replication(self.services, lambda: next(self.limits.ids))
        turn = Turn(begin=self.services.scheduler.begin_slice, stage=self.services.scheduler.stage)
        tls = self.services.tls

        def connection() -> Connection:
            return Connection(self.services, self.limits, turn)

        self.listener = Listener(
            config,
            lambda: Endpoint(connection()),
            lambda: Endpoint(TlsLayer(connection(), lambda: tls.server_context)),
            self.log,
        )
        self.cron = Cron(self.services, self.limits, check_output, eviction.round)

    def open(self) -> None:
        """Make what TLS needs, take the ports, import the backends that are named. Raises ListenError, ConfigError."""
        self.services.tls.start()
        self.listener.open()
        if self.clustering is not None:
            self.clustering.open()
        ai_config.preload_backends(self.services)

    async def serve(self) -> None:
        """Serve clients until SHUTDOWN or a signal has ended that."""
        ended = asyncio.Event()
        self.services.shutdown.finish = ended.set
        self._catch_signals()
        self.cron.start()
        refuse_until_loaded(self.services)
        await self.listener.serve()
        try:
            await load_at_start(self.services)
        except (OSError, PersistenceError) as error:
            self.log("warning", f"Fatal error loading the DB, check server logs. Exiting: {error}")
            self.exit_code = 1
            self._close()
            return
        if self.clustering is not None:
            await self.clustering.start()
        resume_stream(self.services)
        if listening_port(self.config):
            self.log("notice", "Ready to accept connections")
        if self.config["unixsocket"]:
            self.log("notice", f"The server is now ready to accept connections at {self.config['unixsocket']}")
        self._supervisor.ready(replica=bool(self.config["replicaof"]))
        collector = Collector(lambda: self.services.stats.commands_processed)
        collector.start()
        self.services.cron.append(collector.round)
        await ended.wait()
        self._close()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _signalled(self, number: signal.Signals) -> None:
        shutdown = self.services.shutdown
        if shutdown.signalled and number == signal.SIGINT:
            self.log("warning", "You insist... exiting now.")
            self._remove_pid_file()
            os._exit(1)
        shutdown.signalled = True
        self.log("warning", f"Received {number.name} scheduling shutdown...")
        how = self.config["shutdown-on-sigint" if number == signal.SIGINT else "shutdown-on-sigterm"]
        save = True if "save" in how else False if "nosave" in how else None
        try:
            shutdown.begin(save, force="force" in how, now="now" in how)
        except ReplyError:
            self.log("warning", f"{number.name} received but errors trying to shut down the server")

    def _close(self) -> None:
        self._supervisor.stopping()
        self.cron.stop()
        if self.clustering is not None:
            self.clustering.stop()
        self.services.upstream.stop()
        self.services.primary.spread()
        self.listener.close()
        for client in list(self.services.clients.values()):
            client.link.close(after_reply=True)
        self.services.scheduler.close()
        self._remove_pid_file()
        self.log("warning", "Redis is now ready to exit, bye bye...")

    def _remove_pid_file(self) -> None:
        if self._pid_file:
            self.log("notice", "Removing the pid file.")
            process.remove_file(self._pid_file)


def build_services(config: Registry, log: Log | None = None) -> Services:
    """Everything that commands share."""
    log = log or Log(config)
    events = KeyspaceEvents()
    table = build_table()
    for old, new in config.renames:
        table.rename(old, new)
    services = Services(
        config=config,
        table=table,
        databases=[Database(i, events) for i in range(config["databases"])],
        events=events,
        journal=Journal(),
        stats=ServerStats(),
        clients={},
        scheduler=Scheduler(),
        loader=BackendLoader(log=log),
        call=call,
        log=log,
        run_id=os.urandom(20).hex(),
    )
    services.shutdown = Ending(services)
    pubsub.hub(services)
    services.saver.functions = partial(functions.dump_code, services)
    ai_config.follow_config(services)
    install_guard(services)
    install_keyspace_options(services)
    install_persistence(services)
    services.cron.append(partial(expire_keys, services))
    load_users(services)
    return services


def expire_keys(services: Services) -> None:
    """Active expiry, unless DEBUG SET-ACTIVE-EXPIRE has switched it off; a replica leaves it to its primary."""
    if loading_state(services).active:
        return
    if services.events.expiry == "delete" and services.extra.get("active-expire", True):
        active_expire_cycle(services.databases, clock.now_ms(), services.config["active-expire-effort"])


def check_output(client: Client) -> None:
    """Close a client that is over its output limit."""
    if isinstance(client.link, Connection):
        client.link.check_output()


def listening_port(config: Registry) -> int:
    """The port that the log names: `port`, or where there is none `tls-port`."""
    return int(config["port"] or config["tls-port"])


def banner(config: Registry, log: Log, loop: str) -> None:
    """What the log says at the start."""
    python = ".".join(map(str, sys.version_info[:3]))
    log("warning", "pyredisai is starting", "C")
    log(
        "warning",
        f"pyredisai version={__version__}, Redis version={REDIS_VERSION}, Python={python}, build={BUILD}, loop={loop},"
        f" pid={os.getpid()}, just started",
        "C",
    )
    if config.config_file:
        log("warning", "Configuration loaded", "C")
    else:
        log("warning", "No config file specified, using the default config", "C")
    found = ", ".join(f"{name} {version}" for name, version in installed().items())
    log("notice", f"Backends installed: {found or 'none'}")
    mode = "cluster" if config["cluster-enabled"] else "standalone"
    port = listening_port(config)
    if config["always-show-logo"] or (not (config["syslog-enabled"] or config["logfile"]) and os.isatty(1)):
        log.raw(LOGO.format(version=__version__, redis=REDIS_VERSION, mode=mode, port=config["port"], pid=os.getpid()))
    else:
        log("notice", f"Running mode={mode}, port={port}.")


def run(config: Registry) -> int:
    """The life of the process; returns its exit code."""
    log = Log(config)
    supervisor = Supervisor()
    supervisor.find(config["supervised"], log)
    pid_file: str = config["pidfile"]
    if config["daemonize"] and supervisor.kind == "no":
        process.daemonize()
        pid_file = pid_file or process.DEFAULT_PID_FILE
    process.tune_memory()
    if config["disable-thp"] and not process.disable_huge_pages():
        log("warning", "Transparent huge pages cannot be disabled for this process.")
    name, factory = process.loop_factory()
    banner(config, log, name)
    OomScore(config, log)
    try:
        application = Application(config, log, supervisor, pid_file)
        application.open()
    except ListenError as error:
        log("warning", str(error))
        return 1
    except ConfigError:
        return 1
    if pid_file:
        process.write_pid_file(pid_file)
    return _serve(application, factory)


def _serve(application: Application, factory: Callable[[], asyncio.AbstractEventLoop]) -> int:
    """What concerns the process as a whole, and the loop; returns the exit code."""
    services, log = application.services, application.log
    ProcessTitle(services.config)
    reports = CrashReports(services.config, log)
    services.cron.append(reports.round)
    install_affinity(services)
    log("warning", "Server initialized")
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(application.serve())
    except Exception:
        log("warning", "The server ends because of an error:\n" + traceback.format_exc())
        return 1
    finally:
        reports.stop()
    return application.exit_code or services.exit_code
