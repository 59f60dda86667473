"""Several clients in turn, and everything that each of them receives, byte for byte: pushes and messages as
well as replies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from tests.support.resp import Argument, RespClient

Heard = dict[str, list[bytes]]
Step = tuple[Any, ...]


class Dialogue:
    """Connections by name, opened at first use. `ids` maps a name to its client id; `{a}` in an argument becomes
    the id of connection a.
    """

    def __init__(self, connect: Callable[[], RespClient]) -> None:
        self._connect = connect
        self.clients: dict[str, RespClient] = {}
        self.ids: dict[str, int] = {}
        self._count = 0

    def __enter__(self) -> Dialogue:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for client in self.clients.values():
            client.close()

    def open(self, name: str, resp: int = 2) -> None:
        """Open the connection `name`."""
        client = self.clients[name] = self._connect()
        self.ids[name] = client("CLIENT", "ID")
        if resp == 3:
            client("HELLO", 3)

    def close(self, name: str) -> None:
        """Close the connection `name`."""
        self.clients.pop(name).close()

    def step(self, name: str, *args: Argument, alone: bool = False) -> Heard:
        """Send a command on `name`; what every connection then receives, by name.

        When the reply is there, a PING with a word of its own follows on each connection, so that nothing is missed;
        with `alone` (in MULTI, where PING would be queued) only the others get one.
        """
        filled = [arg.format(**self.ids) if isinstance(arg, str) and "{" in arg else arg for arg in args]
        self.clients[name].send(*filled)
        heard: Heard = {name: [self.clients[name].read_raw()]}
        for other in sorted(self.clients, key=lambda other: other != name):
            if other != name or not alone:
                heard[other] = heard.get(other, []) + self._until_pong(self.clients[other])
        return {other: items for other, items in heard.items() if items}

    def _until_pong(self, client: RespClient) -> list[Any]:
        self._count += 1
        word = b"pong-%d" % self._count
        client.send("PING", word)
        items: list[bytes] = []
        while not (item := client.read_raw()).endswith(word + b"\r\n"):
            items.append(item)
        return items


def run(connect: Callable[[], RespClient], connections: dict[str, int], steps: Iterable[Step]) -> list[Heard]:
    """What is heard at each step: a connection's name and a command.

    `alone` may stand between them; CLOSE closes the connection, SLEEP waits.
    """
    with Dialogue(connect) as dialogue:
        for name, resp in connections.items():
            dialogue.open(name, resp)
        heard = []
        for name, *args in steps:
            if args[:1] == ["CLOSE"]:
                dialogue.close(name)
            elif args[:1] == ["SLEEP"]:
                time.sleep(args[1])
            elif args[:1] == ["alone"]:
                heard.append(dialogue.step(name, *args[1:], alone=True))
            else:
                heard.append(dialogue.step(name, *args))
        return heard
