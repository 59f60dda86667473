"""TLS of the bus: two codecs that talk to each other, whatever the pieces are."""

from __future__ import annotations

import ssl

import pytest

from pyredisai.server.tls_codec import TlsCodec
from tests.support.certificates import Certificates

BIG = bytes(range(256)) * 4 * 1000


def pair(certificates: Certificates, name: str | None = "client") -> tuple[TlsCodec, TlsCodec]:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    server.load_verify_locations(certificates / "ca.crt")
    server.verify_mode = ssl.CERT_REQUIRED
    return TlsCodec(certificates.context(name), server_side=False), TlsCodec(server, server_side=True)


def shake_hands(opens: TlsCodec, accepts: TlsCodec, piece: int = 10_000) -> None:
    opens.shake_hands()
    sides = [(opens, accepts), (accepts, opens)]
    while sum(len(carry(*side, piece)) for side in sides):
        pass


def carry(source: TlsCodec, target: TlsCodec, piece: int) -> bytes:
    data = source.outgoing()
    for at in range(0, len(data), piece):
        assert target.decrypt(data[at : at + piece]) == b""
    return data


@pytest.mark.parametrize("piece", [1, 100, 10_000])
def test_both_ways(certificates: Certificates, piece: int) -> None:
    opens, accepts = pair(certificates)
    shake_hands(opens, accepts, piece)
    assert opens.is_open
    assert accepts.is_open
    for source, target in ((opens, accepts), (accepts, opens)):
        data = source.encrypt(BIG) + source.encrypt(b"x")
        cut = len(data) // 2
        assert target.decrypt(data[:cut]) + target.decrypt(data[cut:]) == BIG + b"x"
        assert not target.ended


def test_data_behind_the_handshake_is_not_lost(certificates: Certificates) -> None:
    opens, accepts = pair(certificates)
    opens.shake_hands()
    accepts.decrypt(opens.outgoing())
    opens.decrypt(accepts.outgoing())
    finished = opens.outgoing()
    assert accepts.decrypt(finished + opens.encrypt(b"first")) == b"first"


def test_refusals_leave_an_alert(certificates: Certificates) -> None:
    opens, accepts = pair(certificates, None)
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake_hands(opens, accepts)
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        opens.decrypt(accepts.outgoing())
    _, accepts = pair(certificates)
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        accepts.decrypt(b"RCmb" + bytes(100))
    assert not accepts.is_open
