"""Imports a framework: the installed one, or a private install in a directory of its own.

A private install is what `pip install --target DIR onnxruntime==1.20` makes. It is imported without a change
to sys.path: its top package is found in DIR and bound in sys.modules, its submodules follow from there. What
it needs and this environment lacks is found in DIR too, by a finder that stands behind all others. A process
holds one version of a framework.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from pyredisai.errors import BackendError, BackendMissing

if TYPE_CHECKING:
    from pathlib import Path

_lock = threading.RLock()


class FallbackFinder:
    """Finds in private directories what nothing else finds: the frameworks' own dependencies."""

    def __init__(self) -> None:
        self.directories: list[str] = []

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A top package's spec in one of the directories."""
        if path is not None:
            return None
        return importlib.machinery.PathFinder.find_spec(name, self.directories, target)


_fallback = FallbackFinder()


def installed_versions() -> dict[str, str]:
    """The versions of what pip has installed, by normalized name (`tensorflow_cpu`), read off the directories' names.

    importlib.metadata knows as much, but takes 40 ms, which a start need not spend.
    """
    found: dict[str, str] = {}
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith(".dist-info"):
                distribution, _, version = name.removesuffix(".dist-info").partition("-")
                found.setdefault(re.sub("[-.]", "_", distribution).lower(), version)
    return found


def holds(directory: Path, module: str) -> bool:
    """Whether a private install of `module` is in the directory."""
    return _find(directory, module) is not None


def import_framework(module: str, directory: Path | None, extra: str) -> ModuleType:
    """Import `module`, from `directory` if given. `extra` names the pip extra in the error.

    Raises BackendMissing when it is not installed, BackendError when it does not import, or when another
    copy of it is in the process already.
    """
    with _lock, _no_collections():
        if directory is not None:
            return _import_private(module, directory)
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.split(".")[0] == module.split(".")[0]:
                raise BackendMissing(missing_text(module, extra)) from error
            raise BackendError(f"ERR {module} cannot be imported: {error}") from error
        except Exception as error:
            raise BackendError(f"ERR {module} cannot be imported: {_first_line(error)}") from error


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """An import makes some hundred thousand objects that stay: full collections would go through them time and again,
    and the server's clients would wait for that."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


def import_file(path: Path, name: str) -> ModuleType:
    """Import a module from a file (or a package's __init__.py) under a name of its own."""
    places = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=places)
    if spec is None or spec.loader is None:
        raise BackendError(f"ERR {path} is no Python module")
    return _execute(spec, name)


def missing_text(module: str, extra: str) -> str:
    """What a client reads when a framework is not installed."""
    return f"ERR {module} is not installed; install it with: pip install 'pyredisai[{extra}]'"


def _import_private(module: str, directory: Path) -> ModuleType:
    top = module.split(".")[0]
    spec = _find(directory, top)
    if spec is None:
        raise BackendMissing(f"ERR {directory} holds no {module}")
    present = sys.modules.get(top)
    if present is None:
        place = os.path.dirname(os.path.dirname(spec.origin)) if spec.origin else str(directory)
        if place not in _fallback.directories:
            _fallback.directories.append(place)
        if _fallback not in sys.meta_path:
            sys.meta_path.append(_fallback)
        _execute(spec, top)
    elif getattr(present, "__file__", None) != spec.origin:
        raise BackendError(f"ERR {module} is loaded already, from {getattr(present, '__file__', 'elsewhere')}")
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise BackendError(f"ERR {module} cannot be imported from {directory}: {_first_line(error)}") from error


def _find(directory: Path, module: str) -> importlib.machinery.ModuleSpec | None:
    """The spec of a package in a --target directory, or in a virtual environment's site-packages."""
    import sysconfig

    libraries = sysconfig.get_path("purelib", vars={"base": str(directory), "platbase": str(directory)})
    for place in (str(directory), libraries, str(directory / "site-packages")):
        spec = importlib.machinery.PathFinder.find_spec(module.split(".")[0], [place])
        if spec is not None and spec.loader is not None:
            return spec
    return None


def _execute(spec: importlib.machinery.ModuleSpec, name: str) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for loaded in [n for n in sys.modules if n == name or n.startswith(name + ".")]:
            del sys.modules[loaded]
        raise BackendError(f"ERR {name} cannot be imported from {spec.origin}: {_first_line(error)}") from error
    return module


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
