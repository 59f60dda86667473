"""A client as a line of CLIENT LIST."""

from __future__ import annotations

from pyredisai import clock
from pyredisai.commands.client import Client


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


def describe_client(client: Client) -> str:
    """The fields of one client. Memory is what waits to be written; buffers that have no counterpart show 0."""
    now = clock.now_ms()
    subs = client.extra.get("pubsub")
    counts = (len(subs.channels), len(subs.patterns), len(subs.shard_channels)) if subs else (0, 0, 0)
    multi = -1 if client.queued is None else len(client.queued)
    waiting = client.link.output_buffered()
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
        "qbuf": 0,
        "qbuf-free": 0,
        "argv-mem": 0,
        "multi-mem": sum(len(arg) for _, args in client.queued or () for arg in args),
        "rbs": 0,
        "rbp": 0,
        "obl": 0,
        "oll": 1 if waiting else 0,
        "omem": waiting,
        "tot-mem": waiting,
        "events": "rw" if waiting else "r",
        "cmd": client.last_command,
        "user": client.user if client.authenticated else "(superuser)",
        "redir": -1 if client.tracking is None else client.tracking.redirect,
        "resp": client.resp,
        "lib-name": client.lib_name.decode("latin-1"),
        "lib-ver": client.lib_ver.decode("latin-1"),
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())
