"""Sections of INFO about the server itself. Field names and their order are those of Redis 7.0.

Fields that describe parts of the C server that have no counterpart here (jemalloc, io-threads, forks) are left out, or
show the value that says so.
"""

from __future__ import annotations

import os
import resource
import sys

from pyredisai import __version__, clock
from pyredisai.build import BUILD
from pyredisai.commands.client_memory import client_peaks, clients_memory
from pyredisai.commands.context import Services
from pyredisai.commands.functions import dump_code, libraries
from pyredisai.commands.info.rates import rates
from pyredisai.commands.loading import loading_state
from pyredisai.commands.memory_watch import memory_watch
from pyredisai.commands.module_info import REDIS_VERSION
from pyredisai.commands.scripting import scripts


def human(size: float) -> str:
    """Bytes with a unit, as Redis shows them."""
    if size < 1024:
        return f"{int(size)}B"
    for unit in "KMGTP":
        size /= 1024
        if size < 1024 or unit == "P":
            break
    return f"{size:.2f}{unit}"


def server(services: Services) -> dict[str, object]:
    """Who this is."""
    config = services.config
    now = clock.now_us()
    uptime = now // 1_000_000 - services.started_ms // 1000
    return {
        "redis_version": REDIS_VERSION,
        "redis_git_sha1": "00000000",
        "redis_git_dirty": 0,
        "redis_build_id": "0" * 16,
        "redis_mode": "cluster" if config["cluster-enabled"] else "standalone",
        "os": "{0.sysname} {0.release} {0.machine}".format(os.uname()),
        "arch_bits": 64 if sys.maxsize > 2**32 else 32,
        "monotonic_clock": "POSIX clock_gettime",
        "multiplexing_api": services.extra.get("event-loop", "asyncio"),
        "atomicvar_api": "python-gil",
        "gcc_version": "0.0.0",
        "process_id": os.getpid(),
        "process_supervised": services.extra.get("supervised", "no"),
        "run_id": services.run_id,
        "tcp_port": config["port"] or config["tls-port"],
        "server_time_usec": now,
        "uptime_in_seconds": uptime,
        "uptime_in_days": uptime // 86400,
        "hz": services.hz,
        "configured_hz": config["hz"],
        "lru_clock": now // 1_000_000 & 0xFFFFFF,
        "executable": os.path.realpath(sys.executable),
        "config_file": config.config_file,
        "io_threads_active": 0,
        **({"shutdown_in_milliseconds": left_ms} if (left_ms := services.shutdown.left_ms) >= 0 else {}),
        "pyredisai_version": __version__,
        "pyredisai_build": BUILD,
        "python_version": ".".join(map(str, sys.version_info[:3])),
    }


def clients(services: Services) -> dict[str, object]:
    """Connections."""
    everyone, peaks = services.clients.values(), client_peaks(services)
    return {
        "connected_clients": len(everyone),
        "cluster_connections": len(services.bus.links) if services.bus is not None else 0,
        "maxclients": services.config["maxclients"],
        "client_recent_max_input_buffer": peaks.input,
        "client_recent_max_output_buffer": peaks.output,
        "blocked_clients": sum(c.blocked or c.held for c in everyone),
        "tracking_clients": sum(c.tracking is not None for c in everyone),
        "clients_in_timeout_table": sum(c.waiting is not None and c.waiting.timed for c in everyone),
    }


def memory(services: Services) -> dict[str, object]:
    """Memory of the process, and what may be used."""
    watch = memory_watch(services)
    used = watch.sample()
    dataset = max(0, used - watch.startup)
    limit = services.config["maxmemory"]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    replicas = sum(peer.outlet.output_buffered() for peer in services.primary.peers)
    backlog = services.primary.history.backlog
    return {
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_rss": watch.rss,
        "used_memory_rss_human": human(watch.rss),
        "used_memory_peak": watch.peak,
        "used_memory_peak_human": human(watch.peak),
        "used_memory_peak_perc": f"{100 * used / max(1, watch.peak):.2f}%",
        "used_memory_overhead": used - dataset,
        "used_memory_startup": watch.startup,
        "used_memory_dataset": dataset,
        "used_memory_dataset_perc": f"{100 * dataset / max(1, used):.2f}%",
        "total_system_memory": total,
        "total_system_memory_human": human(total),
        **script_memory(services),
        "maxmemory": limit,
        "maxmemory_human": human(limit),
        "maxmemory_policy": services.config["maxmemory-policy"],
        "mem_fragmentation_ratio": f"{watch.rss / max(1, used):.2f}",
        "mem_fragmentation_bytes": watch.rss - used,
        "mem_not_counted_for_evict": 0,
        "mem_replication_backlog": backlog.length if backlog is not None else 0,
        "mem_total_replication_buffers": (backlog.length if backlog is not None else 0) + replicas,
        "mem_clients_slaves": replicas,
        "mem_clients_normal": clients_memory(services.clients.values()),
        "mem_cluster_links": services.bus.buffered if services.bus is not None else 0,
        "mem_aof_buffer": services.append_log.waiting,
        "mem_allocator": "libc",
        "active_defrag_running": 0,
        "lazyfree_pending_objects": services.freeing.pending,
        "lazyfreed_objects": services.freeing.freed,
    }


def script_memory(services: Services) -> dict[str, object]:
    """What scripts and functions take: their runtimes, and their sources."""
    evaluated, libs = scripts(services), libraries(services)
    vm = [state.world.memory if state.world is not None else 0 for state in (evaluated, libs)]
    sources = [sum(len(s.body) for s in evaluated.by_sha.values()), sum(len(c) for c in dump_code(services))]
    return {
        "used_memory_lua": vm[0],
        "used_memory_vm_eval": vm[0],
        "used_memory_lua_human": human(vm[0]),
        "used_memory_scripts_eval": sources[0],
        "number_of_cached_scripts": len(evaluated.by_sha),
        "number_of_functions": len(libs.functions),
        "number_of_libraries": len(libs.by_name),
        "used_memory_vm_functions": vm[1],
        "used_memory_vm_total": sum(vm),
        "used_memory_vm_total_human": human(sum(vm)),
        "used_memory_functions": sources[1],
        "used_memory_scripts": sum(sources),
        "used_memory_scripts_human": human(sum(sources)),
    }


def persistence(services: Services) -> dict[str, object]:
    """Snapshots and the append-only file; what does not exist yet reports that nothing was done."""
    saver, log = services.saver, services.append_log
    loads = loading_state(services)
    return {
        "loading": int(loads.active),
        "async_loading": 0,
        "current_cow_peak": 0,
        "current_cow_size": 0,
        "current_cow_size_age": 0,
        "current_fork_perc": f"{saver.percent:.2f}",
        "current_save_keys_processed": saver.keys_done if saver.snapshot else 0,
        "current_save_keys_total": saver.snapshot.keys if saver.snapshot else 0,
        "rdb_changes_since_last_save": services.events.dirty,
        "rdb_bgsave_in_progress": int(saver.snapshot is not None),
        "rdb_last_save_time": saver.last_save_s,
        "rdb_last_bgsave_status": "ok" if saver.last_ok else "err",
        "rdb_last_bgsave_time_sec": saver.last_took_s,
        "rdb_current_bgsave_time_sec": saver.running_s,
        "rdb_saves": saver.saves,
        "rdb_last_cow_size": 0,
        "rdb_last_load_keys_expired": loads.progress.expired,
        "rdb_last_load_keys_loaded": loads.progress.keys,
        "aof_enabled": int(log.wanted),
        "aof_rewrite_in_progress": int(log.snapshot is not None),
        "aof_rewrite_scheduled": int(log.scheduled),
        "aof_last_rewrite_time_sec": log.rewrite_took_s,
        "aof_current_rewrite_time_sec": log.running_s,
        "aof_last_bgrewrite_status": "ok" if log.rewrite_ok else "err",
        "aof_rewrites": log.rewrites,
        "aof_rewrites_consecutive_failures": log.rewrite_failures,
        "aof_last_write_status": "ok" if log.ok else "err",
        "aof_last_cow_size": 0,
        "module_fork_in_progress": 0,
        "module_fork_last_cow_size": 0,
        **(log.info() if log.wanted else {}),
        **loads.info(),
        **services.extra.get("info-persistence", dict)(),
    }


def stats(services: Services) -> dict[str, object]:
    """What was counted since the start or CONFIG RESETSTAT."""
    counted = services.stats
    pubsub, tracking = services.extra.get("pubsub"), services.guard.tracking
    now = rates(services)
    syncs = services.primary.stats
    return {
        "total_connections_received": counted.connections_received,
        "total_commands_processed": counted.commands_processed,
        "instantaneous_ops_per_sec": round(now.operations),
        "total_net_input_bytes": counted.net_input_bytes,
        "total_net_output_bytes": counted.net_output_bytes,
        "total_net_repl_input_bytes": syncs.input_bytes,
        "total_net_repl_output_bytes": syncs.output_bytes,
        "instantaneous_input_kbps": f"{now.input_bytes / 1024:.2f}",
        "instantaneous_output_kbps": f"{now.output_bytes / 1024:.2f}",
        "instantaneous_input_repl_kbps": f"{now.replication_input_bytes / 1024:.2f}",
        "instantaneous_output_repl_kbps": f"{now.replication_output_bytes / 1024:.2f}",
        "rejected_connections": counted.rejected_connections,
        "sync_full": syncs.full,
        "sync_partial_ok": syncs.partial,
        "sync_partial_err": syncs.partial_refused,
        "expired_keys": counted.expired_keys,
        "evicted_keys": counted.evicted_keys,
        "evicted_clients": counted.evicted_clients,
        "keyspace_hits": counted.keyspace_hits,
        "keyspace_misses": counted.keyspace_misses,
        "pubsub_channels": len(pubsub.channels) if pubsub else 0,
        "pubsub_patterns": len(pubsub.patterns) if pubsub else 0,
        "pubsubshard_channels": len(pubsub.shard_channels) if pubsub else 0,
        "latest_fork_usec": 0,
        "total_forks": 0,
        "migrate_cached_sockets": 0,
        "slave_expires_tracked_keys": 0,
        "tracking_total_keys": len(tracking.keys) if tracking else 0,
        "tracking_total_items": tracking.total_items if tracking else 0,
        "tracking_total_prefixes": len(tracking.prefixes) if tracking else 0,
        **services.extra.get("info-tracking", dict)(),
        "unexpected_error_replies": counted.unexpected_errors,
        "total_error_replies": counted.error_replies,
    }


def cpu(services: Services) -> dict[str, object]:
    """CPU seconds."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    thread = resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF))
    return {
        "used_cpu_sys": f"{own.ru_stime:.6f}",
        "used_cpu_user": f"{own.ru_utime:.6f}",
        "used_cpu_sys_children": f"{children.ru_stime:.6f}",
        "used_cpu_user_children": f"{children.ru_utime:.6f}",
        "used_cpu_sys_main_thread": f"{thread.ru_stime:.6f}",
        "used_cpu_user_main_thread": f"{thread.ru_utime:.6f}",
    }


def cluster(services: Services) -> dict[str, object]:
    """Whether this is a node of a cluster."""
    return {"cluster_enabled": int(services.config["cluster-enabled"])}


def keyspace(services: Services) -> dict[str, object]:
    """Databases that hold keys. The mean time to live is that of up to a hundred keys."""
    now = clock.now_ms()
    lines: dict[str, object] = {}
    for db in services.databases:
        if db.data:
            left = [when - now for when, _ in zip(db.expires.values(), range(100), strict=False) if when > now]
            average = sum(left) // len(left) if left else 0
            lines[f"db{db.index}"] = f"keys={len(db.data)},expires={len(db.expires)},avg_ttl={average}"
    return lines
