"""What the server saves is there again; what breaks on the way costs nothing that was acknowledged."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.resp import Closed, RespClient
from tests.support.server import Server, StartError

Start = Callable[..., Server]


def fill(client: RespClient) -> None:
    """One key of each plain type and some tensors."""
    client("SET", "str", "x" * 100)
    client("SET", "int", "12345")
    client("PEXPIREAT", "int", "32503680000000")
    client("RPUSH", "list", *[b"item%d" % i for i in range(300)])
    client("HSET", "hash", *[x for i in range(200) for x in (b"f%d" % i, b"v" * i)])
    client("SADD", "ints", *range(20))
    client("SADD", "set", *[b"m%d" % i for i in range(600)])
    client("SELECT", 5)
    client("AI.TENSORSET", "t", "FLOAT", 2, 2, "VALUES", 1, 2, 3, 4)
    client("AI.TENSORSET", "s", "STRING", 2, "VALUES", "a", "bc")
    client("SELECT", 0)


def contents(client: RespClient) -> list[Any]:
    """What `fill` made, in a form that can be compared."""
    client("SELECT", 5)
    tensors = [client("AI.TENSORGET", "t", "META", "VALUES"), client("AI.TENSORGET", "s", "META", "BLOB")]
    client("SELECT", 0)
    return [
        *(client("GET", "str"), client("GET", "int"), client("PEXPIRETIME", "int"), client("LRANGE", "list", 0, -1)),
        *(client("HGETALL", "hash"), sorted(client("SMEMBERS", "ints")), sorted(client("SMEMBERS", "set"))),
        *(client("DBSIZE"), tensors),
    ]


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def info(client: RespClient, field: str) -> str:
    """One field of INFO persistence."""
    lines = bytes(client("INFO", "persistence")).decode().splitlines()
    return next(line.partition(":")[2] for line in lines if line.startswith(field + ":"))


@pytest.mark.parametrize("how", ["SAVE", "BGSAVE", "SHUTDOWN SAVE"])
def test_a_snapshot_is_loaded_again(start_server: Start, how: str) -> None:
    server = start_server()
    with server.client() as client:
        fill(client)
        before = contents(client)
        if how == "SHUTDOWN SAVE":
            client.send("SHUTDOWN", "SAVE")
            assert server.process is not None
            server.process.wait(20)
        else:
            client(how)
            wait_for(lambda: info(client, "rdb_bgsave_in_progress") == "0" and info(client, "rdb_saves") == "1")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert contents(client) == before


def test_a_background_save_is_of_one_moment(start_server: Start) -> None:
    """Containers that change while the picture is written are saved as they were."""
    server = start_server("--rdbcompression", "no")
    with server.client() as client:
        for i in range(200):
            client("RPUSH", f"l{i}", *range(500))
        client("BGSAVE")
        for i in range(200):
            client("RPUSH", f"l{i}", "late")
            client("RENAME", f"l{i}", f"m{i}")
            client("RPUSH", f"m{i}", "later")
        wait_for(lambda: info(client, "rdb_bgsave_in_progress") == "0")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("DBSIZE") == 200
        assert all(client("LLEN", f"l{i}") == 500 for i in range(200))


def test_the_last_save_is_not_overtaken_by_one_in_the_background(start_server: Start) -> None:
    server = start_server("--rdbcompression", "no")
    with server.client() as client:
        for i in range(3000):
            client("RPUSH", f"l{i}", *range(100))
        client("CONFIG", "SET", "save", "3600 1000000")
        client("BGSAVE")
        client("SET", "last", "1")
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
    assert [path.name for path in server.dir.iterdir() if path.name != "output.log"] == ["dump.rdb"]
    server.start()
    with server.client() as client:
        assert client("DBSIZE") == 3001


def test_a_shutdown_that_fails_goes_on_logging(start_server: Start) -> None:
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    with server.client() as client:
        client("SET", "a", "x" * 10_000)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        assert client("SHUTDOWN", "SAVE") == "ERR Errors trying to SHUTDOWN. Check logs."
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client("SET", "b", "1") == "OK"
    server.kill()
    server.start()
    with server.client() as client:
        assert client("EXISTS", "a", "b") == 2


def test_a_rewrite_without_the_log_does_not_stand_for_it(start_server: Start) -> None:
    """BGREWRITEAOF while the log is off; what is written between it and the turning on is not lost."""
    server = start_server()
    with server.client() as client:
        client("SET", "a", "1")
        client("BGREWRITEAOF")
        wait_for(lambda: info(client, "aof_rewrites") == "1")
        client("SET", "b", "1")
        client("CONFIG", "SET", "appendonly", "yes")
        wait_for(lambda: info(client, "aof_rewrites") == "2")
        client("SET", "c", "1")
    server.stop(keep_folder=True)
    server.args += ["--appendonly", "yes"]
    server.start()
    with server.client() as client:
        assert client("EXISTS", "a", "b", "c") == 3


def test_the_log_is_turned_off_and_on_during_a_rewrite(start_server: Start) -> None:
    server = start_server("--appendonly", "yes")
    with server.client() as client:
        for i in range(3000):
            client("RPUSH", f"l{i}", *range(100))
        client("BGREWRITEAOF")
        client("CONFIG", "SET", "appendonly", "no")
        client("SET", "between", "1")
        client("CONFIG", "SET", "appendonly", "yes")
        wait_for(lambda: info(client, "aof_rewrite_in_progress") == "0")
        client("SET", "after", "1")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("EXISTS", "between", "after") == 2
        assert client("DBSIZE") == 3002


def test_a_list_that_a_waiting_client_moves_to_is_saved_as_it_was(start_server: Start) -> None:
    server = start_server()
    with server.client() as client, server.client() as waiting:
        client("MSET", *[word for i in range(60_000) for word in (f"written first {i}", "x" * 30)])
        client("RPUSH", "target", *range(500))
        waiting.send("BLMOVE", "source", "target", "LEFT", "RIGHT", 0)
        client("BGSAVE")
        client("RPUSH", "source", "late")
        assert waiting.read() == b"late"
        wait_for(lambda: info(client, "rdb_bgsave_in_progress") == "0")
    server.kill()
    server.start()
    with server.client() as client:
        assert client("LLEN", "target") == 500


def test_redis_checks_and_loads_what_is_saved(start_server: Start, start_redis: Start) -> None:
    server = start_server()
    with server.client() as client:
        fill(client)
        client("SELECT", 5)
        client("FLUSHDB")
        client("SELECT", 0)
        before = [client("DUMP", key) for key in ("str", "int", "list", "ints")]
        client("SAVE")
    if (check := shutil.which("redis-check-rdb")) is not None:
        subprocess.run([check, str(server.dir / "dump.rdb")], check=True, capture_output=True)
    folder = start_redis().dir
    shutil.copy(server.dir / "dump.rdb", folder / "dump.rdb")
    real = start_redis(folder=folder)
    with real.client() as client:
        assert client("DBSIZE") == 6
        assert [client("DUMP", key) for key in ("str", "int", "list", "ints")] == before


@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_the_log_is_loaded_again_and_rewritten(start_server: Start, preamble: str) -> None:
    server = start_server("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    with server.client() as client:
        fill(client)
        before = contents(client)
        time.sleep(0.1)
        server.kill()
    server.start()
    with server.client() as client:
        assert contents(client) == before
        client("BGREWRITEAOF")
        wait_for(lambda: info(client, "aof_rewrites") == "1")
        client("SET", "after", "1")
    server.stop(keep_folder=True)
    if (check := shutil.which("redis-check-aof")) is not None:
        manifest = server.dir / "appendonlydir" / "appendonly.aof.manifest"
        subprocess.run([check, str(manifest)], check=True, capture_output=True)
    server.start()
    with server.client() as client:
        assert client("GET", "after") == b"1"
        client("DEL", "after")
        assert contents(client) == before


def test_nothing_acknowledged_is_lost_by_a_kill(start_server: Start) -> None:
    """appendfsync always, killed at random points under load, three times."""
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    rng = random.Random(7)
    acknowledged = [-1] * 4

    def write(name: int) -> None:
        try:
            with server.client() as client:
                for i in range(acknowledged[name] + 1, 100_000):
                    if client("SET", f"k{name}", i) != "OK":
                        return
                    acknowledged[name] = i
        except (Closed, OSError):
            return

    for _ in range(3):
        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(rng.uniform(0.2, 0.6))
        server.kill()
        for thread in threads:
            thread.join()
        server.start()
        with server.client() as client:
            for name, last in enumerate(acknowledged):
                assert int(client("GET", f"k{name}") or -1) >= last
    assert min(acknowledged) >= 0


def test_a_full_disk_refuses_writes_and_loses_nothing(start_server: Start) -> None:
    """A limit on the size of files stands in for the full disk."""
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    with server.client() as client:
        client("SET", "before", "1")
        log = next((server.dir / "appendonlydir").glob("*incr*"))
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 50, resource.RLIM_INFINITY))
        assert "MISCONF" in client("SET", "big", "x" * 1000)
        assert "MISCONF" in client("SET", "small", "1")
        assert client("GET", "before") == b"1"
        assert info(client, "aof_last_write_status") == "err"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_for(lambda: info(client, "aof_last_write_status") == "ok")
        assert client("SET", "later", "1") == "OK"
    server.kill()
    server.start()
    with server.client() as client:
        assert client("MGET", "before", "later") == [b"1", b"1"]


def test_a_save_that_fails_leaves_the_old_file(start_server: Start) -> None:
    server = start_server()
    with server.client() as client:
        client("SET", "a", "1")
        client("SAVE")
        old = (server.dir / "dump.rdb").read_bytes()
        client("SET", "b", "x" * 100_000)
        client("CONFIG", "SET", "save", "3600 1")
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        assert client("BGSAVE") == "Background saving started"
        wait_for(lambda: info(client, "rdb_last_bgsave_status") == "err")
        assert (server.dir / "dump.rdb").read_bytes() == old
        assert "MISCONF" in client("SET", "c", "1")
        assert client("GET", "a") == b"1"
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client("SAVE") == "OK"
        assert client("SET", "c", "1") == "OK"
    assert not list(server.dir.glob("temp-*"))


def test_a_log_cut_off_in_a_command_is_loaded_up_to_there(start_server: Start) -> None:
    server = start_server("--appendonly", "yes")
    with server.client() as client:
        client("SET", "a", "1")
        client("SET", "b", "2")
    server.stop(keep_folder=True)
    log = next((server.dir / "appendonlydir").glob("*incr*"))
    log.write_bytes(log.read_bytes()[:-3])
    server.start()
    with server.client() as client:
        assert client("MGET", "a", "b") == [b"1", None]
        assert client("SET", "c", "3") == "OK"
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("MGET", "a", "b", "c") == [b"1", None, b"3"]


@pytest.mark.parametrize("damage", ["cut", "flip", "garbage"])
def test_a_damaged_file_stops_the_start_with_a_reason(start_server: Start, damage: str) -> None:
    server = start_server()
    with server.client() as client:
        fill(client)
        client("SAVE")
    server.stop(keep_folder=True)
    path: Path = server.dir / "dump.rdb"
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        data[len(data) // 2] ^= 0xFF
    else:
        data = bytearray(b"not a snapshot")
    path.write_bytes(data)
    with pytest.raises(StartError) as error:
        start_server(folder=server.dir)
    assert error.value.code == 1
    assert "Fatal error loading the DB" in error.value.output
    assert path.read_bytes() == data


def test_a_save_point_saves(start_server: Start) -> None:
    server = start_server("--save", "1 2")
    with server.client() as client:
        client("SET", "a", "1")
        client("SET", "b", "1")
        client("SET", "c", "1")
        wait_for(lambda: int(info(client, "rdb_saves")) >= 1)
        assert info(client, "rdb_changes_since_last_save") == "0"


def test_debug_reload_keeps_everything(start_server: Start) -> None:
    with start_server("--enable-debug-command", "yes").client() as client:
        fill(client)
        before = contents(client)
        assert client("DEBUG", "RELOAD") == "OK"
        assert contents(client) == before


@pytest.mark.parametrize("preamble", ["rdb", "yes", "no"])
def test_functions_are_kept(start_server: Start, preamble: str) -> None:
    pytest.importorskip("lupa", reason="lupa is not installed")
    log = () if preamble == "rdb" else ("--appendonly", "yes", "--aof-use-rdb-preamble", preamble)
    server = start_server(*log)
    code = "#!lua name=lib\nredis.register_function('f', function() return 7 end)"
    with server.client() as client:
        assert client("FUNCTION", "LOAD", code) == b"lib"
        if log:
            client("BGREWRITEAOF")
            wait_for(lambda: info(client, "aof_rewrites") == "1")
        else:
            client("SAVE")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("FCALL", "f", 0) == 7


def test_a_log_is_cut_back_to_a_moment(start_server: Start) -> None:
    """`aof-timestamp-enabled`: real redis-check-aof finds the times, and what is left loads."""
    check = shutil.which("redis-check-aof")
    if check is None:
        pytest.skip("redis-check-aof is not installed")
    server = start_server("--appendonly", "yes", "--aof-timestamp-enabled", "yes")
    with server.client() as client:
        client("SET", "first", "1")
        client("AI.TENSORSET", "t", "INT8", 1, "VALUES", 1)
        seconds = int(client("TIME")[0])
        wait_for(lambda: int(client("TIME")[0]) > seconds + 1)
        client.pipeline(("MULTI",), ("SET", "second", "1"), ("INCR", "second"), ("EXEC",))
        client("CONFIG", "SET", "aof-timestamp-enabled", "no")
        client("SET", "third", "1")
    server.stop(keep_folder=True)
    logs = server.dir / "appendonlydir"
    assert (logs / "appendonly.aof.1.incr.aof").read_bytes().count(b"#TS:") == 2
    server.start()
    with server.client() as client:
        assert client("EXISTS", "first", "t", "second", "third") == 4
    server.stop(keep_folder=True)
    command = [check, "--truncate-to-timestamp", str(seconds + 1), "appendonly.aof.manifest"]
    subprocess.run(command, cwd=logs, check=True, capture_output=True)
    server.start()
    with server.client() as client:
        assert client("EXISTS", "first", "t") == 2
        assert client("EXISTS", "second", "third") == 0


def test_a_rewrite_keeps_what_it_replaces_where_that_is_wanted(start_server: Start) -> None:
    server = start_server("--appendonly", "yes", "--aof-disable-auto-gc", "yes")
    logs = server.dir / "appendonlydir"
    with server.client() as client:
        for i in range(3):
            client("SET", f"k{i}", "1")
            client("BGREWRITEAOF")
            wait_for(lambda i=i: info(client, "aof_rewrites") == str(i + 1))
        manifest = (logs / "appendonly.aof.manifest").read_text()
        assert manifest.count("type h") == 6
        assert len(list(logs.iterdir())) == 9
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("DBSIZE") == 3
        assert len(list(logs.iterdir())) == 9
        client("CONFIG", "SET", "aof-disable-auto-gc", "no")
        assert len(list(logs.iterdir())) == 3
        assert "type h" not in (logs / "appendonly.aof.manifest").read_text()
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("DBSIZE") == 3


def test_half_a_transaction_is_not_loaded(start_server: Start) -> None:
    server = start_server("--appendonly", "yes")
    with server.client() as client:
        client("SET", "a", "1")
        client.pipeline(("MULTI",), ("SET", "b", "1"), ("AI.TENSORSET", "t", "INT8", 1), ("EXEC",))
    server.stop(keep_folder=True)
    log = server.dir / "appendonlydir" / "appendonly.aof.1.incr.aof"
    os.truncate(log, log.stat().st_size - 3)
    server.start()
    with server.client() as client:
        assert client("EXISTS", "a", "b", "t") == 1
        client("SET", "c", "1")
    server.stop(keep_folder=True)
    server.start()
    with server.client() as client:
        assert client("EXISTS", "a", "b", "t", "c") == 2
