"""Clients over TLS: our own, redis-cli, redis-benchmark and redis-py; who is let in, and who is not."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest
import redis

from tests.support.certificates import Certificates
from tests.support.resp import Closed, RespClient, encode
from tests.support.server import Server, free_port
from tests.wire.replication.support import wait_for

Start = Callable[..., Server]
BIG = bytes(range(256)) * 4 * 6000


@pytest.fixture
def tls_port() -> int:
    return free_port()


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, start_server: Start, certificates: Certificates, tls_port: int) -> Server:
    """With a plain and a TLS port, on either event loop."""
    options = certificates.options(tls_port=tls_port, enable_debug_command="yes")
    return start_server(*options, env={"PYREDISAI_LOOP": request.param})


@pytest.fixture
def client(server: Server, certificates: Certificates, tls_port: int) -> Iterator[RespClient]:
    """Over TLS."""
    with RespClient(tls_port, tls=certificates.context()) as client:
        yield client


def test_what_clients_do(server: Server, client: RespClient, certificates: Certificates, tls_port: int) -> None:
    """Tensors of six megabytes both ways, pipelines, blocked commands, messages, CLIENT LIST and INFO."""
    assert client("AI.TENSORSET", "t", "FLOAT", 1500, 1024, "BLOB", BIG) == "OK"
    assert client("AI.TENSORGET", "t", "BLOB") == BIG
    assert client.pipeline(*[("INCR", "n")] * 5000)[-1] == 5000
    assert client.pipeline(*[("AI.TENSORGET", "t", "BLOB")] * 4) == [BIG] * 4
    with server.client() as plain, RespClient(tls_port, tls=certificates.context()) as other:
        other.send("BLPOP", "queue", 0)
        wait_for(lambda: b"cmd=blpop" in plain("CLIENT", "LIST"))
        assert plain("LPUSH", "queue", "x") == 1
        assert other.read() == [b"queue", b"x"]
        assert other("SUBSCRIBE", "news") == [b"subscribe", b"news", 1]
        assert plain("PUBLISH", "news", "x" * 100_000) == 1
        assert other.read() == [b"message", b"news", b"x" * 100_000]
        host, port = client.sock.getsockname()
        [line] = [line for line in plain("CLIENT", "LIST").splitlines() if f"addr={host}:{port} ".encode() in line]
        assert f"laddr=127.0.0.1:{tls_port} ".encode() in line
        assert f"tcp_port:{server.port}\r".encode() in plain("INFO", "server")


def test_output_limit(server: Server, client: RespClient, certificates: Certificates, tls_port: int) -> None:
    """A client that does not read is closed at its limit, which counts what waits."""
    client("CONFIG", "SET", "client-output-buffer-limit", "normal 20mb 0 0")
    client("SET", "k", BIG)
    with RespClient(tls_port, tls=certificates.context()) as greedy:
        greedy.sock.sendall(encode("GET", "k") * 20)
        wait_for(lambda: client("CLIENT", "LIST").count(b"\n") == 1)
    assert "overcoming of output buffer limits" in server.log


def test_reload(server: Server, client: RespClient, certificates: Certificates, tls_port: int) -> None:
    """New certificates hold for new connections; bad ones change nothing."""

    def shown() -> bytes | None:
        with RespClient(tls_port, tls=certificates.context()) as fresh:
            assert fresh("PING") == "PONG"
            return fresh.sock.getpeercert(binary_form=True)  # type: ignore[attr-defined]

    def der(name: str) -> bytes:
        return ssl.PEM_cert_to_DER_cert((certificates / name).read_text())

    assert shown() == der("server.crt")
    refusal = "CONFIG SET failed (possibly related to argument 'tls-cert-file') - Unable to update TLS configuration."
    assert refusal in client("CONFIG", "SET", "tls-cert-file", certificates / "other.crt")
    assert shown() == der("server.crt")
    pair = ("tls-cert-file", certificates / "other.crt", "tls-key-file", certificates / "other.key")
    assert client("CONFIG", "SET", *pair) == "OK"
    assert shown() == der("other.crt")
    assert client("PING") == "PONG"
    port = free_port()
    assert client("CONFIG", "SET", "tls-port", port) == "OK"
    with pytest.raises(ConnectionRefusedError):
        RespClient(tls_port)
    with RespClient(port, tls=certificates.context()) as moved:
        assert moved("CONFIG", "SET", "tls-port", server.port) == (
            "ERR CONFIG SET failed (possibly related to argument 'tls-port') - "
            "Unable to listen on this port. Check server logs."
        )
        assert moved("CONFIG", "GET", "tls-port") == [b"tls-port", str(port).encode()]
    with RespClient(port, tls=certificates.context()) as again:
        assert again("PING") == "PONG"


def test_who_is_let_in(server: Server, client: RespClient, certificates: Certificates, tls_port: int) -> None:
    """tls-auth-clients: yes, optional, no; a certificate of somebody else's authority is never taken."""

    def answer(name: str | None) -> str:
        try:
            with RespClient(tls_port, tls=certificates.context(name)) as fresh:
                return str(fresh("PING"))
        except (OSError, Closed):
            return "refused"

    expected = {"yes": ["PONG", "refused", "refused"], "optional": ["PONG", "PONG", "refused"], "no": ["PONG"] * 3}
    for word, answers in expected.items():
        client("CONFIG", "SET", "tls-auth-clients", word)
        assert [answer(name) for name in ("client", None, "stranger")] == answers


def test_full_server(server: Server, client: RespClient, certificates: Certificates, tls_port: int) -> None:
    """Those who are in the handshake count, and one too many is closed without a word."""
    client("CONFIG", "SET", "maxclients", 2)
    with socket.create_connection(("127.0.0.1", tls_port)) as silent:
        wait_for(lambda: b"connected_clients:2\r" in client("INFO", "clients"))
        with pytest.raises(OSError, match=r"EOF|reset"):
            RespClient(tls_port, tls=certificates.context())
        silent.sendall(b"no TLS\r\n")
        silent.settimeout(15)
        try:
            assert b"ERR" not in silent.recv(1000)
        except ConnectionResetError:
            pass
    wait_for(lambda: b"connected_clients:1\r" in client("INFO", "clients"))
    assert b"rejected_connections:1\r" in client("INFO", "stats")


def test_tls_alone(start_server: Start, certificates: Certificates, tls_port: int) -> None:
    """`port 0`; redis-cli, redis-benchmark and redis-py."""
    context = certificates.context()
    server = start_server(*certificates.options(port=0, tls_port=tls_port), ready=False)
    wait_for(lambda: "Ready to accept connections" in server.log)
    with RespClient(tls_port, tls=context) as client:
        assert f"tcp_port:{tls_port}\r".encode() in client("INFO", "server")
    files = {"ssl_ca_certs": "ca.crt", "ssl_certfile": "client.crt", "ssl_keyfile": "client.key"}
    paths = {name: str(certificates / file) for name, file in files.items()}
    with redis.Redis(port=tls_port, ssl=True, ssl_check_hostname=False, **paths) as python:
        assert python.set("a", BIG)
        assert python.get("a") == BIG
        assert python.pipeline().incr("b").incr("b").execute() == [1, 2]
    for tool, *args in (["redis-cli", "STRLEN", "a"], ["redis-benchmark", "-n", "300", "-c", "5", "-t", "set", "-q"]):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
        done = subprocess.run(
            [tool, "-p", str(tls_port), *certificates.cli, *args], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert str(len(BIG)) in done.stdout or "requests per second" in done.stdout


def test_protected_mode(start_server: Start, certificates: Certificates, tls_port: int) -> None:
    """A client from elsewhere is told after the handshake that it may not stay."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("no address but the local one")
        address = probe.getsockname()[0]
    server = start_server(*certificates.options(tls_port=tls_port))
    with RespClient(tls_port, address, tls=certificates.context()) as client:
        assert "DENIED" in client.read().text
        with pytest.raises(Closed):
            client.read()
    with server.client() as client:
        assert b"rejected_connections:1\r" in client("INFO", "stats")
