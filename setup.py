"""The optional compiled build: `PYREDISAI_COMPILE=1 pip install .`; without it there is nothing to compile.

The modules are those of `[tool.pyredisai]` in pyproject.toml, where the rest of the package is described too.
"""

import os
import sys
import tomllib
from pathlib import Path

from setuptools import setup

VARIABLE = "PYREDISAI_COMPILE"
ROOT = Path(__file__).resolve().parent
# What mypy says about types is `make types`' business; here unknown imports (numpy need not be there) are no mistake.
OPTIONS = ["--config-file=", "--no-site-packages", "--ignore-missing-imports"]


def extensions(modules: list[str]) -> list:
    """The compiled modules, all in one shared library."""
    try:
        from mypyc.build import mypycify
    except ImportError:
        sys.exit(f"{VARIABLE}=1 needs mypyc: pip install -c constraints.txt mypy setuptools (or build with isolation)")
    os.chdir(ROOT)
    return mypycify([*OPTIONS, *modules], opt_level="2", debug_level="0", group_name="pyredisai")


table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pyredisai"]
wanted = os.environ.get(VARIABLE, "0") not in ("", "0")
builds = not {"egg_info", "dist_info", "sdist"} & set(sys.argv)  # those only describe the package
setup(
    options={"build_ext": {"parallel": os.cpu_count()}},
    setup_requires=table["compile-requires"] if wanted else [],
    ext_modules=extensions([f"pyredisai/{name}.py" for name in table["compiled"]]) if wanted and builds else [],
)
