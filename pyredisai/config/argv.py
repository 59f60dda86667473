"""redis-server 7's command line: a conf file, `-` for the standard input, and options as lines of a conf file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from pyredisai.config.lines import quoted, split_line


class CommandLine(NamedTuple):
    """`options` is text for the conf file's parser, to be read after `file` (absolute) and the standard input."""

    file: str = ""
    stdin: bool = False
    options: str = ""


def parse_argv(argv: Sequence[str]) -> CommandLine:
    """What the arguments (without the program's name) say.

    An item that starts with `--` begins an option unless the option before it has no value yet; one that holds
    blanks (`--port 6380`) brings its value along. Everything else is a value and is quoted. `--save` may do without.
    """
    file = os.path.abspath(argv[0]) if argv and not argv[0].startswith("-") and argv[0] else ""
    first = 1 if argv and not argv[0].startswith("-") else 0
    lines: list[str] = []
    stdin, wants_value = False, False
    for at, item in enumerate(argv[first:], first):
        is_last = at == len(argv) - 1
        if item == "-" and (at == 0 or is_last):
            stdin = True
        elif item.startswith("--") and not wants_value:
            lines.append(item[2:] + " ")
            wants_value = len(split_line(item) or ()) == 1
            if wants_value and item.lower() == "--save" and (is_last or argv[at + 1].startswith("--")):
                lines[-1] += '""'
                wants_value = False
        else:
            lines[-1:] = [(lines[-1] if lines else "") + quoted(item) + " "]
            wants_value = False
    return CommandLine(file, stdin, "\n".join(lines))
