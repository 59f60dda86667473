"""Certificates for a test session, made by the openssl command: an authority, a server, a client, and a stranger."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")
PASSWORD = "se cret"


def _openssl(*args: str | Path) -> None:
    assert OPENSSL is not None
    done = subprocess.run([OPENSSL, *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Certificates:
    """Files in `folder`: NAME.crt and NAME.key for `server`, `client` and `other` (all by `ca.crt`), `stranger` (not).

    `locked.key` is the server's key with a password; `dh.pem` holds Diffie-Hellman parameters, `chain.crt`
    the server's and the authority's certificates.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._authority("ca")
        self._authority("stranger-ca")
        for name in ("server", "client", "other"):
            self._issue(name, "ca")
        self._issue("stranger", "stranger-ca")
        _openssl(
            "pkey", "-in", self / "server.key", "-aes256", "-passout", f"pass:{PASSWORD}", "-out", self / "locked.key"
        )
        _openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "dh_param:ffdhe2048", "-out", self / "dh.pem")
        (self / "chain.crt").write_bytes((self / "server.crt").read_bytes() + (self / "ca.crt").read_bytes())

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def _new_key(self, name: str) -> None:
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self / f"{name}.key")

    def _authority(self, name: str) -> None:
        self._new_key(name)
        subject = ("-subj", f"/O=pyredisai tests/CN={name}")
        _openssl(
            "req", "-x509", "-new", "-key", self / f"{name}.key", "-days", "2", *subject, "-out", self / f"{name}.crt"
        )

    def _issue(self, name: str, by: str) -> None:
        self._new_key(name)
        request = self / f"{name}.csr"
        _openssl("req", "-new", "-key", self / f"{name}.key", "-subj", f"/O=pyredisai tests/CN={name}", "-out", request)
        signed = ("-CA", self / f"{by}.crt", "-CAkey", self / f"{by}.key", "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", request, *signed, "-out", self / f"{name}.crt")

    def options(self, **more: str | int) -> list[str]:
        """The server's options for them, and more: `tls_port=1` is --tls-port 1."""
        files = {"tls_cert_file": "server.crt", "tls_key_file": "server.key", "tls_ca_cert_file": "ca.crt"}
        found = {name: str(self / file) for name, file in files.items()} | {name: str(v) for name, v in more.items()}
        return [word for name, value in found.items() for word in (f"--{name.replace('_', '-')}", value)]

    def context(self, name: str | None = "client", *, authority: str = "ca") -> ssl.SSLContext:
        """A client's context, with the certificate of that name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self / f"{authority}.crt")
        if name is not None:
            context.load_cert_chain(self / f"{name}.crt", self / f"{name}.key")
        return context

    @property
    def cli(self) -> list[str]:
        """What redis-cli and redis-benchmark need."""
        files = {"--cacert": "ca.crt", "--cert": "client.crt", "--key": "client.key"}
        return ["--tls", *(word for option, file in files.items() for word in (option, str(self / file)))]
