"""Every parameter of redis-server 7.0, with the bounds and defaults that the real server shows.

One row is one parameter; `registry`, CONFIG, the conf file, redisai.conf.example, --help and the docs read this table.
The rows about connections are in `connection_params`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyredisai.config.compound import Directory, EventClasses, OomScores, Percentiles, Save, SignalOptions
from pyredisai.config.connection_params import CONNECTION_GROUPS
from pyredisai.config.param import FileDirective, Param
from pyredisai.config.rows import BOOL, COUNT, CPUS, LONG, PATH, SIZE, A, Row, row
from pyredisai.config.types import (
    INT_MAX,
    LLONG_MAX,
    ULLONG_MAX,
    Enum,
    Int,
    Memory,
    SwitchedOff,
    Text,
    bare_name,
    title_template,
)
from pyredisai.errors import config_texts as texts

PERMISSION = Enum("no", "yes", "local")
SIGNAL = SignalOptions("default", "save", "nosave", "now", "force")

GROUPS: Final[dict[str, tuple[Row, ...]]] = CONNECTION_GROUPS | {
    "general": (
        row("daemonize", BOOL, "no", "Run in the background.", runtime=False),
        row(
            "supervised",
            Enum("upstart", "systemd", "auto", "no"),
            "no",
            "Tell a supervisor of start and end; the server then stays in the foreground.",
            runtime=False,
        ),
        row("pidfile", PATH, "", "File that holds the process id.", runtime=False),
        row("loglevel", Enum("debug", "verbose", "notice", "warning"), "notice", "Least level that is logged."),
        row("logfile", PATH, "", "File of the log; empty is the standard output.", runtime=False),
        row("syslog-enabled", BOOL, "no", "Log to syslog as well.", runtime=False),
        row("syslog-ident", Text(), "redis", "Identity in syslog.", runtime=False),
        row(
            "syslog-facility",
            Enum("user", *(f"local{number}" for number in range(8))),
            "local0",
            "Facility in syslog.",
            runtime=False,
        ),
        row("crash-log-enabled", BOOL, "yes", "Log the stacks of all threads at a crash."),
        row("crash-memcheck-enabled", BOOL, "yes", "Test memory after a crash; here --test-memory does.", A),
        row("databases", Int(1, INT_MAX), "16", "Number of databases.", runtime=False),
        row("always-show-logo", BOOL, "no", "Show the logo in any log, not only on a terminal.", runtime=False),
        row("set-proc-title", BOOL, "yes", "Show what `ps` shows by proc-title-template.", runtime=False),
        row(
            "proc-title-template",
            Text("text with {variables}", title_template),
            "{title} {listen-addr} {server-mode}",
            "What `ps` shows, cut at the length of the command line as it was typed.",
        ),
        row("enable-protected-configs", PERMISSION, "no", "Who may CONFIG SET dir and dbfilename.", runtime=False),
        row("enable-debug-command", PERMISSION, "no", "Who may use DEBUG.", runtime=False),
        row(
            "enable-module-command",
            PERMISSION,
            "local",
            "Who may use MODULE LOAD, AI.CONFIG LOADBACKEND and AI.CONFIG BACKENDSPATH, which import code. Redis: no.",
            runtime=False,
        ),
        row(
            "ignore-warnings",
            Text(),
            "",
            "Warnings of the kernel not to heed; they concern a fork, and nothing is forked here.",
            A,
        ),
        row("watchdog-period", COUNT, "0", "Milliseconds after which it logs where it hangs; 0 never.", hidden=True),
        row("use-exit-on-panic", BOOL, "no", "Exit in place of abort; always so here.", A, hidden=True),
    ),
    "snapshots": (
        row("save", Save(), "3600 1 300 100 60 10000", "Save after so many seconds and changes."),
        row("stop-writes-on-bgsave-error", BOOL, "yes", "Refuse writes while snapshots fail."),
        row("rdbcompression", BOOL, "yes", "Compress strings in snapshots."),
        row("rdbchecksum", BOOL, "yes", "End snapshots with a checksum.", runtime=False),
        row(
            "sanitize-dump-payload",
            Enum("no", "yes", "clients"),
            "no",
            "Check values that are restored in full (always done).",
            A,
        ),
        row(
            "dbfilename",
            Text("file name", bare_name("dbfilename", may_be_empty=True), keep_empty=True),
            "dump.rdb",
            "Name of the snapshot in dir.",
            protected_by="enable-protected-configs",
        ),
        row("rdb-del-sync-files", BOOL, "no", "Snapshots made for replication are always deleted here.", A),
        row("dir", Directory(), ".", "Working directory.", protected_by="enable-protected-configs"),
        row("rdb-save-incremental-fsync", BOOL, "yes", "Sync snapshots while they are written."),
        row(
            "rdb-key-save-delay",
            Int(-(2**31), INT_MAX),
            "0",
            "Microseconds to wait after each key saved.",
            hidden=True,
        ),
        row("key-load-delay", Int(-(2**31), INT_MAX), "0", "Microseconds to wait after each key loaded.", hidden=True),
        row(
            "loading-process-events-interval-bytes",
            Int(1024, INT_MAX),
            "2097152",
            "Bytes loaded between two looks at clients; here it is 10 ms.",
            A,
            hidden=True,
        ),
    ),
    "memory": (
        row("maxmemory", Memory(0, ULLONG_MAX), "0", "Memory beyond which writes evict or fail; 0 no limit."),
        row(
            "maxmemory-policy",
            Enum(
                *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
                *("allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
            ),
            "noeviction",
            "What is evicted beyond maxmemory.",
        ),
        row("maxmemory-samples", Int(1, INT_MAX), "5", "Keys looked at for each eviction."),
        row(
            "maxmemory-eviction-tenacity",
            Int(0, 100),
            "10",
            "How long eviction may keep a command waiting: 10 is 0.5 ms, 100 any time.",
        ),
        row("replica-ignore-maxmemory", BOOL, "yes", "Replicas do not evict.", alias="slave-ignore-maxmemory"),
        row("lfu-log-factor", COUNT, "10", "How slowly a key's counter of use rises (LFU); 0: with each use."),
        row("lfu-decay-time", COUNT, "1", "Minutes without use for which the counter falls by one; 0: never."),
        row("active-expire-effort", Int(1, 10), "1", "Milliseconds for each search of a database for expired keys."),
        row("lazyfree-lazy-eviction", BOOL, "no", "Free big evicted values between later commands."),
        row("lazyfree-lazy-expire", BOOL, "no", "Free big expired values between later commands."),
        row("lazyfree-lazy-server-del", BOOL, "no", "Free big overwritten values between later commands."),
        row("lazyfree-lazy-user-del", BOOL, "no", "DEL frees big values between later commands, as UNLINK does."),
        row("lazyfree-lazy-user-flush", BOOL, "no", "FLUSHALL and FLUSHDB without SYNC free between later commands."),
        row("replica-lazy-flush", BOOL, "no", "A replica frees what it had in slices.", alias="slave-lazy-flush"),
        row("oom-score-adj", Enum("no", "yes", "relative", "absolute"), "no", "Guide the kernel's OOM killer."),
        row(
            "oom-score-adj-values",
            OomScores(),
            "0 200 800",
            "Scores of primary and replica; there are no background children here.",
        ),
        row("disable-thp", BOOL, "yes", "No transparent huge pages where the system has them always.", runtime=False),
    ),
    "append only file": (
        row("appendonly", BOOL, "no", "Keep a log of all writes."),
        row(
            "appendfilename",
            Text("file name", bare_name("appendfilename")),
            "appendonly.aof",
            "Its base name.",
            runtime=False,
        ),
        row(
            "appenddirname",
            Text("directory name", bare_name("appenddirname", "dirname")),
            "appendonlydir",
            "Its directory in dir.",
            runtime=False,
        ),
        row("appendfsync", Enum("everysec", "always", "no"), "everysec", "When it is synced to disk."),
        row("no-appendfsync-on-rewrite", BOOL, "no", "Do not sync while a snapshot is written."),
        row("auto-aof-rewrite-percentage", COUNT, "100", "Growth that starts a rewrite."),
        row("auto-aof-rewrite-min-size", SIZE, "64mb", "Size below which none starts."),
        row("aof-load-truncated", BOOL, "yes", "Load a log that ends too early."),
        row("aof-use-rdb-preamble", BOOL, "yes", "Rewrite to a snapshot."),
        row(
            "aof-timestamp-enabled",
            BOOL,
            "no",
            "Write times into the log, to cut it back to one.",
        ),
        row("aof-rewrite-incremental-fsync", BOOL, "yes", "Sync a rewrite while it is written."),
        row("aof-disable-auto-gc", BOOL, "no", "Keep the files that a rewrite has replaced."),
    ),
    "shutdown": (
        row("shutdown-timeout", COUNT, "10", "Seconds that SHUTDOWN waits for replicas; 0: not at all."),
        row("shutdown-on-sigint", SIGNAL, "default", "How SIGINT shuts down."),
        row("shutdown-on-sigterm", SIGNAL, "default", "How SIGTERM shuts down."),
    ),
    "scripting": (
        row(
            "busy-reply-threshold",
            LONG,
            "5000",
            "Milliseconds after which a script is slow.",
            alias="lua-time-limit",
        ),
    ),
    "slow log and latency": (
        row("slowlog-log-slower-than", Int(-1, LLONG_MAX), "10000", "Microseconds that make a command slow; -1 none."),
        row("slowlog-max-len", LONG, "128", "Entries of the slow log."),
        row("latency-monitor-threshold", LONG, "0", "Milliseconds that make an event slow; 0 watches none."),
        row("latency-tracking", BOOL, "yes", "Keep latencies by command."),
        row("latency-tracking-info-percentiles", Percentiles(), "50 99 99.9", "What INFO shows of them."),
    ),
    "events": (row("notify-keyspace-events", EventClasses(), "", "Classes of keyspace events that are published."),),
    "advanced": (
        row(
            "hash-max-listpack-entries",
            LONG,
            "512",
            "Most fields of a hash whose OBJECT ENCODING is listpack.",
            alias="hash-max-ziplist-entries",
        ),
        row(
            "hash-max-listpack-value",
            SIZE,
            "64",
            "Longest field or value of such a hash.",
            alias="hash-max-ziplist-value",
        ),
        row(
            "list-max-listpack-size",
            Int(-(2**31), INT_MAX),
            "-2",
            "Size of a node; here nodes are in RDB files only, of 8 kB.",
            A,
            alias="list-max-ziplist-size",
        ),
        row(
            "list-compress-depth", COUNT, "0", "Nodes at both ends that are not compressed; in memory none is here.", A
        ),
        row("set-max-intset-entries", LONG, "512", "Most members of a set whose OBJECT ENCODING is intset."),
        row(
            "zset-max-listpack-entries",
            LONG,
            "128",
            "Most members of a sorted set whose OBJECT ENCODING is listpack.",
            alias="zset-max-ziplist-entries",
        ),
        row(
            "zset-max-listpack-value",
            SIZE,
            "64",
            "Longest member of such a sorted set.",
            alias="zset-max-ziplist-value",
        ),
        row("hll-sparse-max-bytes", SIZE, "3000", "Largest compact form of a HyperLogLog."),
        row(
            "stream-node-max-bytes",
            SIZE,
            "4096",
            "Bytes at which a node of a stream is full: approximate trimming removes whole nodes.",
        ),
        row("stream-node-max-entries", LONG, "100", "Entries at which such a node is full."),
        row("activerehashing", BOOL, "yes", "Rehash in the background; the dictionaries here do it by themselves.", A),
        row("hz", Int(0, INT_MAX, clamp=(1, 500)), "10", "Background rounds a second."),
        row("dynamic-hz", BOOL, "yes", "More of them with more clients."),
        row("io-threads", Int(1, 128), "1", "Threads for I/O; here one thread does it.", A, runtime=False),
        row("io-threads-do-reads", BOOL, "no", "They read as well.", A, runtime=False),
        row(
            "jemalloc-bg-thread",
            BOOL,
            "yes",
            "The allocator cleans up in the background; there is no jemalloc here.",
            A,
        ),
        row("activedefrag", SwitchedOff(texts.NO_DEFRAGMENTATION), "no", "Defragment memory; needs jemalloc.", A),
        row("active-defrag-ignore-bytes", Memory(1, LLONG_MAX), "100mb", "Waste to ignore.", A),
        row("active-defrag-threshold-lower", Int(0, 1000), "10", "Waste to start at, percent.", A),
        row("active-defrag-threshold-upper", Int(0, 1000), "100", "Waste for full effort, percent.", A),
        row("active-defrag-cycle-min", Int(1, 99), "1", "Least effort, percent.", A),
        row("active-defrag-cycle-max", Int(1, 99), "25", "Most effort, percent.", A),
        row("active-defrag-max-scan-fields", Int(1, LLONG_MAX), "1000", "Fields handled at once.", A),
        row(
            "server_cpulist",
            CPUS,
            "",
            "CPUs of the main thread, short runs of models included; those of workers stay.",
            runtime=False,
        ),
        row(
            "bio_cpulist",
            CPUS,
            "",
            "CPUs of syncing to disk in the background.",
            runtime=False,
        ),
        row("aof_rewrite_cpulist", CPUS, "", "CPUs of AOF rewrites.", runtime=False),
        row(
            "bgsave_cpulist",
            CPUS,
            "",
            "CPUs of background snapshots, those for replicas included.",
            runtime=False,
        ),
    ),
}


def _params() -> Iterator[Param]:
    for group, rows in GROUPS.items():
        for name, kind, default, doc, effect, rest in rows:
            yield Param(name, kind, default, doc, effect, group=group, **rest)


SERVER_PARAMS: Final = tuple(_params())
FILE_DIRECTIVES: Final = (
    FileDirective("include", "include PATH", "Read another file here; PATH may hold * ? [ ].", "files and modules"),
    FileDirective(
        "loadmodule", "loadmodule PATH [OPT VAL …]", "Load a module; RedisAI's is built in.", "files and modules"
    ),
    FileDirective("rename-command", "rename-command NAME NEW", 'Rename a command; "" removes it.', "security"),
    FileDirective("user", "user NAME [RULE …]", "A user and its ACL rules.", "security"),
    FileDirective("sentinel", "sentinel …", "Refused: pyredisai is no sentinel.", "files and modules"),
)
# Words that Redis 7.0 still takes and ignores, each with one argument.
DEPRECATED: Final = frozenset({"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"})
