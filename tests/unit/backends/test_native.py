"""A framework's library is loaded before its import, without the interpreter's lock."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pyredisai.backends.native import load_beside_others
from tests.support.paths import PACKAGE_PATH

SCRIPT = """
from pyredisai.backends.native import load_beside_others
assert load_beside_others("torch", "lib/libtorch_python.so")
assert "libtorch_python.so" in open("/proc/self/maps").read()
import torch
assert not load_beside_others("torch", "lib/libtorch_python.so")
print(int(torch.ones(2).sum()))
"""


def test_what_is_not_there_is_left_alone() -> None:
    assert not load_beside_others("no_such_package", "lib/x.so")
    assert not load_beside_others("pytest", "no_such.so")
    assert not load_beside_others("xml.dom", "no_such.so")


def test_the_import_takes_what_was_loaded() -> None:
    pytest.importorskip("torch")
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=PACKAGE_PATH, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2\n", "")
