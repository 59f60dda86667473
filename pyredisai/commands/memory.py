"""MEMORY and its subcommands."""

from __future__ import annotations

import gc

from pyredisai.commands.args import parse_int
from pyredisai.commands.client_memory import clients_memory
from pyredisai.commands.context import Context
from pyredisai.commands.info.server_sections import script_memory
from pyredisai.commands.memory_usage import value_size
from pyredisai.commands.memory_watch import memory_watch
from pyredisai.commands.spec import Args, Family
from pyredisai.errors import ReplyError, texts
from pyredisai.resp.replies import OK, Reply, Verbatim

family = Family("server")

_REPORT = ("nondeterministic_output", "request_policy:all_shards", "response_policy:special")

family.add("memory", None, arity=-2, since="4.0.0", summary="Commands about memory.")


@family.command(
    "memory|usage",
    arity=-3,
    flags="readonly",
    keys=(2, 2, 1),
    key_flags="RO",
    since="4.0.0",
    syntax="key [SAMPLES count]",
    summary="Bytes that a key takes.",
    complexity="O(N), the number of samples",
)
def memory_usage(ctx: Context, args: Args) -> Reply:
    """MEMORY USAGE key [SAMPLES count]; 0 samples measure all elements."""
    samples = 5
    for at in range(3, len(args), 2):
        if args[at].lower() != b"samples" or at + 1 == len(args):
            raise ReplyError(texts.SYNTAX)
        samples = parse_int(args[at + 1])
        if samples < 0:
            raise ReplyError(texts.SYNTAX)
    value = ctx.db.peek(args[2])
    return None if value is None else value_size(args[2], value, samples)


@family.command("memory|doctor", arity=2, since="4.0.0", summary="What the figures say.", tips=_REPORT)
def memory_doctor(ctx: Context, args: Args) -> Reply:
    """MEMORY DOCTOR."""
    watch = memory_watch(ctx.server)
    used = watch.sample()
    limit = ctx.server.config["maxmemory"]
    lines = [f"{used} bytes are used, {used - watch.startup} of them since the start; the peak was {watch.peak}."]
    if limit and used > limit:
        lines.append(f"That is more than maxmemory ({limit}): writes evict keys, or are refused.")
    if watch.rss > 1.5 * used and watch.rss - used > 10 << 20:
        lines.append(f"The allocator keeps {watch.rss - used} bytes that nobody uses: MEMORY PURGE gives them back.")
    waiting = sum(client.link.output_buffered() for client in ctx.server.clients.values())
    if waiting > 10 << 20:
        lines.append(f"{waiting} bytes of replies wait for clients that do not read.")
    return Verbatim(("\n".join(lines) + "\n").encode())


@family.command("memory|stats", arity=2, since="4.0.0", summary="Figures of memory use.", tips=_REPORT)
def memory_stats(ctx: Context, args: Args) -> Reply:
    """MEMORY STATS."""
    server = ctx.server
    watch = memory_watch(server)
    used = watch.sample()
    backlog = server.primary.history.backlog
    caches = script_memory(server)
    keys = sum(len(db.data) for db in server.databases)
    dataset = max(0, used - watch.startup)
    per_db: dict[Reply, Reply] = {
        f"db.{db.index}": {
            b"overhead.hashtable.main": db.data.__sizeof__(),
            b"overhead.hashtable.expires": db.expires.__sizeof__(),
            b"overhead.hashtable.slot-to-keys": 0,
        }
        for db in server.databases
        if db.data
    }
    return {
        b"peak.allocated": watch.peak,
        b"total.allocated": used,
        b"startup.allocated": watch.startup,
        b"replication.backlog": backlog.length if backlog is not None else 0,
        b"clients.slaves": sum(peer.outlet.output_buffered() for peer in server.primary.peers),
        b"clients.normal": clients_memory(server.clients.values()),
        b"cluster.links": server.bus.buffered if server.bus is not None else 0,
        b"aof.buffer": server.append_log.waiting,
        b"lua.caches": caches["used_memory_scripts_eval"],
        b"functions.caches": caches["used_memory_functions"],
        **per_db,
        b"overhead.total": used - dataset,
        b"keys.count": keys,
        b"keys.bytes-per-key": dataset // keys if keys else 0,
        b"dataset.bytes": dataset,
        b"dataset.percentage": 100.0 * dataset / max(1, used),
        b"peak.percentage": 100.0 * used / max(1, watch.peak),
        b"fragmentation": watch.rss / max(1, used),
        b"fragmentation.bytes": watch.rss - used,
    }


@family.command("memory|malloc-stats", arity=2, since="4.0.0", summary="What the allocator says.", tips=_REPORT)
def memory_malloc_stats(ctx: Context, args: Args) -> Reply:
    """MEMORY MALLOC-STATS: the process' figures, the C library's allocator keeps no report."""
    watch = memory_watch(ctx.server)
    used = watch.sample()
    text = f"allocator: libc\nresident: {watch.rss}\nused: {used}\nfree in the allocator: {watch.rss - used}\n"
    return Verbatim(text.encode())


@family.command(
    "memory|purge",
    arity=2,
    since="4.0.0",
    summary="Give unused memory back to the system.",
    tips=("request_policy:all_shards", "response_policy:all_succeeded"),
)
def memory_purge(ctx: Context, args: Args) -> Reply:
    """MEMORY PURGE."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    watch = memory_watch(ctx.server)
    watch.allocator.trim()
    watch.sample()
    return OK


family.help("memory", since="4.0.0")
