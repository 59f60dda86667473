"""The project's exceptions, and nothing else; the reply texts stand in `texts` and `ai_texts`.

PyRedisAIError
├── ReplyError        becomes an error reply; raised anywhere on the loop, caught once in dispatch
├── ProtocolError     the client broke RESP: one error reply, then the connection is closed
├── ConfigError       a configuration value or file that the start or CONFIG SET refuses
├── BackendError      a framework failed; carries the first line of what it said
│   └── BackendMissing    the framework is not installed; names the pip command
├── RunTimeout        a run was stopped by MODEL_EXECUTION_TIMEOUT
└── PersistenceError  an RDB or AOF file or a DUMP payload cannot be read
"""

from __future__ import annotations


class PyRedisAIError(Exception):
    """Base of every error that pyredisai raises on purpose."""


class ReplyError(PyRedisAIError):
    """An error reply. `text` is the whole line after `-`, its code included (`ERR syntax error`)."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ProtocolError(PyRedisAIError):
    """A request that is no RESP. `text` follows `ERR Protocol error: ` in the reply."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class ConfigError(PyRedisAIError):
    """A configuration directive or value that is refused; the message is the reason."""


class BackendError(PyRedisAIError):
    """A framework refused a model or failed in a run; the message is one line."""


class BackendMissing(BackendError):
    """The framework is not installed; the message names the pip command that installs it."""


class RunTimeout(PyRedisAIError):
    """A run was terminated because it took longer than MODEL_EXECUTION_TIMEOUT."""


class PersistenceError(PyRedisAIError):
    """A file or payload that cannot be read: cut off, corrupt, or of a format that is not known."""
