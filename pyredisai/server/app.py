"""The composition root: builds the rooms below; start, cron, shutdown."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial

from pyredisai.backends.loader import BackendLoader
from pyredisai.commands import pubsub
from pyredisai.commands.ai import config as ai_config
from pyredisai.commands.context import ServerStats, Services
from pyredisai.commands.table import build_table
from pyredisai.config.registry import Registry
from pyredisai.execution.scheduler import Scheduler
from pyredisai.journal import Journal
from pyredisai.keyspace.database import Database
from pyredisai.keyspace.events import KeyspaceEvents
from pyredisai.server.connection import Connection
from pyredisai.server.dispatch import call
from pyredisai.server.guarding import install_guard
from pyredisai.server.limits import Limits
from pyredisai.server.log import write_log


def build_services(config: Registry) -> Services:
    """Everything that commands share."""
    events = KeyspaceEvents()
    table = build_table()
    for old, new in config.renames:
        table.rename(old, new)
    log = partial(write_log, config)
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
        shutdown=lambda save: None,
        run_id=secrets.token_hex(20),
    )
    pubsub.hub(services)
    ai_config.follow_config(services)
    install_guard(services)
    return services


async def serve(config: Registry) -> None:
    """Listen until cancelled."""
    services = build_services(config)
    ai_config.preload_backends(services)
    limits = Limits(config)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(services, limits), hosts(config["bind"]), config["port"])
    async with server:
        await server.serve_forever()


def hosts(addresses: list[str]) -> list[str]:
    """The addresses of `bind` as sockets take them; a leading `-` (may be missing) is only dropped so far."""
    return [{"*": "0.0.0.0", "::*": "::"}.get(name, name) for name in (address.lstrip("-") for address in addresses)]
