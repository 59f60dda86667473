"""Names, versions, paths, and what is said when a framework is missing."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import textwrap
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from pyredisai.ai.model import ModelOptions
from pyredisai.backends import devices, frameworks
from pyredisai.backends.devices import Device, parse_device
from pyredisai.backends.loader import BUILT_IN, BackendLoader, installed
from pyredisai.errors import BackendError, BackendMissing
from tests.support.paths import ROOT
from tests.unit.backends.support import floats, values

OWN = """
from pyredisai.backends.stub import StubBackend

def load(settings, directory):
    backend = StubBackend()
    backend.version = f"own {settings.intra_op_threads}"
    return backend
"""


def test_names_and_what_is_unknown():
    assert BackendLoader().names() == ("TF", "TFLITE", "TORCH", "ONNX")
    assert BackendLoader(stub=True).names()[-1] == "STUB"
    for name in ("STUB", "PORCH", ""):
        with pytest.raises(BackendError, match="ERR unsupported backend"):
            BackendLoader().get(name)


def test_installed_versions_are_those_of_pip():
    assert frameworks.installed_versions()["numpy"] == version("numpy")
    for name, number in installed().items():
        assert number in {version(d) for d in BUILT_IN[name].distributions if has(d)}


def has(distribution):
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def test_installed_imports_nothing():
    code = "import sys; from pyredisai.backends.loader import *; print(installed(), *sys.modules)"
    words = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not {"onnxruntime", "torch", "tensorflow", "ai_edge_litert", "numpy"} & set(words.split())


def test_the_stub_runs():
    backend = BackendLoader(stub=True).get("STUB")
    session = backend.open_model(b"multiply 3", "CPU", ModelOptions())
    assert values(session.run([floats(2)])[0]) == [0, 3]
    for program, device in ((b"", "CPU"), (b"multiply x", "CPU"), (b"launch", "CPU")):
        with pytest.raises(BackendError):
            backend.open_model(program, device, ModelOptions())
    assert not backend.has_device("GPU")


def test_a_missing_framework_names_the_pip_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BackendMissing, match=r"pip install 'pyredisai\[onnx\]'"):
        BackendLoader().get("ONNX")


@pytest.mark.parametrize("file", ["backend.py", "__init__.py", "mine.py"])
def test_a_backend_of_the_users_own(tmp_path, file):
    place = tmp_path / "custom"
    place.mkdir()
    (place / file).write_text(OWN)
    lines: list[str] = []
    loader = BackendLoader(backends_path=str(tmp_path), log=lambda level, text: lines.append(text))
    backend = loader.load_from("TORCH", f"custom/{file}" if file == "mine.py" else "custom/")
    assert backend.version == "own 0"
    assert loader.get("TORCH") is backend
    assert loader.loaded() == {"TORCH": backend}
    assert lines == ["TORCH backend loaded, version own 0"]
    with pytest.raises(BackendError, match="already loaded"):
        loader.load_from("TORCH", "custom")


def test_the_default_directory_is_used_when_it_holds_something(tmp_path):
    (tmp_path / "redisai_tensorflow").mkdir()
    (tmp_path / "redisai_tensorflow" / "backend.py").write_text(OWN)
    assert BackendLoader(backends_path=str(tmp_path)).get("TF").version == "own 0"


def test_a_default_that_is_not_there_falls_back_with_a_line(tmp_path, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr("pyredisai.backends.loader._load", lambda *args: type("B", (), {"version": "1"})())
    (tmp_path / "redisai_tflite").mkdir()  # an old installation's directory, without anything for us
    (tmp_path / "redisai_tflite" / "redisai_tflite.so").touch()
    for name in ("ONNX", "TFLITE"):
        loader = BackendLoader(backends_path=str(tmp_path), log=lambda level, text: lines.append(text))
        assert loader.get(name).version == "1"
        assert "taking the installed package" in lines[-2]


@pytest.mark.parametrize("path", ["redisai_tflite/redisai_tflite.so", "redisai_tflite/", "/b/redisai_tflite"])
def test_the_default_place_may_be_named(monkeypatch, path):
    """Old configurations and documents name the library there, which this server does not have."""
    monkeypatch.setattr("pyredisai.backends.loader._load", lambda *args: type("B", (), {"version": "1"})())
    loader = BackendLoader(backends_path="/b")
    assert loader.load_from("TFLITE", path).version == "1"
    with pytest.raises(BackendError, match="already loaded"):
        loader.load_from("TFLITE", path)
    for other in ("redisai_torch/redisai_torch.so", "redisai_tflite/x.so", "x/redisai_tflite"):
        with pytest.raises(BackendError, match="does not exist"):
            BackendLoader(backends_path="/b").load_from("TFLITE", other)


def test_an_explicit_path_must_be_there_and_hold_something(tmp_path):
    loader = BackendLoader(backends_path=str(tmp_path))
    with pytest.raises(BackendError, match="does not exist"):
        loader.load_from("ONNX", "nope.so")
    with pytest.raises(BackendError, match="does not exist"):
        loader.load_from("ONNX", "/nope.so")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="neither a framework nor a backend module"):
        loader.load_from("ONNX", "empty")
    (tmp_path / "bad.py").write_text("x = 1")
    with pytest.raises(BackendError, match="no function `load`"):
        loader.load_from("ONNX", "bad.py")
    (tmp_path / "worse.py").write_text("1/0")
    with pytest.raises(BackendError, match="division by zero"):
        loader.load_from("ONNX", "worse.py")
    assert loader.loaded() == {}


def private_install(place: Path, version: str) -> None:
    """Looks like `pip install --target` of a framework with submodules and a dependency."""
    (place / "onnxruntime" / "capi").mkdir(parents=True)
    (place / "onnxruntime" / "__init__.py").write_text(
        f"from onnxruntime.capi.core import deep\n__version__ = '{version}'\n"
        "def __getattr__(name):\n    return lambda *a, **k: None\n"
    )
    (place / "onnxruntime" / "capi" / "__init__.py").write_text("")
    (place / "onnxruntime" / "capi" / "core.py").write_text("import only_in_this_place as deep\n")
    (place / "only_in_this_place.py").write_text(f"place = {str(place)!r}\n")


@pytest.mark.parametrize("layout", ["flat", "venv"])
def test_a_private_install_is_taken_without_touching_sys_path(tmp_path, layout):
    place = tmp_path / "custom"
    lib = place if layout == "flat" else place / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    private_install(lib, "9.9.9")
    (lib / "redisai_onnxruntime.so").touch()
    code = f"""
        import sys
        before = list(sys.path)
        from pyredisai.backends.loader import BackendLoader
        from pyredisai.errors import BackendError
        loader = BackendLoader(backends_path={str(tmp_path)!r})
        path = "custom/redisai_onnxruntime.so" if {layout!r} == "flat" else "custom"
        print(loader.load_from("ONNX", path).version)
        import onnxruntime, onnxruntime.capi.core
        print(onnxruntime.capi.core.deep.place == {str(lib)!r}, sys.path == before)
        try:
            BackendLoader().load_from("ONNX", {str(tmp_path / "other")!r})
        except BackendError as error:
            print("loaded already" in str(error))
    """
    private_install(tmp_path / "other", "8.8.8")
    lines = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert lines.stdout.split("\n") == ["9.9.9", "True True", "True", ""], lines.stderr


def test_a_third_party_registers_an_entry_point(monkeypatch, tmp_path):
    (tmp_path / "their_backend.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    point = importlib.metadata.EntryPoint("theirs", "their_backend", "pyredisai.backends")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point])
    loader = BackendLoader()
    assert "THEIRS" in loader.names()
    assert loader.get("THEIRS").version == "own 0"


def test_devices_by_name(monkeypatch):
    assert parse_device("cpu") == Device("CPU")
    assert parse_device("Gpu:12") == Device("GPU", 12)
    for name in ("", "CPUX", "CPU:", "CPU:x", "CPU:-1", "CPU:1x", "TPU", "GPU: 1", "CPU\n"):
        assert parse_device(name) is None
    monkeypatch.setattr(devices, "gpu_count", lambda: 2)
    assert [devices.gpu_present(Device("GPU", index)) for index in (None, 0, 1, 2)] == [True, True, True, False]


def test_every_built_in_backend_has_its_module():
    for entry in BUILT_IN.values():
        assert (ROOT / (entry.module.replace(".", "/") + ".py")).exists()
