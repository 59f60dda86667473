"""The registry: values, what watchers hear, and that a refused change leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyredisai.config.registry import BY_NAME, PARAMS, Registry
from pyredisai.errors import ConfigError

PACKAGE = Path(__file__).resolve().parents[3] / "pyredisai"
# Read through names that are put together, or by the registry itself.
INDIRECT = {"enable-protected-configs", "enable-debug-command", "enable-module-command", "dir"}
INDIRECT |= {"ai.tf", "ai.tflite", "ai.torch", "ai.onnx"}


def test_names_are_unique() -> None:
    names = [name for param in PARAMS for name in (param.name, param.alias) if name]
    assert len(names) == len(set(names)) == len(BY_NAME)


@pytest.mark.parametrize("param", PARAMS, ids=lambda param: param.name)
def test_shown_defaults_read_back(param: object) -> None:
    """What CONFIG GET shows can be set again and is the same value."""
    row = next(each for each in PARAMS if each is param)
    value = row.default_value()
    if row.name not in ("replicaof", "dir") and not (row.shown_default and not value):
        assert row.type.parse(row.words(row.type.show(value)), {} if not row.type.accumulates else []) == value


def test_values_are_parsed() -> None:
    config = Registry({"port": 7777})
    assert (config["port"], config["maxmemory"], config["appendonly"]) == (7777, 0, False)
    assert config["bind"] == ["*", "-::*"]
    assert config["save"] == [(3600, 1), (300, 100), (60, 10000)]
    assert config["slave-read-only"] is config["replica-read-only"] is True
    assert config["ai.model-chunk-size"] == 511 * 1024 * 1024
    with pytest.raises(KeyError):
        config["no-such"]


def test_watchers_hear_of_changes_only() -> None:
    config, heard = Registry(), list[int]()
    config.watch("hz", heard.append)
    config.set([("hz", "10")])
    config.set([("hz", "20"), ("timeout", "5")])
    config.put("hz", 30)
    assert heard == [10, 20, 30]


def test_a_watcher_may_refuse() -> None:
    """Everything set with it is undone, and who heard of it hears the old value."""
    config, heard = Registry(), list[int]()

    def refuse(value: int) -> None:
        if value == 5:
            raise ConfigError("five is too many")

    config.watch("timeout", heard.append)
    config.watch("hz", refuse)
    with pytest.raises(ConfigError, match=r"'hz'\) - five is too many"):
        config.set([("timeout", "9"), ("maxmemory", "1"), ("hz", "5")])
    assert (config["timeout"], config["maxmemory"], config["hz"]) == (0, 0, 10)
    assert heard == [0, 9, 0]


def test_protected_parameters_ask() -> None:
    config = Registry()
    with pytest.raises(ConfigError, match="can't set protected config"):
        config.set([("dbfilename", "x.rdb")], lambda param: param.protected_by != "enable-protected-configs")
    config.set([("dbfilename", "x.rdb")], lambda param: True)
    assert config["dbfilename"] == "x.rdb"


def test_missing_features_are_refused() -> None:
    config = Registry()
    config.set([("tls-session-cache-size", "20480")])
    with pytest.raises(ConfigError, match="TLS session cache than OpenSSL's own is not available"):
        config.set([("tls-session-cache-size", "6")])
    with pytest.raises(ConfigError, match="is not available"):
        config.load("tls-ciphersuites", ["TLS_AES_128_GCM_SHA256"])


def test_watchers_of_several_are_told_once() -> None:
    """All values are set by then; one that refuses leaves the old ones, and is told of them once."""
    config = Registry()
    heard: list[tuple[int, str]] = []

    def look() -> None:
        heard.append((config["timeout"], config["tls-cert-file"]))
        if config["timeout"] == 5:
            raise ConfigError("five is too many")

    config.watch_together(("timeout", "tls-cert-file"), look)
    config.set([("timeout", "3"), ("hz", "11"), ("tls-cert-file", "a")])
    with pytest.raises(ConfigError, match=r"'tls-cert-file'\) - five is too many"):
        config.set([("tls-cert-file", "b"), ("timeout", "5")])
    assert heard == [(3, "a"), (5, "b"), (3, "a")]
    config.set([("timeout", "3")])
    assert heard == [(3, "a"), (5, "b"), (3, "a")]
    config.set([("tls-cert-file", "a")])  # the file may have changed
    assert heard[3:] == [(3, "a")]


def test_hidden_names_need_their_exact_name() -> None:
    found = Registry().find(["*", "use-exit-on-panic"])
    assert "use-exit-on-panic" in found
    assert "watchdog-period" not in found


def test_what_works_is_read() -> None:
    """A parameter that claims an effect is read somewhere outside this room, or to make TLS contexts."""
    config = PACKAGE / "config"
    files = [path for path in PACKAGE.rglob("*.py") if path.parent != config or path.name == "tls.py"]
    source = "\n".join(path.read_text("utf-8") for path in files)
    works = [param for param in PARAMS if param.effect == "works" and param.name not in INDIRECT]
    assert [param.name for param in works if f'"{param.name}"' not in source] == []


def test_what_has_no_effect_is_not_read() -> None:
    """A parameter that is marked as without an effect is read nowhere but by INFO: who reads one corrects its mark."""
    homes = (PACKAGE / "config", PACKAGE / "commands" / "info", PACKAGE / "errors")
    files = [path for path in PACKAGE.rglob("*.py") if not any(path.is_relative_to(home) for home in homes)]
    source = "\n".join(path.read_text("utf-8") for path in files)
    idle = [param for param in PARAMS if param.effect != "works" and not param.missing]
    read = [param.name for param in idle if f'["{param.name}"]' in source or f'watch("{param.name}"' in source]
    assert read == [], "these have an effect: remove A from their rows"
