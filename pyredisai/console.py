"""What the command line only prints: help, version, checks of the machine.

A click command, which leaves every argument as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from pyredisai import REDIS_VERSION, __version__
from pyredisai.build import BUILD
from pyredisai.config.docs import usage


class RedisCommand(click.Command):
    """A click command whose options are redis-server's, not click's."""

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
def inform(ctx: click.Context, argv: tuple[str, ...]) -> None:
    """Print what the first argument asks for."""
    if argv[0] in ("-v", "--version"):
        click.echo(version())
    elif argv[0] in ("-h", "--help"):
        click.echo(ctx.get_help())
    elif argv[0] == "--check-system":
        from pyredisai.server.system_check import check_system

        ctx.exit(0 if check_system(click.echo) else 1)
    else:
        ctx.exit(memory(argv[1:]))


def memory(argv: Sequence[str]) -> int:
    """--test-memory megabytes; the exit code."""
    if not argv or not argv[0].isdecimal() or not int(argv[0]):
        click.echo("Please specify the amount of memory to test in megabytes.\nExample: --test-memory 4096")
        return 1
    from pyredisai.server.memory_check import memory_errors

    try:
        errors = memory_errors(int(argv[0]), click.echo)
    except MemoryError:
        click.echo("There is not so much memory.", err=True)
        return 1
    click.echo(f"Your memory has failed the test: {errors} errors." if errors else "Your memory passed this test.")
    return 1 if errors else 0


def version() -> str:
    """What --version prints: redis-server's own form, which tools parse, and pyredisai's."""
    bits = 64 if sys.maxsize > 2**32 else 32
    return (
        f"Redis server v={REDIS_VERSION} sha=00000000:0 malloc=libc bits={bits} build=pyredisai-{__version__}\n"
        f"pyredisai v={__version__} build={BUILD} python={sys.version.split()[0]}"
    )
