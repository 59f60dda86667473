"""oom-score-adj: how readily the kernel ends this process when memory is short (Linux).

The scores are the process' own: `relative` ones are added to what it was started with, and `no` after
another mode gives that back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError
from pyredisai.errors import config_texts as texts
from pyredisai.server.log import Log

FILE: Final = Path("/proc/self/oom_score_adj")
_LIMIT: Final = 1000


class OomScore:
    """Keeps the process' score as the configuration says. `first` is the score before any change."""

    def __init__(self, config: Registry, log: Log, file: Path = FILE) -> None:
        self._config, self._log, self._file = config, log, file
        self.first: int | None = None
        self._started = False
        for name in ("oom-score-adj", "oom-score-adj-values"):
            config.watch(name, self._apply)
        self._started = True

    def _apply(self, _: object) -> None:
        """Write the score. Raises ConfigError where that is not permitted; a start only logs it."""
        mode: str = self._config["oom-score-adj"]
        if mode == "no" and self.first is None:
            return
        try:
            if self.first is None:
                self.first = int(self._file.read_text("ascii"))
            self._file.write_text(f"{self.score(mode, self.first)}", "ascii")
        except (OSError, ValueError) as error:
            self._log("warning", f"Unable to write oom_score_adj: {error}")
            if self._started:
                raise ConfigError(texts.OOM_FAILED) from None

    def score(self, mode: str, first: int) -> int:
        """What a mode makes of the score `first`."""
        if mode == "no":
            return first
        primary, replica, _ = self._config["oom-score-adj-values"]
        wanted: int = replica if self._config["replicaof"] else primary
        return min(max(wanted + (first if mode == "relative" else 0), -_LIMIT), _LIMIT)
