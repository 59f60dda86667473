"""nodes.conf: what is written is read, what redis-server writes too; what is damaged is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pyredisai.cluster.config_file import ConfigFile, ConfigFileError
from pyredisai.cluster.nodes_conf import BadNodesConf, parse, render
from pyredisai.cluster.state import NodeFlag

ME, OTHER, REPLICA = "1" * 40, "2" * 40, "3" * 40
TEXT = f"""\
{REPLICA} 127.0.0.1:7003@17003,host.example slave {OTHER} 0 1700000000000 2 connected
{ME} 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-99 200 [5->-{OTHER}] [16383-<-{OTHER}]
{OTHER} 127.0.0.1:7002@17002 master,fail - 1 1 2 disconnected 100-199 16383
vars currentEpoch 7 lastVoteEpoch 6
"""


def test_reading() -> None:
    state = parse(TEXT, 1000)
    other, replica = state.nodes[OTHER], state.nodes[REPLICA]
    assert state.myself.id == ME
    assert state.myself.has(NodeFlag.MYSELF)
    assert sorted(state.myself.slots) == [*range(100), 200]
    assert state.owners[150] is other
    assert other.has(NodeFlag.FAIL)
    assert other.fail_ms == 1000
    assert replica.master is other
    assert other.replicas == [replica]
    assert (replica.hostname, replica.ip, replica.port, replica.bus_port) == ("host.example", "127.0.0.1", 7003, 17003)
    assert state.migrating == {5: other}
    assert state.importing == {16383: other}
    assert (state.current_epoch, state.last_vote_epoch, other.config_epoch) == (7, 6, 2)
    assert not state.changed


def test_writing_and_reading_again() -> None:
    once = render(parse(TEXT, 1000))
    assert render(parse(once, 1000)) == once


def test_nodes_that_are_being_met_are_left_out() -> None:
    state = parse(TEXT, 1000)
    state.nodes[OTHER].flags |= NodeFlag.HANDSHAKE
    assert f"\n{OTHER}" not in render(state)


def test_current_epoch_is_never_below_a_nodes() -> None:
    assert parse(TEXT.replace("currentEpoch 7", "currentEpoch 1"), 0).current_epoch == 2


@pytest.mark.parametrize(
    "text",
    [
        "garbage\n",
        TEXT.replace("myself,", ""),
        TEXT.replace("17001", "x"),
        TEXT.replace("0-99", "0-16384"),
        TEXT.replace("0-99", "zero"),
        TEXT.replace("slave", "slaver"),
        TEXT.replace(" 7 ", " seven "),
        TEXT.replace("vars currentEpoch 7", "vars currentEpoch"),
        TEXT.replace(f"slave {OTHER}", "slave short"),
        TEXT.replace("master,fail", "myself,master"),
        TEXT[: TEXT.index("myself")],
    ],
)
def test_damaged_files_are_refused(text: str) -> None:
    with pytest.raises(BadNodesConf):
        parse(text, 0)


class Files:
    """A file whose helper thread and loop run when they are told to."""

    def __init__(self, path: Path) -> None:
        self.work: list[Callable[[], None]] = []
        self.log: list[str] = []
        self.file = ConfigFile(str(path), self.work.append, lambda f: f(), lambda level, text: self.log.append(text))

    def run(self) -> None:
        while self.work:
            self.work.pop(0)()


def test_file_is_made_locked_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "nodes.conf"
    one, two = Files(path), Files(path)
    assert one.file.open() == ""
    one.file.write_now("first\n")
    with pytest.raises(ConfigFileError, match="already used by a different"):
        two.file.open()
    done: list[str] = []
    one.file.write("second\n", lambda: done.append("second"))
    one.file.write("third\n", lambda: done.append("third"))
    assert done == []
    assert one.file.is_writing
    one.run()
    assert done == ["second", "third"]
    assert not one.file.is_writing
    assert path.read_text() == "third\n"
    with pytest.raises(ConfigFileError, match="already used by a different"):
        Files(path).file.open()
    one.file.close()
    assert Files(path).file.open() == "third\n"
    assert [name.name for name in tmp_path.iterdir()] == ["nodes.conf"]


def test_what_waits_for_the_disk_waits_longer_when_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    files = Files(folder / "nodes.conf")
    files.file.open()
    folder.rename(tmp_path / "gone")
    done: list[str] = []
    files.file.write("one\n", lambda: done.append("one"))
    files.run()
    assert done == []
    assert files.file.failed
    assert "Could not write" in files.log[0]
    (tmp_path / "gone").rename(folder)
    files.file.write("two\n", lambda: done.append("two"))
    files.run()
    assert done == ["one", "two"]
    assert not files.file.failed


def test_an_older_text_never_replaces_a_newer_one(tmp_path: Path) -> None:
    files = Files(tmp_path / "nodes.conf")
    files.file.open()
    files.file.write("older\n")
    files.file.write_now("newer\n")
    files.run()
    assert (tmp_path / "nodes.conf").read_text() == "newer\n"
