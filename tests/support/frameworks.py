"""A second version of onnxruntime, installed once into a directory of its own (build/frameworks, which git ignores)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CACHE = ROOT / "build" / "frameworks"
VERSIONS = ("1.20.1", "1.22.1")
SECONDS = 20  # for a download of 15 MB; a test run does not wait longer


def other_onnxruntime() -> tuple[str, Path]:
    """Version and directory of an onnxruntime that is not the installed one; skips where it cannot be had."""
    installed = importlib.metadata.version("onnxruntime")
    version = next(version for version in VERSIONS if version != installed)
    place = CACHE / f"onnxruntime-{version}-py{sys.version_info[0]}{sys.version_info[1]}"
    if not place.is_dir():
        _install(f"onnxruntime=={version}", place)
    return version, place


def _install(requirement: str, place: Path) -> None:
    """pip install --target, without what it depends on: the server's environment has that."""
    place.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=place.parent))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += [
        "--only-binary",
        ":all:",
        "--retries",
        "0",
        "--timeout",
        "5",
        "--target",
        str(making / "files"),
        requirement,
    ]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=SECONDS, check=False)
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1] if done.returncode else ""
        if not reason:
            (making / "files").rename(place)
    except subprocess.TimeoutExpired:
        reason = f"not within {SECONDS} seconds"
    except OSError:  # somebody else was quicker
        reason = "" if place.is_dir() else "it cannot be kept"
    finally:
        shutil.rmtree(making, ignore_errors=True)
    if reason:
        pytest.skip(f"{requirement} cannot be installed: {reason}")


def installed_directory(folder: Path, package: str) -> Path:
    """A directory that holds the installed version of a package, as a private install would."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder.mkdir(parents=True)
    (folder / package).symlink_to(Path(spec.origin).parent, target_is_directory=True)
    return folder
