"""What follows a load: the models and scripts that it brought are made ready, and nothing else is looked at."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import pytest

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.script import Script
from pyredisai.commands.context import Services
from pyredisai.commands.loading import lose_all_keys, make_ready, read_rdb
from pyredisai.config.registry import Registry
from pyredisai.persistence.rdb import file
from pyredisai.persistence.snapshot import Pictures
from pyredisai.server.app import build_services

Work = tuple[Callable[[], Any], Callable[[Any], None]]


@pytest.fixture
def services() -> Services:
    return build_services(Registry())


@pytest.fixture
def data(services: Services) -> memoryview:
    """A file with two models, a script and a string."""
    db = services.databases[0]
    for key in (b"m", b"n"):
        db.set(key, Model("ONNX", "CPU", b"no model", ModelOptions(), None))
    db.set(b"s", Script("CPU", b"no script"))
    db.set(b"text", b"text")
    target = io.BytesIO()
    file.write(cast(BinaryIO, target), Pictures([db], lambda *_: None).live(), file.WriteOptions())
    lose_all_keys(services)
    return memoryview(target.getvalue())


class IdleScheduler:
    """Keeps background work."""

    def __init__(self) -> None:
        self.work: list[Work] = []

    def ensure_queue(self, device: str) -> None:
        """There is none."""

    def run_in_background(self, *pair: Any) -> None:
        """It does not run."""
        self.work.append(pair)


def test_what_was_loaded_is_opened_once(services: Services, data: memoryview) -> None:
    logged: list[str] = []
    services.scheduler = IdleScheduler()
    work = services.scheduler.work
    services.log = lambda _, text: logged.append(text)
    list(read_rdb(services, data, checksum=True))
    services.databases[0].delete(b"n")  # as a command of the log may
    make_ready(services)
    assert len(work) == 2
    for _, done in work:
        done(ValueError("broken"))
    assert logged == [f"'{name}' was loaded but cannot run: broken" for name in ("m", "s")]
    make_ready(services)
    assert len(work) == 2
