"""oom-score-adj, on a file in place of the kernel's."""

from pathlib import Path

import pytest

from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError
from pyredisai.server.log import Log
from pyredisai.server.oom_score import OomScore


def test_scores_follow_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "score"
    file.write_text("100\n")
    config = Registry()
    OomScore(config, Log(config), file)
    assert file.read_text() == "100\n"
    for pairs, score in (
        ([("oom-score-adj", "relative")], 100),
        ([("oom-score-adj-values", "50 200 800")], 150),
        ([("oom-score-adj", "absolute")], 50),
        ([("oom-score-adj-values", "1500 0 0")], 1000),
        ([("oom-score-adj", "no")], 100),
    ):
        config.set(pairs)
        assert int(file.read_text()) == score


def test_what_the_kernel_refuses_is_told(tmp_path: Path) -> None:
    config = Registry()
    OomScore(config, Log(config), tmp_path / "none" / "score")
    with pytest.raises(ConfigError, match="Failed to apply new oom_score_adj"):
        config.set([("oom-score-adj", "yes")])
    assert config["oom-score-adj"] == "no"
