"""The start: nobody is served before the keys are there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from pyredisai.commands.loading import loading_state, refuse_while_loading
from pyredisai.config.registry import Registry
from pyredisai.server.app import Application, build_services


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


def test_the_clock_saves_and_expires_nothing_while_keys_are_loaded(tmp_path: Path) -> None:
    async def start() -> None:
        services = build_services(Registry())
        services.config.force("dir", str(tmp_path))
        services.config.force("save", "1 1")
        services.saver.last_save_s -= 10
        services.databases[0].set(b"k", b"v")
        services.databases[0].set(b"old", b"v")
        services.databases[0].set_expiry(b"old", 1)
        loading_state(services).active = True
        for run in services.cron:
            run()
        assert services.saver.snapshot is None, "half of the keys would take the place of all"
        assert b"old" in services.databases[0].data
        loading_state(services).active = False
        for run in services.cron:
            run()
        assert services.saver.snapshot is not None
        assert b"old" not in services.databases[0].data
        services.scheduler.close()

    asyncio.run(start())


def test_the_start_imports_nothing_heavy() -> None:
    code = (
        "import sys, pyredisai; import pyredisai.server.app, pyredisai.server.startup;"
        " print([name for name in ('numpy', 'onnxruntime', 'torch', 'tensorflow', 'lupa') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
