"""TLS contexts out of the tls- options: the one place that makes them, for whoever accepts or opens connections.

Clients are admitted by certificate (tls-auth-clients); host names are not looked at, on either side, as in Redis.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable
from typing import Final, NamedTuple

from pyredisai.config.lines import to_bytes
from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError
from pyredisai.errors import tls_texts as texts

# The options that a context is made of: a change of one makes all contexts anew.
_PARTS: Final = (
    *("tls-cert-file", "tls-key-file", "tls-key-file-pass"),
    *("tls-client-cert-file", "tls-client-key-file", "tls-client-key-file-pass"),
    *("tls-ca-cert-file", "tls-ca-cert-dir", "tls-dh-params-file"),
    *("tls-protocols", "tls-ciphers", "tls-prefer-server-ciphers"),
)
_USES: Final = ("tls-replication", "tls-cluster")
_PROTOCOLS: Final = {
    "tlsv1": ssl.OP_NO_TLSv1,
    "tlsv1.1": ssl.OP_NO_TLSv1_1,
    "tlsv1.2": ssl.OP_NO_TLSv1_2,
    "tlsv1.3": ssl.OP_NO_TLSv1_3,
}
_DEFAULT_PROTOCOLS: Final = {"tlsv1.2", "tlsv1.3"}
_VERIFY: Final = {"no": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "yes": ssl.CERT_REQUIRED}


class _Refused(Exception):
    """Options that make no context; the text is for the log."""


class _Contexts(NamedTuple):
    server: ssl.SSLContext
    node: ssl.SSLContext
    client: ssl.SSLContext


class Tls:
    """The contexts of a server. `server_context` and the others give the current ones: ask for each connection.

    They are replaced as a whole, so a connection keeps what it began with.
    """

    def __init__(self, config: Registry, log: Callable[[str, str], None]) -> None:
        self._config, self._log = config, log
        self._contexts: _Contexts | None = None

    @property
    def server_context(self) -> ssl.SSLContext:
        """For clients that are accepted. Raises ConfigError, and logs why, where the options make none."""
        return self._made().server

    @property
    def node_context(self) -> ssl.SSLContext:
        """For nodes that are accepted; tls-auth-clients is not for them. Raises ConfigError as well."""
        return self._made().node

    @property
    def client_context(self) -> ssl.SSLContext:
        """For connections that are opened; with server_hostname "". Raises ConfigError as well."""
        return self._made().client

    def start(self) -> None:
        """Make the contexts if an option asks for TLS, and follow changes. Raises ConfigError; the log tells why."""
        try:
            self._update()
        except ConfigError:
            self._log("warning", texts.START_FAILED)
            raise
        config = self._config
        config.watch_together((*_PARTS, *_USES), self._update)
        config.watch_together(("tls-port",), self._ensure)
        config.watch_together(("tls-auth-clients",), self._authenticate)

    def _made(self) -> _Contexts:
        if self._contexts is None:
            self._make()
        assert self._contexts is not None
        return self._contexts

    def _update(self) -> None:
        """Options have changed, or files may have."""
        if any(self._config[name] for name in ("tls-port", *_USES)):
            self._make()

    def _ensure(self) -> None:
        if self._config["tls-port"]:
            self._made()

    def _authenticate(self) -> None:
        if self._contexts is not None:
            self._contexts.server.verify_mode = _VERIFY[self._config["tls-auth-clients"]]

    def _make(self) -> None:
        try:
            self._contexts = _make_contexts(self._config)
        except _Refused as error:
            self._log("warning", str(error))
            raise ConfigError(texts.NOT_UPDATED) from None


def _make_contexts(config: Registry) -> _Contexts:
    """Raises _Refused."""
    server = _server_context(config, _VERIFY[config["tls-auth-clients"]])
    node = _server_context(config, ssl.CERT_REQUIRED) if config["tls-cluster"] else server
    return _Contexts(server, node, _client_context(config))


def _server_context(config: Registry, verify: ssl.VerifyMode) -> ssl.SSLContext:
    """Raises _Refused."""
    if not config["tls-cert-file"]:
        raise _Refused(texts.NO_CERTIFICATE)
    if not config["tls-key-file"]:
        raise _Refused(texts.NO_KEY)
    authority = config["tls-ca-cert-file"] or config["tls-ca-cert-dir"]
    if not authority and (config["tls-auth-clients"] != "no" or any(config[name] for name in _USES)):
        raise _Refused(texts.NO_AUTHORITY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _common(context, config)
    context.verify_mode = verify
    _load_pair(context, config, "tls")
    if not config["tls-prefer-server-ciphers"]:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if config["tls-dh-params-file"]:
        _load_dh(context, config["tls-dh-params-file"])
    return context


def _client_context(config: Registry) -> ssl.SSLContext:
    """Shows the server's own certificate where there is none for clients. Raises _Refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    _common(context, config)
    own = config["tls-client-cert-file"] and config["tls-client-key-file"]
    _load_pair(context, config, "tls-client" if own else "tls")
    return context


def _common(context: ssl.SSLContext, config: Registry) -> None:
    """Protocols, authorities, ciphers."""
    _limit_protocols(context, config["tls-protocols"])
    file, directory = config["tls-ca-cert-file"], config["tls-ca-cert-dir"]
    if file or directory:
        try:
            context.load_verify_locations(file or None, directory or None)
        except (OSError, ValueError) as error:
            raise _Refused(texts.bad_authority(reason_of(error))) from None
    ciphers = config["tls-ciphers"]
    try:
        context.set_ciphers(ciphers or "DEFAULT")
    except (ssl.SSLError, ValueError):
        raise _Refused(texts.bad_ciphers(ciphers)) from None


def _limit_protocols(context: ssl.SSLContext, text: str) -> None:
    wanted = set(text.lower().split()) or _DEFAULT_PROTOCOLS
    if not wanted <= _PROTOCOLS.keys():
        raise _Refused(texts.PROTOCOLS)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with warnings.catch_warnings():  # Python advises bounds in their place; these cannot leave one out in the middle
        warnings.simplefilter("ignore", DeprecationWarning)
        for name, without in _PROTOCOLS.items():
            if name not in wanted:
                context.options |= without


def _load_pair(context: ssl.SSLContext, config: Registry, prefix: str) -> None:
    certificate, key = config[f"{prefix}-cert-file"], config[f"{prefix}-key-file"]
    for path, refusal in ((certificate, texts.bad_certificate), (key, texts.bad_key)):
        try:
            with open(path, "rb"):
                pass
        except (OSError, ValueError) as error:
            raise _Refused(refusal(path, reason_of(error))) from None
    try:
        # Never None: OpenSSL would ask on the terminal.
        context.load_cert_chain(certificate, key, to_bytes(config[f"{prefix}-key-file-pass"]))
    except (OSError, ValueError) as error:
        refusal = texts.bad_key if _holds_certificate(certificate) else texts.bad_certificate
        path = key if refusal is texts.bad_key else certificate
        raise _Refused(refusal(path, reason_of(error))) from None


def _holds_certificate(path: str) -> bool:
    """Python does not tell which of the two files OpenSSL refused."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:
        return False
    return True


def _load_dh(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_dh_params(path)
    except ssl.SSLError:
        raise _Refused(texts.bad_dh_file(path)) from None
    except (OSError, ValueError) as error:
        raise _Refused(texts.no_dh_file(path, reason_of(error))) from None


def reason_of(error: Exception) -> str:
    """OpenSSL's or the system's reason, without the place in Python's sources."""
    if isinstance(error, ssl.SSLError):
        if error.reason:
            return error.reason.lower().replace("_", " ")
        return str(error.args[-1]).partition(" (_ssl.c")[0].rpartition("] ")[2]
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
