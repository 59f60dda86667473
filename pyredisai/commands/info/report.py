"""INFO and its text: which sections a request names, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from pyredisai.commands.context import Context, Services
from pyredisai.commands.info import ai_sections, replication_section, server_sections, statistics
from pyredisai.commands.spec import Args, Family
from pyredisai.resp.replies import Reply, Verbatim

family = Family("server")

Fields: TypeAlias = Mapping[str, object]
Section: TypeAlias = Callable[[Services], Fields]

SECTIONS: dict[str, Section] = {
    "Server": server_sections.server,
    "Clients": server_sections.clients,
    "Memory": server_sections.memory,
    "Persistence": server_sections.persistence,
    "Stats": server_sections.stats,
    "Replication": replication_section.replication,
    "CPU": server_sections.cpu,
    "Modules": ai_sections.modules,
    "Commandstats": statistics.commandstats,
    "Errorstats": statistics.errorstats,
    "Latencystats": statistics.latencystats,
    "Cluster": server_sections.cluster,
    "Keyspace": server_sections.keyspace,
}
_NOT_BY_DEFAULT = frozenset({"commandstats", "latencystats"})
_ALL = frozenset(name.lower() for name in SECTIONS)


@family.command(
    "info",
    arity=-1,
    flags="loading stale sentinel",
    categories="dangerous",
    syntax="[section [section ...]]",
    summary="The state of the server, by sections.",
    complexity="O(1)",
    tips=("nondeterministic_output", "request_policy:all_shards", "response_policy:special"),
)
def info(ctx: Context, args: Args) -> Reply:
    """INFO [section…]: default, all, everything, modules, or names of sections, those of the module too."""
    return Verbatim(report(ctx.server, [arg.decode("latin-1") for arg in args[1:]]).encode("utf-8", "surrogateescape"))


def report(services: Services, names: Iterable[str]) -> str:
    """The text of the sections that `names` choose."""
    wanted = {name.lower() for name in names} or {"default"}
    chosen = set(wanted)
    if wanted & {"all", "everything"}:
        chosen |= _ALL
    if "default" in wanted:
        chosen |= _ALL - _NOT_BY_DEFAULT
    parts = [_written(name, fields(services)) for name, fields in SECTIONS.items() if name.lower() in chosen]
    text = "\r\n".join(parts)
    of_module = [
        (name, fields)
        for name, fields in ai_sections.SECTIONS.items()
        if wanted & {"everything", "modules", "ai", name}
    ]
    for name, fields in of_module:
        text += ("\r\n" if text else "") + _written(name, fields(services))
    return text


def _written(name: str, fields: Fields) -> str:
    return f"# {name}\r\n" + "".join(f"{field}:{value}\r\n" for field, value in fields.items())
