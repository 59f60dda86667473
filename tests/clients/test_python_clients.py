"""redisai-py and SmartRedis, as their packages are, against our server.

They need an old numpy and redis-py, so each driver (the other files here) runs in the virtual environment that
`make test` makes for them; a test whose client is not installed there is skipped.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.paths import ROOT
from tests.support.server import Server

VENV = Path(os.environ.get("PYREDISAI_CLIENTS_VENV", ROOT / ".venv-clients"))
FRAMEWORKS = {"ONNX": "onnxruntime", "TORCH": "torch", "TF": "tensorflow", "TFLITE": "ai_edge_litert"}
PUBLIC = """
import redisai
for cls in (redisai.Client, redisai.dag.Dag, redisai.pipeline.Pipeline):
    for name, value in vars(cls).items():
        if name[0] != "_" and callable(value):
            print(cls.__name__ + "." + name)
"""


def python(package: str, *args: str, env: dict[str, str] | None = None) -> str:
    """What the clients' Python prints; skips the test where the package is not installed."""
    executable = VENV / "bin" / "python"
    if not list(VENV.glob(f"lib/python*/site-packages/{package}")):
        pytest.skip(f"{package} is not installed in {VENV} (`make test` tries that)")
    done = subprocess.run(
        [executable, *args], capture_output=True, text=True, timeout=100, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def backends() -> list[str]:
    """The backends whose framework is here."""
    return [name for name, module in FRAMEWORKS.items() if importlib.util.find_spec(module)]


def driver(name: str) -> str:
    return str(Path(__file__).with_name(name))


def test_every_method_of_redisai_py(start_server: Callable[..., Server], models: Path, backends: list[str]) -> None:
    public = set(python("redisai", "-c", PUBLIC).split())
    server = start_server()
    output = python("redisai", driver("redisai_py.py"), str(server.port), str(models), *backends)
    called = set(output.splitlines()[-1].split()[1:])
    if "TORCH" not in backends:
        public = {name for name in public if "script" not in name}
    assert len(public) > 20
    assert public - called == set()


def drive_smartredis(addresses: list[str], models: Path, backends: list[str]) -> None:
    output = python(
        "smartredis",
        driver("smartredis_py.py"),
        str(models),
        *backends,
        env={"SSDB": ",".join(addresses), "SR_LOG_LEVEL": "QUIET"},
    )
    done = [line.split()[1] for line in output.splitlines() if line.startswith("done")]
    assert done == ["tensors", "datasets", "lists", "server", "models", "end"]


def test_smartredis(start_server: Callable[..., Server], models: Path, backends: list[str]) -> None:
    drive_smartredis([f"127.0.0.1:{start_server().port}"], models, backends)


def test_smartredis_with_a_cluster(start_server: Callable[..., Server], models: Path, backends: list[str]) -> None:
    """It stores each model on every node, under `{tag}.name`."""
    with Cluster(start_server, 3) as cluster:
        addresses = [f"127.0.0.1:{server.port}" for server in cluster.servers]
        drive_smartredis(addresses, models, [name for name in backends if name in ("ONNX", "TORCH")])
