"""Redis with the RedisAI module, in pure Python."""

__version__ = "0.1.0"
REDIS_VERSION = "7.0.15"
