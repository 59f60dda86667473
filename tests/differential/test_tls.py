"""TLS as redis-server has it: starts that are refused, CONFIG SET, and whom a server shakes hands with."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Callable

import pytest

from tests.support.certificates import PASSWORD, Certificates
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import Server, StartError, free_port

Start = Callable[..., Server]


def both(start_server: Start, start_redis: Start, *options: str) -> list[tuple[Server, int]]:
    """Both servers with a TLS port."""
    found = []
    for start in (start_server, start_redis):
        port = free_port()
        found.append((start(*options, "--tls-port", port), port))
    return found


STARTS = [
    {"tls_cert_file": ""},
    {"tls_key_file": ""},
    {"tls_ca_cert_file": ""},
    {"tls_key_file": "client.key"},
    {"tls_key_file": "locked.key", "tls_key_file_pass": "wrong"},
    {"tls_cert_file": "none"},
    {"tls_protocols": "TLSv2"},
    {"tls_ciphers": "nonsense"},
    {"tls_dh_params_file": "ca.crt"},
    {"tls_client_cert_file": "none", "tls_client_key_file": "none"},
]


@pytest.mark.parametrize("options", STARTS, ids=map(str, STARTS))
def test_refused_starts(
    start_server: Start, start_redis: Start, certificates: Certificates, options: dict[str, str]
) -> None:
    """The same last words; OpenSSL's reason behind the last colon may differ."""
    files = {name: str(certificates / text) if text and "file" in name else text for name, text in options.items()}
    files |= {name: text for name, text in options.items() if name.endswith("pass")}
    found = []
    for start in (start_server, start_redis):
        with pytest.raises(StartError) as caught:
            start(*certificates.options(**{"tls_port": free_port(), **files}))
        assert caught.value.code == 1
        texts = [line.partition(" # ")[2] for line in caught.value.output.splitlines() if " # " in line]
        found.append([text.partition(": error:")[0].removesuffix(": PEM lib") for text in texts[-2:]])
    ours, theirs = found
    assert [mine.startswith(text) for mine, text in zip(ours, theirs, strict=True)] == [True, True], found
    assert theirs[-1] == "Failed to configure TLS. Check logs for more info."


def test_config_set(start_server: Start, start_redis: Start, certificates: Certificates) -> None:
    """Reply by reply, and what is configured after each."""
    servers = start_server(), start_redis()
    port = free_port()
    names = ("cert-file", "key-file", "ca-cert-file", "port", "replication", "auth-clients", "protocols", "ciphers")
    file = {
        name: str(certificates / name) for name in ("server.crt", "server.key", "client.crt", "client.key", "ca.crt")
    }
    steps: list[tuple[str | int, ...]] = [
        ("port", port),
        ("cert-file", "none"),
        ("replication", "yes"),
        ("cluster", "yes"),
        ("port", port, "cert-file", file["server.crt"], "key-file", file["server.key"], "ca-cert-file", file["ca.crt"]),
        ("port", "PLAIN"),
        ("cert-file", "none"),
        ("cert-file", file["client.crt"]),
        ("key-file", file["client.key"], "cert-file", file["client.crt"]),
        ("key-file", file["server.key"], "cert-file", file["client.crt"]),
        ("protocols", "TLSv1.2 TLSv1.5"),
        ("protocols", "tlsv1.2"),
        ("ciphers", "nonsense"),
        ("ciphers", "AES256-SHA:AES128-SHA"),
        ("ca-cert-file", ""),
        ("ca-cert-file", "none"),
        ("auth-clients", "maybe"),
        ("auth-clients", "no", "ca-cert-file", ""),
        ("auth-clients", "yes"),
        ("replication", "yes"),
        ("dh-params-file", file["ca.crt"]),
        ("dh-params-file", str(certificates / "dh.pem"), "auth-clients", "no"),
        ("port", 0),
        ("cert-file", "none"),
        ("session-caching", "yes"),
        ("port", 65536),
    ]
    with servers[0].client() as ours, servers[1].client() as theirs:
        for step in steps:
            answers = []
            for client, server in ((ours, servers[0]), (theirs, servers[1])):
                words = [server.port if word == "PLAIN" else word for word in step]
                for at in range(0, len(words), 2):
                    words[at] = f"tls-{words[at]}"
                if "PLAIN" not in step and port in step:
                    words[words.index(port)] = free_port()
                reply = client("CONFIG", "SET", *words)
                shown = [client("CONFIG", "GET", f"tls-{name}")[1] for name in names if name != "port"]
                open_ = client("CONFIG", "GET", "tls-port")[1] != b"0"
                answers.append((reply.text if isinstance(reply, ErrorReply) else reply, shown, open_))
            assert answers[0] == answers[1], step


def _shake(port: int, context: ssl.SSLContext, **more: object) -> tuple[object, ...]:
    """What comes of a handshake and a PING: version, cipher and reply, or the alert.

    One of TLS 1.3 that comes after the client's part of the handshake may meet a connection that is gone.
    """
    done = False
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=15) as sock,
            context.wrap_socket(sock, suppress_ragged_eofs=False, **more) as tls,  # type: ignore[arg-type]  # a few options of several types
        ):
            done = True
            tls.sendall(b"PING\r\nCLIENT NO-EVICT on\r\nQUIT\r\n")
            said = b""
            while part := tls.recv(1000):
                said += part
            return tls.version(), tls.cipher()[0], said, tls.session_reused  # type: ignore[index]  # it is there after a handshake
    except ssl.SSLError as error:
        return ("refused" if done else error.reason,)
    except ConnectionError:
        return ("refused" if done else "reset",)


def _contexts(certificates: Certificates) -> dict[str, ssl.SSLContext]:
    """Clients of many kinds."""
    found = {"none": certificates.context(None), "stranger": certificates.context("stranger")}
    found["strange authority"] = certificates.context(authority="stranger-ca")
    versions = ssl.TLSVersion
    for name, low, high in (("1.3", versions.TLSv1_3, versions.TLSv1_3), ("1.2", versions.TLSv1_2, versions.TLSv1_2)):
        found[name] = certificates.context()
        found[name].minimum_version, found[name].maximum_version = low, high
    for ciphers in ("AES256-SHA", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256"):
        found[ciphers] = certificates.context()
        found[ciphers].maximum_version = versions.TLSv1_2
        found[ciphers].set_ciphers(ciphers)
    found["1.1"] = certificates.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        found["1.1"].minimum_version, found["1.1"].maximum_version = versions.TLSv1, versions.TLSv1_1
    found["1.1"].set_ciphers("DEFAULT@SECLEVEL=0")
    return found


SERVERS: list[dict[str, str]] = [
    {},
    {"tls_auth_clients": "optional", "tls_cert_file": "chain.crt"},
    {"tls_auth_clients": "no", "tls_prefer_server_ciphers": "yes", "tls_dh_params_file": "dh.pem"},
    {"tls_protocols": "TLSv1.2", "tls_key_file": "locked.key", "tls_key_file_pass": PASSWORD},
    {"tls_protocols": "TLSv1.3", "tls_ciphers": "AES256-SHA"},
    {"tls_protocols": "TLSv1.1 TLSv1.2", "tls_ciphers": "AES256-SHA:AES128-GCM-SHA256:@SECLEVEL=0"},
]


@pytest.mark.parametrize("options", SERVERS, ids=map(str, SERVERS))
def test_handshakes(
    start_server: Start, start_redis: Start, certificates: Certificates, options: dict[str, str]
) -> None:
    """The same version, cipher and replies, or the same alert."""
    files = {name: str(certificates / text) if "file" in name else text for name, text in options.items()}
    files |= {name: text for name, text in options.items() if name.endswith("pass")}
    (_, ours), (_, theirs) = both(start_server, start_redis, *certificates.options(**files))
    for name, context in _contexts(certificates).items():
        assert _shake(ours, context) == _shake(theirs, context), name


def test_sessions_are_resumed(start_server: Start, start_redis: Start, certificates: Certificates) -> None:
    """By ticket and by id, as in redis-server."""
    servers = both(start_server, start_redis, *certificates.options())
    for ticket in (True, False):
        context = certificates.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not ticket:
            context.options |= ssl.OP_NO_TICKET
        answers = []
        for _, port in servers:
            with RespClient(port, tls=context) as client:
                assert client("PING") == "PONG"
                session = client.sock.session  # type: ignore[attr-defined]  # an SSLSocket, with `tls`
                answers.append(_shake(port, context, session=session))
        assert answers[0] == answers[1]
        assert answers[0][-1] is True


def test_counters(start_server: Start, start_redis: Start, certificates: Certificates) -> None:
    """Whom INFO and CLIENT LIST count: those in the handshake are clients, those who failed were never received."""
    answers = []
    for _, port in both(start_server, start_redis, *certificates.options()):
        with RespClient(port, tls=certificates.context()) as client, RespClient(port) as silent:
            for data in (b"PING\r\n", b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100):
                with RespClient(port) as plain:
                    plain.send_bytes(data)
                    try:
                        assert plain.sock.recv(100) == b""
                    except ConnectionResetError:
                        pass
            lines = client("CLIENT", "LIST").decode().splitlines()
            fields = [sorted(part.partition("=")[0] for part in line.split() if "lib-" not in part) for line in lines]
            commands = [part for line in lines for part in line.split() if part.startswith("cmd=")]
            stats = dict(line.split(":") for line in client("INFO", "stats").decode().split() if ":" in line)
            assert silent.sock.fileno() > 0
            counted = [stats["rejected_connections"], int(stats["total_connections_received"]) - 1]
            answers.append((fields, commands, counted))
    assert answers[0] == answers[1]
