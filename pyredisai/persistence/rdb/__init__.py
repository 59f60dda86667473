"""The RDB format: `reader` takes every version up to 7.2's apart, `writer` writes version 10 (Redis 7.0)."""
