"""docs/configuration.md: its examples do what they show; its tables and redisai.conf.example are up to date."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyredisai.config import docs
from pyredisai.config.conffile import Loader
from pyredisai.config.registry import BY_NAME, PARAMS, Registry
from tests.support.paths import PACKAGE_PATH, ROOT
from tests.support.server import Server, free_port

TEXT = (ROOT / docs.PAGE).read_text("utf-8")
CONF = re.search(r"```conf\n(.*?)```", TEXT, re.DOTALL)
PROSE = re.sub(r"```conf.*?```", "", TEXT, flags=re.DOTALL)
EXAMPLES = [
    (title, block)
    for title, section in re.findall(
        r"^#+ (.*?)\n(.*?)(?=^#|\Z)", re.sub(r"```conf.*?```", "", TEXT, flags=re.S), re.M | re.S
    )
    for block in re.findall(r"```console\n(.*?)```", section, re.DOTALL)
]


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of an example and the output that is shown below it."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="redis-cli is not installed")
@pytest.mark.parametrize(("title", "block"), EXAMPLES, ids=[f"{title} {i}" for i, (title, _) in enumerate(EXAMPLES)])
def test_example(title: str, block: str, tmp_path: Path) -> None:
    """Servers start, replies are the ones shown, refused starts end with exit code 1 and the text shown."""
    port = str(free_port())
    conf = tmp_path / "redisai.conf"
    assert CONF is not None
    conf.write_text(CONF[1].replace("{port}", port), "utf-8")
    servers: list[Server] = []
    try:
        for command, output in commands(block.replace("{port}", port).replace("/etc/redisai.conf", str(conf))):
            if "pyredisai-server" in command:
                run_server(command, output, port, tmp_path, servers)
            else:
                words = shlex.split(command)
                done = subprocess.run(["redis-cli", "--no-raw", "--no-auth-warning", *words[1:]], capture_output=True)
                assert done.stdout.decode().strip() == output.strip(), command
    finally:
        for server in servers:
            server.stop()


def run_server(command: str, output: str, port: str, folder: Path, servers: list[Server]) -> None:
    """Start a server as the example does, or see it refuse."""
    feed, _, line = command.rpartition(" | ")
    words = shlex.split(line)[1:]
    text = shlex.split(feed)[1].encode() + b"\n" if feed else b""
    if output:
        argv = [sys.executable, "-m", "pyredisai", *words]
        done = subprocess.run(argv, input=text, capture_output=True, cwd=folder, env={"PYTHONPATH": str(PACKAGE_PATH)})
        assert done.returncode == 1
        assert done.stderr.decode().strip() == output.strip()
        return
    script = "from pyredisai.cli import main; main()"
    if text:
        script = f"import io, sys; sys.stdin = io.TextIOWrapper(io.BytesIO({text!r})); {script}"
    servers.append(Plain(words, script, int(port), folder))


class Plain(Server):
    """A server started with exactly the example's arguments."""

    def __init__(self, words: list[str], script: str, port: int, folder: Path) -> None:
        self.words = [sys.executable, "-c", script, *words]
        super().__init__(port=port, folder=folder)

    @property
    def argv(self) -> list[str]:
        """The command line."""
        return self.words


def test_examples_show_every_way_in() -> None:
    assert len(EXAMPLES) >= 7
    joined = "".join(block for _, block in EXAMPLES)
    for word in ("--loadmodule", "/etc/redisai.conf", "MODULE LOAD", "AI.CONFIG", "CONFIG SET", "pyredisai-server -"):
        assert word in joined


def test_tables_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    assert docs.page(TEXT) == TEXT


def test_example_file_is_up_to_date() -> None:
    """`make docs` would change nothing."""
    assert (ROOT / docs.EXAMPLE).read_text("utf-8") == docs.example()


def test_example_file_lists_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line without its comment sign loads, and sets what is set anyway."""
    monkeypatch.chdir(tmp_path)
    lines = [line.removeprefix("# ") for line in docs.example().splitlines()]
    directives = [line for line in lines if line.split(" ", 1)[0] in BY_NAME and not line.endswith(" PATH")]
    assert {line.split(" ", 1)[0] for line in directives} >= {p.name for p in PARAMS if not p.shown_default}
    registry = Registry()
    Loader(registry).take("\n".join(line for line in directives if not line.startswith("ai.")))
    assert {p.name: registry[p.name] for p in PARAMS} == {p.name: p.default_value() for p in PARAMS}


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_each_row_shows_up_everywhere(param: object) -> None:
    """One row is one option: in CONFIG, in the example file, on the page; AI options in --help and under both names."""
    row = next(each for each in PARAMS if each is param)
    assert row.name in Registry().find([row.name])
    assert f"\n# {row.name} " in docs.example()
    assert f"`{row.name}`" in TEXT
    assert row.doc in TEXT
    if row.option:
        assert row.option in docs.usage("pyredisai-server")
        assert f"`{row.option}`" in TEXT
        assert row.option in docs.example()
