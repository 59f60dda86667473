"""Odd requests: the replies, and whether the connection is closed, are those of redis-server byte for byte."""

from __future__ import annotations

import select
import socket

import pytest

from tests.support.requests import BAD, GOOD
from tests.support.server import Server

STREAMS = {**BAD, **GOOD}
END = b"*2\r\n$4\r\nECHO\r\n$7\r\n<the-e>\r\n"
ANSWER = b"$7\r\n<the-e>\r\n"


def talk(server: Server, *pieces: bytes) -> bytes:
    """All that a server answers to the pieces and to a last good request, and whether it closes.

    What comes is read after each piece: bytes that reach a closed connection would destroy the reply.
    """
    reply = b""
    with socket.create_connection((server.host, server.port)) as sock:
        try:
            for piece, patience in [*((piece, 0.03) for piece in pieces), (END, 0.4)]:
                sock.sendall(piece)
                while select.select([sock], [], [], patience)[0]:
                    chunk = sock.recv(65536)
                    if not chunk:
                        return reply + b"<closed>"
                    reply += chunk
                    if ANSWER in reply:
                        break
        except ConnectionError:
            return reply + b"<closed>"
    return reply


@pytest.mark.parametrize("name", STREAMS)
def test_as_redis(name: str, server: Server, redis_server: Server) -> None:
    data = STREAMS[name]
    half = len(data) // 2
    assert talk(server, data) == talk(redis_server, data)
    assert talk(server, data[:half], data[half:]) == talk(redis_server, data[:half], data[half:])
