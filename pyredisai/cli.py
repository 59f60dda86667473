"""The command line: argv and conf file to settings, then the running server. (First, simple form.)"""

from __future__ import annotations

import asyncio
import sys

from pyredisai.config.registry import Registry
from pyredisai.server.app import serve


def main() -> None:
    """Entry point of pyredisai-server."""
    argv = sys.argv[1:]
    values = {}
    if "--port" in argv:
        values["port"] = int(argv[argv.index("--port") + 1])
    asyncio.run(serve(Registry(values)))
