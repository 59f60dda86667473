"""The compiled build: its modules, that the running build is the one that is meant, what is said without mypyc."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tomllib

import pytest

from pyredisai.build import BUILD, COMPILED
from tests.support.paths import ROOT

MODULES = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pyredisai"]["compiled"]
SETUP = """
import runpy, sys
sys.argv = ["setup.py", *{words}]
sys.modules.update(dict.fromkeys({blocked}))
runpy.run_path("setup.py", run_name="__main__")
"""


def run_setup(*words: str, blocked: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
    code = SETUP.format(words=words, blocked=blocked)
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True
    )


def test_this_is_the_build_that_is_meant() -> None:
    """`make test-compiled` names it; a build that silently fell back to the sources would test nothing."""
    assert os.environ.get("PYREDISAI_BUILD", "pure") == BUILD


@pytest.mark.parametrize("name", MODULES)
def test_listed_modules_are_compiled_or_none(name: str) -> None:
    assert (ROOT / "pyredisai" / f"{name}.py").exists()
    spec = importlib.util.find_spec("pyredisai." + name.replace("/", "."))
    assert spec is not None
    assert spec.origin is not None
    assert spec.origin.endswith(".py") != COMPILED


def test_without_mypyc_the_build_says_what_to_install() -> None:
    pytest.importorskip("setuptools")
    done = run_setup("build_ext", blocked=("mypyc", "mypyc.build"), PYREDISAI_COMPILE="1")
    assert done.returncode == 1
    assert "pip install -c constraints.txt mypy" in done.stderr


def test_nothing_is_compiled_unless_asked_for() -> None:
    pytest.importorskip("setuptools")
    done = run_setup("build_ext", blocked=("mypyc", "mypyc.build"), PYREDISAI_COMPILE="0")
    assert done.returncode == 0, done.stderr
