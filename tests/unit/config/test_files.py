"""Conf files, command lines and rewriting without a real server beside them; `tests/differential` compares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredisai.config.argv import parse_argv
from pyredisai.config.compound import Primary
from pyredisai.config.conffile import Loader, MissingFile
from pyredisai.config.lines import quoted, split_line, to_bytes, to_text
from pyredisai.config.registry import Registry
from pyredisai.config.rewrite import rewrite, updated
from pyredisai.errors import ConfigError


@given(st.binary(max_size=40))
def test_quoted_reads_back(data: bytes) -> None:
    """Any bytes survive being written and read."""
    assert split_line(quoted(to_text(data))) == [to_text(data)]
    assert to_bytes(to_text(data)) == data


@given(st.lists(st.text(max_size=10), max_size=6))
def test_any_arguments_are_read_or_refused(argv: list[str]) -> None:
    """No command line raises anything but ConfigError."""
    line = parse_argv(argv)
    try:
        Loader(Registry(), lambda: ["get"]).take(line.options)
    except ConfigError:
        pass


def test_smartsim_command_line(tmp_path: Path) -> None:
    """The shape of SmartSim's own: file first, module with options, one-word and many-word options mixed."""
    argv = [str(tmp_path / "redis.conf"), "--loadmodule", "/m/redisai.so", "THREADS_PER_QUEUE 4", "--port", "6780"]
    argv += [
        "--cluster-config-file",
        "n.conf",
        "--bind 127.0.0.1 10.0.0.1",
        "--bind-source-addr",
        "127.0.0.1",
        "--save",
        "",
    ]
    line = parse_argv(argv)
    config = Registry()
    Loader(config).take(line.options)
    assert line.file == str(tmp_path / "redis.conf")
    assert config.modules == [("/m/redisai.so", ["THREADS_PER_QUEUE 4"])]
    assert (config["port"], config["bind"], config["save"]) == (6780, ["127.0.0.1", "10.0.0.1"], [])


def test_standard_input_stands_between_file_and_options(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("hz 1\ntimeout 1\nmaxmemory 1\n")
    config = Registry()
    Loader(config, read_stdin=lambda: b"timeout 2\nmaxmemory 2\n").load(str(path), stdin=True, options="maxmemory 3")
    assert (config["hz"], config["timeout"], config["maxmemory"]) == (1, 2, 3)


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "circle.conf"
    path.write_text(f"include {path}\n")
    with pytest.raises(ConfigError, match="in a circle"):
        Loader(Registry()).load(str(path))


def test_includes(tmp_path: Path) -> None:
    """Files in files, all that a pattern matches, and the place of an error within them."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.conf").write_text("hz 1\ntimeout 1\n")
    (tmp_path / "d" / "2.conf").write_text("timeout 2\n")
    config = Registry()
    Loader(config).take(f"hz 5\ninclude {tmp_path}/d/*.conf\nmaxmemory 5\n")
    assert (config["hz"], config["timeout"], config["maxmemory"]) == (1, 2, 5)
    (tmp_path / "bad.conf").write_text("\nhz x\n")
    with pytest.raises(ConfigError, match=r"at line 2\n>>> 'hz x'"):
        Loader(Registry()).take(f"\n\n\ninclude {tmp_path}/bad.conf")
    with pytest.raises(MissingFile, match="can't open config file"):
        Loader(Registry()).take(f"include {tmp_path}/none.conf")


def test_sentinel_is_refused() -> None:
    with pytest.raises(ConfigError, match="no sentinel"):
        Loader(Registry()).take("sentinel")


def test_rewriting_twice_changes_nothing() -> None:
    config = Registry()
    config.set([("maxmemory", "1gb"), ("requirepass", "é \n"), ("hz", "20")])
    once = updated("# top\n\n\nhz 5\nnonsense line\n", config)
    assert once.startswith("# top\n\nhz 20\n# ??? nonsense line\n")
    again = updated(once, config)
    assert updated(again, config) == again
    read = Registry()
    Loader(read).take(again)
    assert read.find(["*"]) == config.find(["*"])


def test_whom_a_node_of_a_cluster_follows_is_not_rewritten() -> None:
    config = Registry()
    config.put("replicaof", Primary("127.0.0.1", 7001))
    assert "replicaof 127.0.0.1 7001\n" in updated("", config)
    config.put("cluster-enabled", True)
    assert "replicaof" not in updated("cluster-enabled yes\n", config)


def test_rewriting_keeps_mode_and_leaves_no_other_file(tmp_path: Path) -> None:
    config = Registry()
    config.config_file = str(tmp_path / "redis.conf")
    Path(config.config_file).write_text("hz 5\n")
    os.chmod(config.config_file, 0o640)
    rewrite(config)
    assert os.stat(config.config_file).st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["redis.conf"]
