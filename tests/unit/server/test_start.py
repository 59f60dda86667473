"""The start: nobody is served before the keys are there."""

from __future__ import annotations

import asyncio

import pytest

from pyredisai.commands.loading import loading_state, refuse_while_loading
from pyredisai.config.registry import Registry
from pyredisai.server.app import Application


class Accepts(Exception):
    """The listener would accept its first client now."""


def test_the_first_client_is_refused_until_the_file_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def accept() -> None:
        raise Accepts

    async def start() -> None:
        application = Application(Registry())
        monkeypatch.setattr(application.listener, "serve", accept)
        with pytest.raises(Accepts):
            await application.serve()
        assert refuse_while_loading in application.services.guard.checks
        assert loading_state(application.services).active

    asyncio.run(start())
