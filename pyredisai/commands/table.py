"""The table of all commands: the one place that knows every family."""

from __future__ import annotations

from pyredisai.commands import (
    bitfield,
    bitmaps,
    clients,
    cluster,
    config,
    connection,
    counters,
    debug,
    encoding,
    expire,
    functions,
    hashes,
    introspection,
    keys,
    latency,
    lcs,
    list_moves,
    list_parts,
    lists,
    memory,
    module,
    monitor,
    persistence,
    pubsub,
    scan,
    scripting,
    server,
    sets,
    slowlog,
    sort,
    strings,
    substrings,
    tracking,
    transactions,
)
from pyredisai.commands.acl import commands as acl
from pyredisai.commands.ai import config as ai_config
from pyredisai.commands.ai import dags, deprecated, info, models, scripts, tensors
from pyredisai.commands.info import report
from pyredisai.commands.spec import Family, Table

FAMILIES: tuple[Family, ...] = (
    connection.family,
    keys.family,
    persistence.keys_family,
    persistence.family,
    expire.family,
    scan.family,
    encoding.family,
    strings.family,
    substrings.family,
    counters.family,
    lcs.family,
    bitmaps.family,
    bitfield.family,
    hashes.family,
    lists.family,
    list_parts.family,
    list_moves.family,
    sets.family,
    sort.family,
    transactions.family,
    pubsub.family,
    tracking.family,
    scripting.family,
    functions.family,
    tensors.family,
    models.family,
    scripts.family,
    dags.family,
    deprecated.family,
    info.family,
    clients.family,
    monitor.family,
    acl.family,
    config.family,
    module.family,
    ai_config.family,
    introspection.family,
    server.family,
    report.family,
    slowlog.family,
    latency.family,
    memory.family,
    debug.family,
    cluster.family,
)


def build_table() -> Table:
    """A fresh table."""
    return Table(FAMILIES)
