"""What --check-system and --test-memory say, on files and memory of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyredisai.console import memory
from pyredisai.server import memory_check, system_check


def test_what_warns_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("xen\n")
    (tmp_path / "pages").write_text("[always] madvise never\n")
    monkeypatch.setattr(system_check, "_CLOCK", tmp_path / "clock")
    monkeypatch.setattr(system_check, "_HUGE_PAGES", tmp_path / "pages")
    monkeypatch.setitem(system_check.CHECKS, "slow-clocksource", lambda: "")
    shown: list[str] = []
    assert not system_check.check_system(shown.append)
    assert [text.partition("\n")[0] for text in shown] == [
        "[slow-clocksource]...OK",
        "[xen-clocksource]...WARNING:",
        "[overcommit]...skipped",
        "[THP]...WARNING:",
    ]
    (tmp_path / "clock").write_text("tsc\n")
    (tmp_path / "pages").unlink()
    shown.clear()
    assert system_check.check_system(shown.append)
    assert shown[1:] == ["[xen-clocksource]...OK", "[overcommit]...skipped", "[THP]...skipped"]
    assert system_check.slow_clock() is not None


def test_memory_that_holds_and_memory_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    assert memory_check.memory_errors(1, shown.append, passes=2) == 0
    assert len(shown) == 8
    assert shown[0] == "pass 1 of 2, addresses: no errors"

    class Bad(np.ndarray[Any, Any]):
        def __setitem__(self, key: object, value: object) -> None:
            super().__setitem__(key, value)
            super().__setitem__(7, 12345)

    monkeypatch.setattr(memory_check.np, "empty", lambda *args: np.zeros(*args).view(Bad))
    assert memory_check.memory_errors(1, shown.append, passes=1) == 4


def test_the_amount_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ([], ["x"], ["0"], ["-1"]):
        assert memory(argv) == 1
        assert "amount of memory" in capsys.readouterr().out
    assert memory(["99999999999"]) == 1
    assert "not so much" in capsys.readouterr().err
