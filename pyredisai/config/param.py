"""What a configuration parameter is: one row of the table that everything about configuration reads."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

from pyredisai.config.types import ParamType

Effect: TypeAlias = Literal["works", "accepted"]
EFFECTS: dict[Effect, str] = {
    "works": "has its effect",
    "accepted": "tunes what only the C server has: checked, kept and shown, without an effect",
}


class Param(NamedTuple):
    """A parameter.

    `default` is written as in a conf file. `runtime` tells whether CONFIG SET may change it; then
    `protected_by` names the option (enable-protected-configs, enable-module-command) that governs who may.
    `alias` is a second name (slave-…). `hidden` ones answer to their exact name only. `sensitive` ones
    are never logged. `option` is the name in the module's arguments and AI.CONFIG, for AI parameters;
    `missing` names what this version lacks: every value but the default is refused.
    CONFIG SET to the same value again takes effect where `reapplied` (a file that may hold something else now).
    `shown_default` describes a default that depends on the installation.
    """

    name: str
    type: ParamType
    default: str
    doc: str
    effect: Effect = "works"
    runtime: bool = True
    alias: str = ""
    hidden: bool = False
    sensitive: bool = False
    protected_by: str = ""
    group: str = ""
    option: str = ""
    shown_default: str = ""
    missing: str = ""
    reapplied: bool = False

    def default_value(self) -> Any:
        """The default, parsed."""
        return self.type.parse(self.words(self.default), {} if not self.type.accumulates else [])

    def words(self, text: str) -> list[str]:
        """A value of CONFIG SET as words: split at each single blank where the type takes several."""
        if not self.type.multi:
            return [text]
        return text.split(" ") if text else []


class FileDirective(NamedTuple):
    """A directive that only conf files and command lines have; CONFIG GET knows nothing of it."""

    name: str
    syntax: str
    doc: str
    group: str = ""
