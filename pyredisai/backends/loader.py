"""Name to backend: finds, imports and keeps the frameworks.

A backend's module has `load(settings, directory) -> Backend`; `directory` holds a private install of the
framework, None means the installed one. Third parties register such a module, or the function itself, as an
entry point of the group `pyredisai.backends`, named as clients name the backend. A module of the user's own
stands in a backend's directory as `backend.py` or `__init__.py`, or is named by its file.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyredisai.backends import frameworks
from pyredisai.backends.base import Backend, BackendSettings
from pyredisai.backends.sharing import SessionShare
from pyredisai.errors import BackendError, ai_texts

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from pathlib import Path

ENTRY_POINTS: Final = "pyredisai.backends"
Log = Callable[[str, str], None]


class BuiltIn(NamedTuple):
    """A backend of ours: its module here, the framework's packages in order of preference, the default directory."""

    module: str
    packages: tuple[str, ...]
    distributions: tuple[str, ...]
    directory: str


BUILT_IN: Final[dict[str, BuiltIn]] = {
    "TF": BuiltIn(
        "pyredisai.backends.tensorflow",
        ("tensorflow",),
        ("tensorflow", "tensorflow-cpu", "intel-tensorflow", "tensorflow-gpu"),
        "redisai_tensorflow",
    ),
    "TFLITE": BuiltIn(
        "pyredisai.backends.tflite",
        ("ai_edge_litert", "tflite_runtime"),
        ("ai-edge-litert", "tflite-runtime"),
        "redisai_tflite",
    ),
    "TORCH": BuiltIn("pyredisai.backends.torch", ("torch",), ("torch",), "redisai_torch"),
    "ONNX": BuiltIn(
        "pyredisai.backends.onnx",
        ("onnxruntime",),
        ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"),
        "redisai_onnxruntime",
    ),
}
STUB: Final = "pyredisai.backends.stub"


def installed() -> dict[str, str]:
    """The versions of the installed frameworks by the names of our backends; nothing is imported."""
    versions = frameworks.installed_versions()
    return {
        name: versions[distribution.replace("-", "_")]
        for name, entry in BUILT_IN.items()
        for distribution in reversed(entry.distributions)
        if distribution.replace("-", "_") in versions
    }


class BackendLoader:
    """The backends of one server. Every method may be called from any thread.

    `backends_path` is BACKENDSPATH: a backend that is first needed is looked for in its default directory
    below it, and else taken as it is installed. `share` holds the open sessions.
    `stub` adds the backend STUB, which runs without a framework.
    """

    def __init__(
        self,
        settings: BackendSettings | None = None,
        *,
        backends_path: str = "",
        log: Log | None = None,
        stub: bool = False,
    ) -> None:
        self.settings = settings or BackendSettings()
        self.backends_path = backends_path
        self._log: Log = log or (lambda level, text: None)
        self.share = SessionShare()
        self._stub = stub
        self._loaded: dict[str, Backend] = {}
        self._locks: dict[str, threading.Lock] = {}

    def names(self) -> tuple[str, ...]:
        """The names that a client may use."""
        return (*BUILT_IN, *(n for n in self._entry_points if n not in BUILT_IN), *(["STUB"] if self._stub else []))

    def loaded(self) -> dict[str, Backend]:
        """The backends that are imported, by name, in the order in which they were."""
        return dict(self._loaded)

    def get(self, name: str) -> Backend:
        """The backend, imported if it is not yet: takes seconds then, call it on a helper thread.

        Raises BackendMissing (names the pip command) or BackendError.
        """
        backend = self._loaded.get(name)
        if backend is not None:
            return backend
        with self._lock(name):
            backend = self._loaded.get(name)
            return backend if backend is not None else self._keep(name, self._load_default(name))

    def load_from(self, name: str, path: str) -> Backend:
        """Load a backend from a path (LOADBACKEND, the options TF, TFLITE, TORCH, ONNX).

        A relative path is below `backends_path`; it names a directory or a file in one. The backend's default
        directory may be missing or hold RedisAI's own library, as for `get`: the installed package is taken. Raises
        BackendError when another path is not there or holds no backend, and when the backend is loaded already.
        """
        from pathlib import Path

        with self._lock(name):
            if name in self._loaded:
                raise BackendError(f"ERR Could not load {name} backend: backend already loaded")
            place = Path(self.backends_path, path)
            if self._is_default(name, place):
                return self._keep(name, self._load_default(name))
            if not place.exists():
                raise BackendError(f"ERR {name} backend: {place} does not exist")
            backend = self._load_path(name, place)
            if backend is None:
                raise BackendError(f"ERR {name} backend: {place} holds neither a framework nor a backend module")
            return self._keep(name, backend)

    @cached_property
    def _entry_points(self) -> Mapping[str, EntryPoint]:
        from importlib.metadata import entry_points  # costs a start 20 ms, so only when a name is asked for

        return {point.name.upper(): point for point in entry_points(group=ENTRY_POINTS)}

    def _lock(self, name: str) -> threading.Lock:
        if name not in self.names():
            raise BackendError(ai_texts.UNSUPPORTED_BACKEND)
        return self._locks.setdefault(name, threading.Lock())

    def _keep(self, name: str, backend: Backend) -> Backend:
        self._loaded[name] = backend
        self._log("notice", f"{name} backend loaded, version {backend.version}")
        return backend

    def _is_default(self, name: str, place: Path) -> bool:
        """Whether a path names the default directory, or the library that RedisAI has there."""
        if name not in BUILT_IN or not self.backends_path:
            return False
        directory = BUILT_IN[name].directory
        default = os.path.join(self.backends_path, directory)
        return str(place) in (default, os.path.join(default, f"{directory}.so"))

    def _load_default(self, name: str) -> Backend:
        entry = BUILT_IN.get(name)
        if entry is None or name in self._entry_points:
            return self._load_other(name)
        from pathlib import Path

        place = Path(self.backends_path, entry.directory)
        if self.backends_path and place.exists():
            backend = self._load_path(name, place)
            if backend is not None:
                return backend
        if self.backends_path:
            self._log("notice", f"{name} backend: nothing to load in {place}, taking the installed package")
        return _load(importlib.import_module(entry.module), self.settings, None, name)

    def _load_other(self, name: str) -> Backend:
        if name == "STUB" and self._stub:
            return _load(importlib.import_module(STUB), self.settings, None, name)
        try:
            made = self._entry_points[name].load()
        except Exception as error:
            raise BackendError(f"ERR {name} backend cannot be imported: {error}") from error
        return _load(made, self.settings, None, name)

    def _load_path(self, name: str, place: Path) -> Backend | None:
        """The backend in a directory or file; None where there is none."""
        if place.is_file() and place.suffix == ".py":
            return self._load_module(name, place)
        directory = place if place.is_dir() else place.parent
        for file in ("backend.py", "__init__.py"):
            if (directory / file).is_file():
                return self._load_module(name, directory / file)
        entry = BUILT_IN.get(name)
        if entry is None or not any(frameworks.holds(directory, package) for package in entry.packages):
            return None
        return _load(importlib.import_module(entry.module), self.settings, directory, name)

    def _load_module(self, name: str, file: Path) -> Backend:
        module = frameworks.import_file(file, f"pyredisai_backend_{name.lower()}")
        return _load(module, self.settings, file.parent, name)


def _load(made: Any, settings: BackendSettings, directory: Path | None, name: str) -> Backend:
    load = made if callable(made) else getattr(made, "load", None)
    if load is None:
        raise BackendError(f"ERR {name} backend: the module has no function `load`")
    try:
        backend: Backend = load(settings, directory)
    except BackendError:
        raise
    except Exception as error:
        raise BackendError(f"ERR {name} backend failed to load: {error}") from error
    return backend
