"""A client as a line of CLIENT LIST."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyredisai import clock
from pyredisai.commands.client import Client
from pyredisai.commands.client_memory import client_memory, size_of


def client_type(client: Client) -> str:
    """normal, pubsub, replica or master, as CLIENT LIST TYPE and CLIENT KILL TYPE know them."""
    if client.flags:
        if "M" in client.flags:
            return "master"
        if "S" in client.flags:
            return "replica"
    return "pubsub" if client.subscriptions else "normal"


def flag_letters(client: Client) -> str:
    """The letters of field `flags`; N for none."""
    letters = ""
    if client.monitor:
        letters += "O"
    if client.subscriptions:
        letters += "P"
    if client.queued is not None:
        letters += "x"
    tracked = client.tracking
    if tracked is not None:
        letters += "t" + "R" * tracked.broken_redirect + "B" * tracked.bcast
    if client.blocked or client.held:
        letters += "b"
    letters += "".join(sorted(client.flags))
    if client.dirty_watch:
        letters += "d"
    if client.closing:
        letters += "c"
    if client.unix_socket:
        letters += "U"
    if client.no_evict:
        letters += "e"
    return letters or "N"


def describe_client(client: Client, args: Iterable[Any] = ()) -> str:
    """The fields of one client, which is at the request `args`. The fixed reply buffer has no counterpart: 0."""
    now = clock.now_ms()
    subs = client.extra.get("pubsub")
    counts = (len(subs.channels), len(subs.patterns), len(subs.shard_channels)) if subs else (0, 0, 0)
    multi = -1 if client.queued is None else len(client.queued)
    memory = client_memory(client)
    own = size_of(args)
    fields = {
        "id": client.id,
        "addr": client.addr,
        "laddr": client.laddr,
        "fd": client.fd,
        "name": client.name.decode("latin-1"),
        "age": max(0, now - client.created_ms) // 1000,
        "idle": max(0, now - client.last_ms) // 1000,
        "flags": flag_letters(client),
        "db": client.db,
        "sub": counts[0],
        "psub": counts[1],
        "ssub": counts[2],
        "multi": multi,
        "qbuf": memory.query,
        "qbuf-free": memory.query_free,
        "argv-mem": memory.arguments + own,
        "multi-mem": memory.queued,
        "rbs": 0,
        "rbp": 0,
        "obl": memory.encoded,
        "oll": int(memory.output > 0),
        "omem": memory.output,
        "tot-mem": memory.total + own,
        "events": "rw" if memory.output else "r",
        "cmd": client.last_command,
        "user": client.user if client.authenticated else "(superuser)",
        "redir": -1 if client.tracking is None else client.tracking.redirect,
        "resp": client.resp,
        "lib-name": client.lib_name.decode("latin-1"),
        "lib-ver": client.lib_ver.decode("latin-1"),
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())
