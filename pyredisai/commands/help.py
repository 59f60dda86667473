"""HELP of a command that holds subcommands."""

from __future__ import annotations

from collections.abc import Mapping

from pyredisai.resp.replies import Reply, Status


def help_reply(name: str, subcommands: Mapping[str, str]) -> Reply:
    """The lines that `name` HELP answers: a head, then each subcommand's syntax and, indented, what it does."""
    lines = [f"{name.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for syntax, text in {**subcommands, "HELP": "Prints this help."}.items():
        lines += [syntax, *(f"    {line}" for line in text.splitlines())]
    return [Status(line) for line in lines]
