"""The documentation names what exists, and nothing else; its links lead somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from pyredisai import __version__
from pyredisai.commands.table import build_table
from tests.support.paths import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_every_ai_command_has_its_section_and_no_other() -> None:
    documented = set(re.findall(r"^## (AI\.\S+)$", read("docs/commands.md"), re.MULTILINE))
    assert documented == {name.upper() for name in build_table().commands if name.startswith("ai.")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_placeholder_is_left(page: Path) -> None:
    """Left-over marks such as STATUS_TABLE, alone on a line."""
    assert re.findall(r"^[A-Z]+_[A-Z_]+$", page.read_text("utf-8"), re.MULTILINE) == []


def test_readme_names_every_extra_and_make_target() -> None:
    readme = read("README.md")
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    pages = readme + read("docs/backends.md")
    assert [extra for extra in extras if extra not in pages] == []
    targets = re.findall(r"^([a-z-]+):.*## ", read("Makefile"), re.MULTILINE)
    assert len(targets) > 5
    assert [target for target in targets if not re.search(rf"make {target}\b|`{target}`", readme)] == []


def test_changelog_names_the_version() -> None:
    assert f"[{__version__}]" in read("CHANGELOG.md")


def test_constraints_cover_what_the_extras_ask_for() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    names = {re.match(r"[\w-]+", line)[0].lower() for line in asked}  # type: ignore[index]
    pinned = set(re.findall(r"^([\w-]+)==", read("constraints.txt"), re.MULTILINE))
    assert names - pinned - {"pyredisai"} == set()


def test_architecture_records_are_numbered() -> None:
    numbers = sorted(path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
