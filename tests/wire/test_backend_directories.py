"""Frameworks and backends from directories, by each way that a path may be given."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.frameworks import installed_directory, other_onnxruntime
from tests.support.paths import ROOT
from tests.support.resp import RespClient
from tests.support.server import MODULE_PATH, Server

pytestmark = pytest.mark.xdist_group("frameworks")


def own_backend() -> str:
    """The example of docs/backends.md."""
    page = (ROOT / "docs" / "backends.md").read_text("utf-8")
    return page.partition("```python\n")[2].partition("```")[0]


def info(client: RespClient) -> dict[str, str]:
    """The fields of INFO MODULES."""
    lines = client("INFO", "MODULES").decode().split("\r\n")
    return dict(line.split(":", 1) for line in lines if ":" in line)


def by_loadmodule(start: Callable[..., Server], place: Path) -> Server:
    return start("--loadmodule", MODULE_PATH, "BACKENDSPATH", place.parent, "ONNX", place.name)


def by_loadbackend(start: Callable[..., Server], place: Path) -> Server:
    server = start("--loadmodule", MODULE_PATH)
    with server.client(timeout=60) as client:
        assert client("AI.CONFIG", "LOADBACKEND", "onnx", place) == "OK"
    return server


def by_module_load(start: Callable[..., Server], place: Path) -> Server:
    server = start()
    with server.client(timeout=60) as client:
        assert client("MODULE", "LOAD", MODULE_PATH, "BACKENDSPATH", place.parent, "ONNX", place.name) == "OK"
    return server


def by_backendspath(start: Callable[..., Server], place: Path) -> Server:
    """The default place below BACKENDSPATH, looked into when a model needs it."""
    base = place.parent / "default"
    base.mkdir()
    (base / "redisai_onnxruntime").symlink_to(place, target_is_directory=True)
    server = start("--loadmodule", MODULE_PATH)
    with server.client() as client:
        assert client("AI.CONFIG", "BACKENDSPATH", base) == "OK"
    return server


WAYS = [by_loadmodule, by_loadbackend, by_module_load, by_backendspath]


@pytest.mark.parametrize("way", WAYS)
def test_two_versions_of_a_framework(
    way: Callable[..., Server], start_server: Callable[..., Server], tmp_path: Path, models: Path
) -> None:
    """Two servers at a time run the same model with two versions of onnxruntime from two directories."""
    version, other = other_onnxruntime()
    (tmp_path / "a").mkdir()
    place = tmp_path / "a" / "old"
    place.symlink_to(other, target_is_directory=True)
    old = way(start_server, place)
    new = way(start_server, installed_directory(tmp_path / "b" / "new", "onnxruntime"))
    assert version != importlib.metadata.version("onnxruntime")
    for server, expected in ((old, version), (new, importlib.metadata.version("onnxruntime"))):
        with server.client(timeout=60) as client:
            assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", (models / "mul_1.onnx").read_bytes()) == "OK"
            client("AI.TENSORSET", "in", "FLOAT", 3, 2, "VALUES", 1, 2, 3, 4, 5, 6)
            assert client("AI.MODELEXECUTE", "m", "INPUTS", 1, "in", "OUTPUTS", 1, "out") == "OK"
            assert client("AI.TENSORGET", "out", "VALUES") == [b"1", b"4", b"9", b"16", b"25", b"36"]
            assert info(client)["ai_onnxruntime_version"] == expected
            place = Path(f"/proc/{server.pid}/maps")
            if place.exists():
                assert (f"onnxruntime-{version}" in place.read_text()) == (server is old)


@pytest.mark.parametrize("way", WAYS)
def test_a_backend_of_the_users_own(
    way: Callable[..., Server], start_server: Callable[..., Server], tmp_path: Path
) -> None:
    """A Python module in the directory takes the framework's place: it opens, runs, refuses, and shows its version."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "backend.py").write_text(own_backend())
    with way(start_server, place).client() as client:
        assert client("AI.MODELSTORE", "square", "ONNX", "CPU", "BLOB", "2") == "OK"
        assert client("AI.MODELSTORE", "cube", "ONNX", "GPU", "BLOB", "3").text == "ERR there is no GPU"
        client("AI.TENSORSET", "x", "INT32", 3, "VALUES", 1, 2, 3)
        assert client("AI.MODELEXECUTE", "square", "INPUTS", 1, "x", "OUTPUTS", 1, "y") == "OK"
        assert client("AI.TENSORGET", "y", "VALUES") == [1, 4, 9]
        assert info(client)["ai_onnxruntime_version"] == "0.0.7"
