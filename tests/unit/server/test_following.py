"""A replica's link when something goes wrong that no one foresaw: it is given up, and can be tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from pyredisai.commands.context import Services
from pyredisai.config.registry import Registry
from pyredisai.replication.replica import FullSync
from pyredisai.server.app import build_services
from pyredisai.server.following import PrimaryLink
from pyredisai.server.receiving import Receiver

LOADED = b"REDIS0010\xfe\0\0\1a\1b\xff" + bytes(8)


@pytest.fixture
def services() -> Iterator[Services]:
    async def build() -> Services:
        return build_services(Registry())

    with asyncio.Runner() as runner:
        services = runner.run(build())
        yield services
        services.scheduler.close()


class BrokenReceiver:
    async def load(self, id: str, alive: object) -> int:
        raise RuntimeError("a bug")


def test_a_bug_while_loading_gives_the_link_up(services: Services) -> None:
    link = PrimaryLink(services, 1, lambda link: None)
    link._sync, link._receiver = FullSync("5" * 40, 0), BrokenReceiver()  # type: ignore[assignment]
    link._loading = object()  # type: ignore[assignment]
    link._closed = True
    asyncio.run(link._load())
    assert not link.is_busy
    assert not services.primary.history.resumable


@pytest.mark.parametrize("mode", ["swapdb", "disabled"])
def test_a_bug_while_loading_leaves_no_half_of_the_keys(services: Services, mode: str) -> None:
    """With `swapdb` the old ones stay, otherwise there are none."""
    services.config.set([("repl-diskless-load", mode)])
    services.databases[0].set(b"old", b"1")

    def alive() -> None:
        raise RuntimeError("a bug")

    async def load() -> None:
        receiver = Receiver(services)
        receiver.add(LOADED)
        await receiver.load("5" * 40, alive)

    with pytest.raises(RuntimeError):
        asyncio.run(load())
    assert list(services.databases[0].data) == ([b"old"] if mode == "swapdb" else [])
