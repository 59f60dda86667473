"""Replay recordings of a real RedisAI, through the tool that stands beside them (`shared/golden/replay.py`).

Those in `commands/` begin with an empty server, those in `stored/` with the files that the real one wrote.

One server a file, started with the module arguments that the file names, as the tool's own `--spawn` does.
"""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.support.paths import PACKAGE_PATH, shared_path
from tests.support.server import MODULE_PATH, PYREDISAI, free_port

# Seconds a reply may take; the first import of a framework on a busy machine takes most of it.
TIMEOUT = 60.0
PENDING_FILE = Path(__file__).with_name("pending.txt")
# Packages without which a recording cannot be replayed; a missing one is a reason to skip, not to fail.
PACKAGES = {"TORCH": "torch", "TF": "tensorflow", "TFLITE": "ai_edge_litert", "ONNX": "onnxruntime"}


@dataclass(frozen=True)
class Recording:
    """One scenario: `name` is `file:id`."""

    path: Path
    name: str
    scenario: dict[str, Any]
    server_args: tuple[str, ...]

    @property
    def is_stored(self) -> bool:
        """Whether it tells what is there after files of the real server were loaded."""
        return self.path.parent.name == "stored"

    @property
    def words(self) -> set[str]:
        """All text arguments of its commands, in upper case, and the names of those commands."""
        sent = (word for step in self.scenario.get("steps", ()) for word in step.get("send", ()))
        return {word.upper() for word in sent if isinstance(word, str) and len(word) < 40}

    @property
    def backends(self) -> set[str]:
        """The backends that it names."""
        scripts = {"TORCH"} if any(word.startswith("AI.SCRIPTS") for word in self.words) else set()
        return (self.words & set(PACKAGES)) | scripts

    @property
    def missing_packages(self) -> list[str]:
        """Packages of its backends that are not installed."""
        return [PACKAGES[name] for name in sorted(self.backends) if not importlib.util.find_spec(PACKAGES[name])]


@cache
def tool() -> ModuleType:
    """The replay tool as a module."""
    spec = importlib.util.spec_from_file_location("golden_replay", shared_path() / "golden" / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recordings() -> list[Recording]:
    """All scenarios of all files, in order; empty where the recordings are missing."""
    out = []
    for folder in ("commands", "stored"):
        for path in sorted((shared_path() / "golden" / folder).glob("*.jsonl")):
            head, scenarios = tool().read(path)
            args = tuple(head.get("server_args", ()))
            out += [Recording(path, f"{path.stem}:{sc['id']}", sc, args) for sc in scenarios]
    return out


def pending() -> dict[str, str]:
    """What is known to fail still: name -> reason."""
    lines = (line for line in PENDING_FILE.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return dict(line.split(" ", 1) for line in lines)


def differences(steps: list[dict[str, Any]], replies: list[bytes | None], models: str) -> Iterator[str]:
    """What is not as recorded, step by step."""
    replay = tool()
    for number, (step, got) in enumerate(zip(steps, replies, strict=True)):
        if "reply" not in step:
            continue
        want = replay.expected(step["reply"], models)
        if not replay.matches(step, want, got):
            yield (
                f"step {number} {replay.describe(step)}\n  want {replay.short(want, 2000)}\n"
                f"  got  {replay.short(got, 2000)}"
            )


class Replayer:
    """Keeps the server of the current file; `close` ends it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._server: Any = None
        self._options = Namespace(
            models=str(shared_path() / "models"),
            spawn=f"env PYTHONPATH={shlex.quote(str(PACKAGE_PATH))} {shlex.join(PYREDISAI)} --port {{port}} --save '' "
            f"--dir {{dir}} --loadmodule {MODULE_PATH} {{args}}",
        )

    def replay(self, recording: Recording) -> str | None:
        """What differs, or None."""
        scenario = recording.scenario
        if "expect_start" in scenario:
            problem: str | None = tool().boot(scenario, self._options, "127.0.0.1", free_port())
            return problem
        server = self._server_for(recording)
        flush = not recording.is_stored
        replies, problem = tool().run(scenario, server, self._options.models, TIMEOUT, flush)
        if problem is None:
            problem = next(differences(scenario["steps"], replies, self._options.models), None)
        if problem is not None and not server.alive():
            problem += "\nTHE SERVER IS GONE:\n" + server.output()[-5000:]
            server.restart()
        return problem

    def _server_for(self, recording: Recording) -> Any:
        if self._path != recording.path:
            self.close()
            make = self._start_on_files if recording.is_stored else self._start
            self._server = make(recording)
            self._path = recording.path
        return self._server

    def _start(self, recording: Recording) -> Any:
        return tool().Server(
            "127.0.0.1", free_port(), self._options.spawn, list(recording.server_args), self._options.models
        )

    def _start_on_files(self, recording: Recording) -> Any:
        """A server on a copy of the files that belong to a recording in `stored/`."""
        name = recording.path.stem
        folder = Path(tempfile.mkdtemp(prefix="golden-"))
        if name.endswith("-aof"):
            source = recording.path.with_name(f"{name.removesuffix('-aof')}-appendonlydir")
            shutil.copytree(source, folder / "appendonlydir", copy_function=shutil.copyfile)
            (folder / "appendonlydir").chmod(0o755)
            options = "--appendonly yes"
        else:
            shutil.copyfile(recording.path.with_suffix(".rdb"), folder / "dump.rdb")
            options = ""
        server = tool().Server("127.0.0.1", free_port(), None, list(recording.server_args), self._options.models)
        server.spawn = self._options.spawn.replace("--loadmodule", f"{options} --loadmodule")
        server.dir = str(folder)
        try:
            server.start()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return server

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.stop()
        self._server = self._path = None
