"""Module arguments: RedisAI's log lines, and that a refused list sets nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyredisai.config.modules import directory_of, load_module, separate, start_modules
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError

PATH = "/usr/lib/redis/modules/redisai.so"


class Lines(list[tuple[str, str]]):
    """A log that remembers."""

    def __call__(self, level: str, text: str) -> None:
        self.append((level, text))


@pytest.mark.parametrize(
    ("path", "directory"),
    [(PATH, "/usr/lib/redis/modules"), ("/a/redisai", "/a"), ("/a/b/", "/a/b"), ("redisai.so", "."), ("/", "/")],
)
def test_directory(path: str, directory: str) -> None:
    assert directory_of(path) == directory


def test_an_existing_directory_needs_no_slash(tmp_path: Path) -> None:
    assert directory_of(str(tmp_path)) == str(tmp_path)
    (tmp_path / "other.so").touch()
    with pytest.raises(ConfigError, match="built in"):
        directory_of(str(tmp_path / "other.so"))


def test_options_are_set_and_logged() -> None:
    config, log = Registry(), Lines()
    module = load_module(config, PATH, ["threads_per_queue", "2", "BackendsPath", "/b", "TORCH", "x"], log)
    assert (config["ai.threads-per-queue"], config["ai.backends-path"], config["ai.torch"]) == (2, "/b", "x")
    assert ("notice", "Setting THREADS_PER_QUEUE parameter to: 2") in log
    assert (module.path, module.arguments[0], module.loaded) == (PATH, "threads_per_queue", True)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["THREADS_PER_QUEUE"], "Even number of arguments provided to module"),
        (["INTRA_OP_PARALLELISM", "2", "THREADS_PER_QUEUE", "0"], "ERR error processing argument: THREADS_PER_QUEUE 0"),
        (["Nope", "1"], "ERR error processing argument: Nope 1"),
        (["MODEL_EXECUTION_TIMEOUT", "999"], "ERR error processing argument: MODEL_EXECUTION_TIMEOUT 999"),
    ],
)
def test_refusals(arguments: list[str], line: str) -> None:
    config, log = Registry(), Lines()
    before = config.find(["*"])
    with pytest.raises(ConfigError):
        load_module(config, PATH, arguments, log)
    assert any(text.startswith(line) for level, text in log if level == "warning")
    assert config.find(["*"]) == before


def test_names_and_values_in_one_argument() -> None:
    """SmartSim passes "THREADS_PER_QUEUE 4" as one; a value with a blank stays one."""
    assert separate(["threads_per_queue 4", "BACKENDSPATH", "/a b", "TF x"]) == [
        *("threads_per_queue", "4", "BACKENDSPATH", "/a b", "TF", "x"),
    ]
    assert separate(["NO SUCH", "1"]) == ["NO SUCH", "1"]


def test_start_refuses_a_second_module_and_unknown_options() -> None:
    config, log = Registry(), Lines()
    config.modules = [(PATH, []), (PATH, [])]
    with pytest.raises(ConfigError):
        start_modules(config, {}, log)
    assert log[-1] == ("warning", f"Can't load module from {PATH}: server aborting")
    with pytest.raises(ConfigError, match="aborting"):
        start_modules(Registry(), {"search.x": "1"}, log)
    with pytest.raises(ConfigError):
        start_modules(Registry(), {"ai.threads-per-queue": "0"}, log)
