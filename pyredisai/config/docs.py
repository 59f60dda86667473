"""What is written from the table of parameters: --help, redisai.conf.example, the tables of docs/configuration.md.

`python -m pyredisai.config.docs` brings both files in the working directory up to date; a test holds that they are.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from pyredisai.config.ai_params import AI_PARAMS
from pyredisai.config.compound import Directory
from pyredisai.config.param import EFFECTS, Param
from pyredisai.config.server_params import FILE_DIRECTIVES, SERVER_PARAMS

EXAMPLE: Final = "redisai.conf.example"
PAGE: Final = "docs/configuration.md"
_WIDTH: Final = 110
_HEAD: Final = """\
# Every directive of pyredisai, with its default. Directives are those of redis.conf 7.0; the AI module's stand first.
#
#     pyredisai-server /path/to/this/file [--name value ...]
#
# A line is a name and its values, divided by blanks. "Double quotes" hold blanks and the escapes \\n \\r \\t \\a \\b
# \\" \\\\ and \\xHH, 'single quotes' hold anything but themselves (\\'). Lines that start with # are comments. Later
# lines win; the command line is read last. Memory is in bytes or has a unit: 1k = 1000, 1kb = 1024, so too m mb g gb.
"""
_MODULE: Final = """\
# The module is built in. A loadmodule line gives its options; PATH need not exist, but its base name must be redisai.so
# or redisai, or it is a directory; BACKENDSPATH is by default the directory `backends` beside it.
#
#     loadmodule /usr/lib/redis/modules/redisai.so THREADS_PER_QUEUE 4 INTRA_OP_PARALLELISM 1
#
# The same options may be written as directives of their own, which are read after it:"""


def default_of(param: Param) -> str:
    """The default as it is shown to people."""
    return param.shown_default or param.default or '""'


def when(param: Param) -> str:
    """When the parameter can be set."""
    if not param.runtime:
        return "at start only"
    return f"at run time, by clients that {param.protected_by} permits" if param.protected_by else "at run time"


def usage(program: str) -> str:
    """The text of --help."""
    width = max(len(param.option) for param in AI_PARAMS)
    options = "\n".join(
        f"  {param.option:{width}}  {param.doc}\n  {'':{width}}  {param.type.domain()}; default {default_of(param)}; "
        f"{when(param)}; CONFIG name {param.name}"
        for param in AI_PARAMS
    )
    return f"""Usage: {program} [/path/to/redis.conf | -] [--name value…]… [-]
       {program} -v | --version
       {program} -h | --help
       {program} --test-memory MEGABYTES
       {program} --check-system

A name is any directive of redis.conf (redisai.conf.example lists all); `-` reads directives from the standard input.

Examples:
  {program}
  {program} --port 7777 --bind 127.0.0.1 --loglevel verbose
  {program} /etc/redis.conf --loadmodule /usr/lib/redis/modules/redisai.so THREADS_PER_QUEUE 4
  echo 'maxmemory 1gb' | {program} -

Options of the AI module, after --loadmodule PATH (the module is built in, PATH need not exist):
{options}"""


def example() -> str:
    """The text of redisai.conf.example: every directive as a comment, so that the file as it is changes nothing."""
    parts = [_HEAD, _title("AI module"), _MODULE, *map(_entry, AI_PARAMS)]
    parts += [_title("files, modules and users")]
    parts += [f"\n# {directive.doc}\n#     {directive.syntax}" for directive in FILE_DIRECTIVES]
    for group, params in groupby(SERVER_PARAMS, lambda param: param.group):
        parts += [_title(group), *map(_entry, params)]
    return "\n".join(parts) + "\n"


def _title(text: str) -> str:
    return f"\n{'#' * 20} {text} {'#' * (_WIDTH - 22 - len(text))}"


def _entry(param: Param) -> str:
    """A directive: what it does, what it takes, when it can be set, and the line itself."""
    facts = [f"Values: {param.type.domain()}."]
    if param.shown_default:
        facts.append(f"Default: {param.shown_default}.")
    if param.option:
        facts.append(f"As an argument of loadmodule and in AI.CONFIG: {param.option}.")
    if param.alias:
        facts.append(f"Also called {param.alias}.")
    facts.append(f"Can be set {when(param)}.")
    facts += _effect(param)
    text = textwrap.fill(" ".join([param.doc, *facts]), _WIDTH, initial_indent="# ", subsequent_indent="# ")
    return f"\n{text}\n# {param.name} {'PATH' if param.shown_default else _written(param)}"


def _written(param: Param) -> str:
    """The default as the line of a conf file shows it."""
    as_it_stands = param.type.multi or isinstance(param.type, Directory)  # a parsed directory is absolute
    return (
        param.default if as_it_stands and param.default else " ".join(param.type.written(param.default_value())) or '""'
    )


def _effect(param: Param) -> Iterator[str]:
    if param.missing:
        yield f"Anything but the default is refused: {param.missing} is not available yet."
    elif param.effect != "works":
        yield f"{EFFECTS[param.effect][0].upper()}{EFFECTS[param.effect][1:]}."


def ai_table() -> str:
    """The AI options as a Markdown table."""
    rows = (f"| `{p.option}` | `{p.name}` | {p.type.domain()} | {_code(p)} | {when(p)} | {p.doc} |" for p in AI_PARAMS)
    return _table("| option | name in CONFIG and conf files | values | default | set | what it does |", rows)


def server_table() -> str:
    """The server's parameters as a Markdown table."""
    rows = (
        f"| `{p.name}`{f' (`{p.alias}`)' if p.alias else ''} | {p.type.domain()} | {_code(p)} | {when(p)} "
        f"| {p.doc} {' '.join(_effect(p))}".rstrip()
        + " |"
        for p in SERVER_PARAMS
    )
    return _table("| directive | values | default | set | what it does |", rows)


def file_table() -> str:
    """The directives of conf files and command lines as a Markdown table."""
    rows = (f"| `{d.syntax}` | {d.doc} |" for d in FILE_DIRECTIVES)
    return _table("| directive | what it does |", rows)


def _code(param: Param) -> str:
    return param.shown_default.replace("<", "&lt;") if param.shown_default else f"`{default_of(param)}`"


def _table(head: str, rows: Iterable[str]) -> str:
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows])


TABLES: Final = {"ai": ai_table, "server": server_table, "file": file_table}


def page(text: str) -> str:
    """docs/configuration.md with each table between its marks made anew."""
    for name, table in TABLES.items():
        mark, end = f"<!-- table: {name} -->", "<!-- end of table -->"
        head, _, rest = text.partition(mark)
        text = f"{head}{mark}\n{table()}\n{end}{rest.partition(end)[2]}"
    return text


def main() -> None:
    """Write both files."""
    Path(EXAMPLE).write_text(example(), "utf-8")
    path = Path(PAGE)
    path.write_text(page(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
