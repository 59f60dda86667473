"""The append-only file of Redis 7: a manifest, a base file, incremental files. `log` writes, `reading` reads."""
