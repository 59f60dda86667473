"""set-proc-title: what `ps` shows of the process, written over the memory of its arguments (Linux).

The kernel shows what lies there. A title is cut where the arguments ended: behind them is the environment, which
stays as it is.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from pyredisai.config.registry import Registry

PROGRAM = "pyredisai-server"
_ARG_START, _ARG_END = 45, 46  # of /proc/self/stat, counted from the state, which follows the name in parentheses


class ProcessTitle:
    """Keeps the title as the configuration says. `write(title)` shows it."""

    def __init__(self, config: Registry, write: Callable[[bytes], None] | None = None) -> None:
        self._config = config
        self._program = program_name(sys.argv[0])
        self._write = write or argument_writer()
        if config["set-proc-title"]:
            config.watch("proc-title-template", self._show)

    def _show(self, template: str) -> None:
        self._write(os.fsencode(expand(template, self._config, self._program)))


def expand(template: str, config: Registry, program: str) -> str:
    """The title that a template makes."""
    bind, port, tls_port, path = config["bind"], config["port"], config["tls-port"], config["unixsocket"]
    host = bind[0] if bind else "*"
    shown = f"{host}:{port or tls_port}" if port or tls_port else f"unixsocket:{path}"
    values = {
        "title": program,
        "listen-addr": shown,
        "server-mode": "[cluster]" if config["cluster-enabled"] else "",
        "port": str(port),
        "tls-port": str(tls_port),
        "unixsocket": path,
        "config-file": config.config_file,
    }
    return re.sub(r"\{([^{}]*)\}", lambda match: values[match[1]], template).rstrip()


def program_name(argument: str) -> str:
    """The program as it was started; `python -m` has no name of its own."""
    return PROGRAM if os.path.basename(argument) == "__main__.py" else argument or PROGRAM


def argument_writer(proc: Path = Path("/proc/self")) -> Callable[[bytes], None]:
    """What writes a title over the arguments; it writes nothing where the system does not tell where they are."""
    try:
        fields = (proc / "stat").read_text("latin-1").rpartition(")")[2].split()
        start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
        arguments = (proc / "cmdline").read_bytes()
        if not 0 < start < end or ctypes.string_at(start, end - start) != arguments:
            return lambda title: None
    except (OSError, ValueError, IndexError):
        return lambda title: None
    room = end - start

    def write(title: bytes) -> None:
        ctypes.memmove(start, title[: room - 1].ljust(room, b"\0"), room)

    return write
