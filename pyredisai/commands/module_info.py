"""The modules that the server reports: the AI module, which is built in and always there."""

from __future__ import annotations

from typing import NamedTuple

from pyredisai.commands.context import Services
from pyredisai.resp.replies import Reply

REDIS_VERSION = "7.0.15"
AI_MODULE_VERSION = 10207
REDISAI_VERSION = "1.2.7"


class ModuleInfo(NamedTuple):
    """One module. `path` and `args` are those of the `loadmodule` line, where there was one."""

    name: str
    version: int
    path: str
    args: tuple[str, ...] = ()

    def describe(self) -> Reply:
        """As MODULE LIST and HELLO show it."""
        return {b"name": self.name, b"ver": self.version, b"path": self.path, b"args": list(self.args)}


def loaded_modules(services: Services) -> list[ModuleInfo]:
    """Every module, in the order of loading."""
    module = services.config.module
    return [ModuleInfo("ai", AI_MODULE_VERSION, module.path, tuple(module.arguments))]
