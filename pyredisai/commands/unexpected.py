"""Commands that have succeeded elsewhere (on the primary, before they were logged) and fail here: told, counted.

`propagation-error-behavior` decides whether the server goes on with what may be other keys than they should be.
"""

from __future__ import annotations

from pyredisai.commands.context import Context
from pyredisai.errors import replication_texts as texts


class PropagationPanicError(Exception):
    """The configuration wants the server to end rather than to go on."""


def report(ctx: Context, name: bytes, error: str, *, from_log: bool = False) -> None:
    """Note the failure of command `name`, from the primary or `from_log`. Raises PropagationPanicError."""
    services = ctx.server
    source = "append-only log" if from_log else "primary"
    shown = name.decode("utf-8", "backslashreplace")
    services.stats.unexpected_errors += 1
    services.log("warning", texts.unexpected_error(source, shown, error))
    behaviour = services.config["propagation-error-behavior"]
    panics = behaviour == "panic" if from_log else behaviour != "ignore" and services.config["replica-read-only"]
    if panics:
        raise PropagationPanicError(texts.panic(source, shown))
