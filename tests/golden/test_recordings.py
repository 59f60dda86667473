"""Every recording of a real RedisAI passes, or stands in pending.txt with its reason.

One that passes and stands there fails, so the list only shrinks. A recording of a backend whose package is missing
is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.golden.recordings import Recording, Replayer, pending, recordings

ALL = recordings()
PENDING = pending()


@pytest.fixture(scope="module")
def replayer() -> Iterator[Replayer]:
    replayer = Replayer()
    yield replayer
    replayer.close()


@pytest.mark.parametrize(
    "recording",
    [pytest.param(each, id=each.name, marks=pytest.mark.xdist_group(each.path.name)) for each in ALL]
    or [pytest.param(None, id="none", marks=pytest.mark.skip("no folder `shared` beside the repository"))],
)
def test_recording(recording: Recording, replayer: Replayer) -> None:
    if recording.missing_packages:
        pytest.skip(f"not installed: {', '.join(recording.missing_packages)}")
    problem = replayer.replay(recording)
    if recording.name in PENDING:
        if problem is None:
            pytest.fail("passes now: take it off pending.txt (python -m tests.golden.pending --update)")
        pytest.xfail(PENDING[recording.name])
    if problem is not None:
        pytest.fail(problem, pytrace=False)


@pytest.mark.skipif(not ALL, reason="no folder `shared` beside the repository")
def test_pending_names_exist() -> None:
    assert PENDING.keys() - {recording.name for recording in ALL} == set()
