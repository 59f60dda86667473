"""Every text about TLS: what the log says, and what a start or CONFIG SET is refused with. Facts: redis-server 7.0."""

from __future__ import annotations

NO_CERTIFICATE = "No tls-cert-file configured!"
NO_KEY = "No tls-key-file configured!"
NO_AUTHORITY = (
    "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients"
    " are enabled!"
)
PROTOCOLS = "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and 'TLSv1.3'."
START_FAILED = "Failed to configure TLS. Check logs for more info."
NOT_UPDATED = "Unable to update TLS configuration. Check server logs."
UNEXPECTED_EOF = "unexpected eof while reading"


def bad_certificate(path: str, reason: str) -> str:
    """A certificate that cannot be loaded."""
    return f"Failed to load certificate: {path}: {reason}"


def bad_key(path: str, reason: str) -> str:
    """A private key that cannot be loaded, or belongs to another certificate."""
    return f"Failed to load private key: {path}: {reason}"


def bad_authority(reason: str) -> str:
    """Certificates of authorities that cannot be loaded."""
    return f"Failed to configure CA certificate(s) file/directory: {reason}"


def bad_ciphers(ciphers: str) -> str:
    """A list without a cipher that OpenSSL knows."""
    return f"Failed to configure ciphers: {ciphers}"


def no_dh_file(path: str, reason: str) -> str:
    """Diffie-Hellman parameters that cannot be read."""
    return f"Failed to load {path}: {reason}"


def bad_dh_file(path: str) -> str:
    """A file that holds no Diffie-Hellman parameters."""
    return f"{path}: failed to read DH params."


def not_accepted(reason: str, fd: int) -> str:
    """The log's line about a handshake that failed."""
    return f"Error accepting a client connection: {reason} (conn: fd={fd})"


def node_not_accepted(reason: str) -> str:
    """The log's line about a handshake that another node of the cluster has begun, and that failed."""
    return f"Error accepting cluster node connection: {reason}"


def node_not_reached(id: str, ip: str, port: int, reason: str) -> str:
    """The log's line about a handshake with another node that failed."""
    return f"Connection with Node {id} at {ip}:{port} failed: {reason}"


def not_read_from_node(reason: str) -> str:
    """The log's line about another node whose bytes are no TLS."""
    return f"I/O error reading from node link: {reason}"


def not_read(reason: str) -> str:
    """The log's line about a client whose bytes are no TLS."""
    return f"Reading from client: {reason}"
