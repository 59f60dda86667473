"""TLS contexts: what they are made of, what is refused in which words, and what stays when new files are bad."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path

import pytest

from pyredisai.config.registry import Registry
from pyredisai.config.tls import Tls
from pyredisai.errors import ConfigError
from tests.support.certificates import PASSWORD, Certificates


def make(certificates: Certificates, **options: object) -> tuple[Registry, Tls, list[str]]:
    """With the options of `certificates` and more (paths within their folder), not started yet."""
    log: list[str] = []
    words = certificates.options(tls_port=1)
    config = Registry()
    for name, value in zip(words[::2], words[1::2], strict=True):
        config.load(name.removeprefix("--"), [value])
    for name, value in options.items():
        text = str(certificates / str(value)) if name.endswith("file") and value else str(value)
        config.load(name.replace("_", "-"), [text])
    return config, Tls(config, lambda level, text: log.append(text)), log


REFUSED = [
    ({"tls_cert_file": ""}, "No tls-cert-file configured!"),
    ({"tls_key_file": ""}, "No tls-key-file configured!"),
    (
        {"tls_ca_cert_file": ""},
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or "
        "tls-auth-clients are enabled!",
    ),
    ({"tls_cert_file": "none"}, "Failed to load certificate: {}/none: No such file or directory"),
    ({"tls_cert_file": "server.key"}, "Failed to load certificate: {}/server.key: PEM lib"),
    ({"tls_key_file": "none"}, "Failed to load private key: {}/none: No such file or directory"),
    ({"tls_key_file": "server.crt"}, "Failed to load private key: {}/server.crt: PEM lib"),
    ({"tls_key_file": "client.key"}, "Failed to load private key: {}/client.key: key values mismatch"),
    ({"tls_key_file": "locked.key"}, "Failed to load private key: {}/locked.key: PEM lib"),
    ({"tls_key_file": "locked.key", "tls_key_file_pass": "x"}, "Failed to load private key: {}/locked.key: PEM lib"),
    ({"tls_ca_cert_file": "none"}, "Failed to configure CA certificate(s) file/directory: No such file or directory"),
    ({"tls_protocols": "TLSv1.2 TLSv9"}, "Invalid tls-protocols specified. Use a combination of 'TLSv1', "),
    ({"tls_ciphers": "nonsense"}, "Failed to configure ciphers: nonsense"),
    ({"tls_dh_params_file": "none"}, "Failed to load {}/none: No such file or directory"),
    ({"tls_dh_params_file": "server.crt"}, "{}/server.crt: failed to read DH params."),
    (
        {"tls_client_cert_file": "none", "tls_client_key_file": "client.key"},
        "Failed to load certificate: {}/none: No such file or directory",
    ),
    (
        {"tls_client_cert_file": "client.crt", "tls_client_key_file": "server.key"},
        "Failed to load private key: {}/server.key: key values mismatch",
    ),
]


@pytest.mark.parametrize(("options", "text"), REFUSED, ids=[text[:40] for _, text in REFUSED])
def test_refused(certificates: Certificates, options: dict[str, str], text: str) -> None:
    _, tls, log = make(certificates, **options)
    with pytest.raises(ConfigError, match="Unable to update TLS configuration"):
        tls.start()
    assert log[0].startswith(text.replace("{}", str(certificates.folder)))
    assert log[1:] == ["Failed to configure TLS. Check logs for more info."]


def test_nothing_is_made_where_nothing_asks(certificates: Certificates) -> None:
    config, tls, log = make(certificates, tls_port=0, tls_cert_file="none")
    tls.start()
    config.set([("tls-key-file", "/nowhere")])
    assert log == []
    for name, value in (("tls-replication", "yes"), ("tls-cluster", "yes"), ("tls-port", "7")):
        with pytest.raises(ConfigError, match="Unable to update"):
            config.set([(name, value)])
        assert config.text(name) in ("no", "0")


def test_what_contexts_are_made_of(certificates: Certificates) -> None:
    _, tls, _ = make(
        certificates, tls_key_file="locked.key", tls_key_file_pass=PASSWORD, tls_dh_params_file="dh.pem",
        tls_client_cert_file="client.crt", tls_client_key_file="client.key", tls_ca_cert_dir="/nowhere",
        tls_ciphers="AES256-SHA", tls_prefer_server_ciphers="yes",
    )  # fmt: skip
    tls.start()
    server, client = tls.server_context, tls.client_context
    assert server.verify_mode == client.verify_mode == ssl.CERT_REQUIRED
    assert not client.check_hostname
    assert server.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    old = [cipher["name"] for cipher in server.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    assert old == ["AES256-SHA"]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("", ["TLSv1", "TLSv1_1"]),
        ("TLSv1.3", ["TLSv1", "TLSv1_1", "TLSv1_2"]),
        ("tlsv1  TLSV1.2", ["TLSv1_1", "TLSv1_3"]),
        ("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", []),
    ],
)
def test_protocols(certificates: Certificates, text: str, without: list[str]) -> None:
    _, tls, _ = make(certificates, tls_protocols=text)
    tls.start()
    for context in (tls.server_context, tls.client_context):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            names = ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3")
            assert [name for name in names if context.options & getattr(ssl, f"OP_NO_{name}")] == without


def test_clients_are_asked_as_configured(certificates: Certificates) -> None:
    """tls-auth-clients takes effect for the next connection, without new contexts, and needs no authority then."""
    config, tls, _ = make(certificates, tls_auth_clients="no", tls_ca_cert_file="")
    tls.start()
    context = tls.server_context
    modes = {"optional": ssl.CERT_OPTIONAL, "yes": ssl.CERT_REQUIRED, "no": ssl.CERT_NONE}
    for word, mode in modes.items():
        config.set([("tls-auth-clients", word)])
        assert (tls.server_context, context.verify_mode) == (context, mode)


def test_files_are_read_again(certificates: Certificates, tmp_path: Path) -> None:
    """Also where the path stays; a bad file, or half a pair, is refused and the old contexts stay."""
    config, tls, log = make(certificates)
    tls.start()
    first = tls.server_context
    with pytest.raises(ConfigError, match=r"'tls-key-file'\) - Unable to update TLS configuration. Check server logs"):
        config.set([("tls-key-file", str(certificates / "other.key"))])
    assert config["tls-key-file"] == str(certificates / "server.key")
    copy = tmp_path / "copy.crt"
    copy.write_bytes((certificates / "server.crt").read_bytes())
    config.set([("tls-cert-file", str(copy))])
    second = tls.server_context
    assert second is not first
    copy.write_bytes((certificates / "other.crt").read_bytes())
    with pytest.raises(ConfigError):
        config.set([("tls-cert-file", str(copy))])
    assert tls.server_context is second
    config.set([("tls-cert-file", str(copy)), ("tls-key-file", str(certificates / "other.key"))])
    assert tls.server_context is not second
    assert [text.partition(":")[0] for text in log] == ["Failed to load private key"] * 2
