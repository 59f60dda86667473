"""The command line: argv and conf file to settings, then the running server.

redis-server's grammar decides what the arguments mean; click carries the command, its help and its exit codes.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

import click

from pyredisai import REDIS_VERSION, __version__
from pyredisai.commands.acl.loading import check_user
from pyredisai.commands.table import build_table
from pyredisai.config.argv import parse_argv
from pyredisai.config.conffile import Loader, MissingFile
from pyredisai.config.docs import usage
from pyredisai.config.modules import start_modules
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError
from pyredisai.server import app
from pyredisai.server.log import Log, log_line


class RedisCommand(click.Command):
    """A click command that leaves every argument as it is: redis-server's options are no click options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Hand over all arguments."""
        ctx.params["argv"] = tuple(args)
        return []

    def get_help(self, ctx: click.Context) -> str:
        """Usage and the options of the AI module, from the table of parameters."""
        return usage(ctx.info_name or "pyredisai-server")


@click.command(cls=RedisCommand, add_help_option=False)
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def main(ctx: click.Context, argv: tuple[str, ...]) -> None:
    """Entry point of pyredisai-server."""
    first = argv[0] if argv else ""
    if first in ("-v", "--version"):
        click.echo(version())
    elif first in ("-h", "--help"):
        click.echo(ctx.get_help())
    elif first in ("--test-memory", "--check-system"):
        refuse(f"{first} is not available: use redis-server's, or the system's own tools")
    else:
        run(configure(argv))


def version() -> str:
    """What --version prints: redis-server's own form, which tools parse, and pyredisai's."""
    bits = 64 if sys.maxsize > 2**32 else 32
    return (
        f"Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={bits} build=pyredisai-{__version__}\n"
        f"pyredisai v={__version__} python={sys.version.split()[0]}"
    )


def configure(argv: tuple[str, ...]) -> Registry:
    """The configuration that the arguments, the conf file and the standard input give; ends the process on an error."""
    line = parse_argv(argv)
    registry = Registry()
    registry.config_file = line.file
    table = build_table()
    loader = Loader(registry, table.commands, sys.stdin.buffer.read, partial(check_user, table))
    try:
        loader.load(line.file, stdin=line.stdin, options=line.options)
    except MissingFile as error:
        click.echo(log_line("warning", str(error), "C"), nl=False)
        raise SystemExit(1) from None
    except ConfigError as error:
        refuse(str(error))
    try:
        start_modules(registry, loader.module_options, Log(registry))
    except ConfigError:
        raise SystemExit(1) from None
    return registry


def refuse(text: str) -> NoReturn:
    """End with exit code 1 and a text on the standard error."""
    click.echo(text, err=True, nl=not text.endswith("\n"))
    raise SystemExit(1)


def run(config: Registry) -> NoReturn:
    """Serve until the end."""
    raise SystemExit(app.run(config))
