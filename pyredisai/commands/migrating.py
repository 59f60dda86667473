"""The conversation of MIGRATE with the other server: blocking, so it runs on a helper thread. Knows no keyspace."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyredisai.errors import replication_texts as texts
from pyredisai.journal import Effect
from pyredisai.persistence.aof.commands import encode

_LONGEST_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Target:
    """Where keys go. `login` are the arguments of AUTH, none without a password; `timeout` is in seconds.

    `tls` is the context of a connection with TLS.
    """

    host: str
    port: int
    database: int
    timeout: float
    login: tuple[bytes, ...] = ()
    tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class Outcome:
    """What came of it: for each key whether the target has it now, and the first error, empty for none."""

    taken: list[bool] = field(default_factory=list)
    error: str = ""


def transfer(target: Target, restores: Sequence[Effect]) -> Outcome:
    """Send commands that restore keys, all at once; every answer up to a failure counts."""
    try:
        connection = _connect(target)
    except (socket.gaierror, TimeoutError, UnicodeError, OverflowError):
        return Outcome(error=texts.MIGRATE_CONNECTING)
    except OSError:
        return Outcome(error=texts.MIGRATE_WRITING if target.tls is None else texts.MIGRATE_CONNECTING)
    with connection:
        login: list[Effect] = [[b"AUTH", *target.login]] if target.login else []
        before: list[Effect] = [*login, [b"SELECT", b"%d" % target.database]]
        try:
            for command in (*before, *restores):
                connection.sendall(encode(command))
        except OSError:
            return Outcome(error=texts.MIGRATE_WRITING)
        return _answers(connection, len(before), len(restores))


def _connect(target: Target) -> socket.socket:
    """Raises OSError and what a bad address raises."""
    connection = socket.create_connection((target.host, target.port), target.timeout)
    if target.tls is None:
        return connection
    try:
        return target.tls.wrap_socket(connection)
    except BaseException:
        connection.close()
        raise


def _answers(connection: socket.socket, before: int, count: int) -> Outcome:
    outcome = Outcome()
    refused = False
    with connection.makefile("rb") as answers:
        for at in range(before + count):
            try:
                line = answers.readline(_LONGEST_LINE)
            except OSError:
                line = b""
            if not line.endswith(b"\r\n"):
                outcome.error = outcome.error or texts.MIGRATE_READING
                return outcome
            if line.startswith(b"-"):
                refused = refused or at < before
                outcome.error = outcome.error or texts.target_refused(line[1:-2].decode("utf-8", "replace"))
            if at >= before:
                outcome.taken.append(not refused and not line.startswith(b"-"))
    return outcome
