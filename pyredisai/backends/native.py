"""Shared libraries that take long to load, brought in beside other threads.

An import loads its library with the interpreter's lock held, and the libraries of a framework need some hundred
milliseconds for that. A foreign function is called without the lock, so here the system's own `dlopen` is: the import
then finds the library loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys


def load_beside_others(package: str, library: str, *, everywhere: bool = False) -> bool:
    """Load a library of an installed package, named from its directory; False where that is not possible or needed.

    `everywhere`: its symbols serve all that are loaded later.
    """
    if package in sys.modules or os.name != "posix":
        return False
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return False
    path = os.path.join(os.path.dirname(spec.origin), library)
    if not os.path.exists(path):
        return False
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
    return bool(dlopen(os.fsencode(path), os.RTLD_NOW | (os.RTLD_GLOBAL if everywhere else os.RTLD_LOCAL)))
