"""The command line: entry point of pyredisai-server.

redis-server's grammar decides what the arguments mean (`server.startup`). What only prints (help, version) is in
`console`, a click command; a start does not import it.
"""

from __future__ import annotations

import gc
import sys

INFORMATION = frozenset({"-v", "--version", "-h", "--help", "--test-memory", "--check-system"})


def main() -> None:
    """Print what the first argument asks for, or serve."""
    argv = sys.argv[1:]
    if argv and argv[0] in INFORMATION:
        from pyredisai.console import inform

        inform(argv)
    else:
        gc.disable()  # until the server is up: a start makes next to no garbage, and looking for it costs a fifth
        from pyredisai.server.startup import configure, run

        run(configure(tuple(argv)))
