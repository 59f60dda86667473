"""The process: start, signals, log, pid file, daemon, ports that are taken."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.resp import ErrorReply
from tests.support.server import MODULE_PATH, PYREDISAI, REDIS_SERVER, Server, StartError, free_port

LINE = re.compile(r"\d+:[MCS] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [.\-*#] .+\n")
Start = Callable[..., Server]


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_its_log(start_server: Start, number: signal.Signals, tmp_path: Path) -> None:
    pid_file, log = tmp_path / "my.pid", tmp_path / "my.log"
    server = start_server("--pidfile", str(pid_file), "--logfile", str(log), "--unixsocket", str(tmp_path / "s"))
    assert int(pid_file.read_text()) == server.pid
    os.kill(server.pid, number)
    assert server.process is not None
    assert server.process.wait(10) == 0
    lines = log.read_text()
    assert f"Received {number.name} scheduling shutdown..." in lines
    assert "Ready to accept connections" in lines
    assert f"pid={server.pid}, just started" in lines
    assert "Backends installed: " in lines
    assert all(LINE.fullmatch(line) for line in lines.splitlines(keepends=True))
    assert not pid_file.exists()
    assert not (tmp_path / "s").exists()


def endless_model() -> bytes:
    """An ONNX model whose loop takes hours."""
    helper = pytest.importorskip("onnx").helper
    kind = helper.np_dtype_to_tensor_dtype
    count, flag, value = kind(np.dtype("int64")), kind(np.dtype("bool")), kind(np.dtype("float32"))
    ports = [("i", count), ("go", flag), ("v", value)]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Sin", ["v"], ["w"])],
        "body",
        [helper.make_tensor_value_info(name, type_, []) for name, type_ in ports],
        [helper.make_tensor_value_info("on", flag, []), helper.make_tensor_value_info("w", value, [])],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)],
        "g",
        [helper.make_tensor_value_info("n", count, [1]), helper.make_tensor_value_info("x", value, [])],
        [helper.make_tensor_value_info("y", value, [])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("how", ["SHUTDOWN", "SIGTERM"])
def test_it_ends_while_a_model_runs(start_server: Start, how: str) -> None:
    model = endless_model()
    server = start_server("--loadmodule", MODULE_PATH, "MODEL_EXECUTION_TIMEOUT", "600000")
    with server.client() as client, server.client() as other:
        assert client("AI.MODELSTORE", "m", "ONNX", "CPU", "BLOB", model) == "OK"
        assert client("AI.TENSORSET", "n", "INT64", 1, "VALUES", 10**15) == "OK"
        assert client("AI.TENSORSET", "x", "FLOAT", "VALUES", 1) == "OK"
        other.send("AI.MODELEXECUTE", "m", "INPUTS", 2, "n", "x", "OUTPUTS", 1, "y")
        until(lambda: "cmd=ai.modelexecute" in str(client("CLIENT", "LIST")))
        if how == "SHUTDOWN":
            client.send("SHUTDOWN")
        else:
            os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0


@pytest.mark.parametrize("level", ["debug", "verbose", "notice", "warning"])
def test_loglevel(start_server: Start, level: str, tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    start_server("--logfile", str(log), "--loglevel", level).stop()
    text = log.read_text()
    assert ("Accepted " in text) == (level in ("debug", "verbose"))
    assert ("Ready to accept connections" in text) == (level != "warning")
    assert "Server initialized" in text


def test_the_log_may_be_moved_away(start_server: Start, tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    server = start_server("--logfile", str(log))
    log.rename(tmp_path / "old.log")
    server.stop()
    assert "bye bye" in log.read_text()


def test_a_port_that_is_taken(start_server: Start) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(StartError) as error:
            start_server("--bind", "127.0.0.1", port=port)
    assert error.value.code == 1
    assert f"socket 127.0.0.1:{port}: bind: Address already in use" in error.value.output
    assert f"Failed listening on port {port} (TCP), aborting." in error.value.output


@pytest.mark.parametrize("command", [PYREDISAI, (REDIS_SERVER,)], ids=["pyredisai", "redis"])
def test_nowhere_to_listen(command: tuple[str | None, ...]) -> None:
    if command[0] is None:
        pytest.skip("redis-server is not installed")
    words = [word for word in command if word] + ["--port", "0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "Configured to not listen anywhere, exiting." in done.stdout


def test_addresses(start_server: Start) -> None:
    server = start_server("--bind", "127.0.0.1 -203.0.113.7 -::1")
    with server.client() as client:
        assert client("PING") == "PONG"
    with pytest.raises(StartError, match=r"203\.0\.113\.7:\d+: bind: Cannot assign requested address"):
        start_server("--bind", "127.0.0.1 203.0.113.7")


def test_unix_socket_only(start_server: Start, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    path.write_text("left by a server that was killed")
    start_server("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", ready=False)
    until(path.is_socket)
    with socket.socket(socket.AF_UNIX) as sock:
        until(lambda: sock.connect_ex(str(path)) == 0)
        sock.sendall(b"PING\r\n")
        assert sock.recv(100) == b"+PONG\r\n"
    assert path.stat().st_mode & 0o777 == 0o700


def test_daemon(tmp_path: Path) -> None:
    port = free_port()
    words = [
        "--port",
        str(port),
        "--daemonize",
        "yes",
        "--pidfile",
        str(tmp_path / "p"),
        "--logfile",
        str(tmp_path / "l"),
    ]
    done = subprocess.run([*PYREDISAI, *words, "--dir", str(tmp_path)], timeout=20, check=False)
    assert done.returncode == 0
    until(lambda: (tmp_path / "p").exists() and (tmp_path / "p").read_text().endswith("\n"))
    pid = int((tmp_path / "p").read_text())
    try:
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"PING\r\n")
            assert sock.recv(100) == b"+PONG\r\n"
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    until(lambda: not (tmp_path / "p").exists())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_loops(start_server: Start, loop: str, tmp_path: Path) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = start_server("--logfile", str(tmp_path / "l"), env={"PYREDISAI_LOOP": loop})
    assert f"loop={loop}" in (tmp_path / "l").read_text()
    value = os.urandom(700_000)
    with server.client() as client:
        assert client("SET", "k", value) == "OK"
        assert client("GET", "k") == value
        assert client.pipeline(*[("GET", "k")] * 20) == [value] * 20


def ping(port: int, host: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((host, port), timeout=2) as sock:
            sock.sendall(b"PING\r\n")
            return sock.recv(100) == b"+PONG\r\n"
    except OSError:
        return False


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_port_and_bind_change_while_it_runs(start_server: Start, loop: str) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    server = start_server("--bind", "127.0.0.1", env={"PYREDISAI_LOOP": loop})
    first, other = server.port, free_port()
    with server.client() as client, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert client("CONFIG", "SET", "port", taken.getsockname()[1]) == ErrorReply(
            "ERR CONFIG SET failed (possibly related to argument 'port') - "
            "Unable to listen on this port. Check server logs."
        )
        assert ping(first)
        assert client("CONFIG", "SET", "port", other) == "OK"
        assert ping(other)
        assert not ping(first)
        assert client("CONFIG", "SET", "bind", "127.0.0.2") == "OK"
        assert ping(other, "127.0.0.2")
        assert not ping(other)
        assert client("CONFIG", "SET", "bind", "* -::*") == "OK"
        assert ping(other)
        assert client("CONFIG", "SET", "bind", "127.0.0.1", "port", first) == "OK"
        assert ping(first)
        assert not ping(other)
        assert client("PING") == "PONG"


@pytest.mark.parametrize("words", [(), ("NOSAVE",), ("SAVE",), ("NOSAVE", "NOW", "FORCE")])
def test_shutdown(start_server: Start, words: tuple[str, ...]) -> None:
    server = start_server()
    with server.client() as client:
        client.send("SHUTDOWN", *words)
        assert client.closed()
    assert server.process is not None
    assert server.process.wait(10) == 0


def command_line(server: Server) -> str:
    return Path(f"/proc/{server.pid}/cmdline").read_bytes().rstrip(b"\0").decode()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_title_says_where_it_listens(start_server: Start) -> None:
    server = start_server("--bind", "127.0.0.1")
    assert command_line(server) == f"pyredisai-server 127.0.0.1:{server.port}"
    with server.client() as client:
        assert client("CONFIG", "SET", "proc-title-template", "{port} it is") == "OK"
        assert command_line(server) == f"{server.port} it is"
        room = len(" ".join(server.argv))
        assert client("CONFIG", "SET", "proc-title-template", "x" * 10_000) == "OK"
        assert command_line(server) == "x" * room
    assert "--bind" in command_line(start_server("--bind", "127.0.0.1", "--set-proc-title", "no"))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity of threads")
def test_the_main_thread_keeps_to_its_cpus_and_workers_do_not(start_server: Start) -> None:
    own = min(os.sched_getaffinity(0))
    server = start_server("--server_cpulist", str(own), "--bgsave_cpulist", f"{own}-{own}", "--bio_cpulist", "x")
    assert os.sched_getaffinity(server.pid) == {own}
    assert "A list of CPUs is not valid and has no effect: x" in server.log
    with server.client() as client:
        assert client("BGSAVE") == "Background saving started"
        until(lambda: "rdb_bgsave_in_progress:0" in str(client("INFO", "persistence")))
        helpers = {int(name) for name in os.listdir(f"/proc/{server.pid}/task")} - {server.pid}
        names = {pid: Path(f"/proc/{server.pid}/task/{pid}/comm").read_text() for pid in helpers}
        assert helpers, names
        assert all(os.sched_getaffinity(pid) == os.sched_getaffinity(0) for pid in helpers)
        assert client("CONFIG", "GET", "server_cpulist") == [b"server_cpulist", b"%d" % own]


def test_a_crash_is_in_the_log(start_server: Start, tmp_path: Path) -> None:
    log = tmp_path / "my.log"
    server = start_server("--logfile", str(log), "--always-show-logo", "yes")
    os.kill(server.pid, signal.SIGSEGV)
    assert server.wait() == -signal.SIGSEGV
    text = log.read_text()
    assert f"PID: {server.pid}\n" in text
    assert "Segmentation fault" in text
    assert 'run_forever"' in text or "in run" in text
    server = start_server("--logfile", str(log), "--crash-log-enabled", "no")
    os.kill(server.pid, signal.SIGSEGV)
    assert server.wait() == -signal.SIGSEGV
    assert log.read_text().count("Segmentation fault") == 1


def test_the_watchdog_shows_where_it_hangs(start_server: Start) -> None:
    server = start_server("--watchdog-period", "1", "--hz", "50", "--enable-debug-command", "yes")
    with server.client() as client:
        assert client("DEBUG", "SLEEP", "0.5") == "OK"
        assert "in debug" in server.log
        assert client("CONFIG", "SET", "watchdog-period", "0") == "OK"
        assert client("PING") == "PONG"
