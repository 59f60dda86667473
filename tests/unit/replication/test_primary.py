"""The primary's side without a socket."""

from __future__ import annotations

import socket

import pytest

from pyredisai.config.registry import Registry
from pyredisai.replication.peer import Peer
from pyredisai.resp.replies import Reply
from pyredisai.server.app import build_services
from pyredisai.server.connection import Connection
from pyredisai.server.limits import Limits


class Outlet:
    """Counts what is asked of it."""

    delayed = 0

    def push(self, reply: Reply) -> None:
        pass

    def close(self) -> None:
        pass

    def output_buffered(self) -> int:
        return 0

    def delay_packets(self) -> None:
        self.delayed += 1


@pytest.mark.parametrize("option", ["no", "yes"])
def test_repl_disable_tcp_nodelay(option: str) -> None:
    services = build_services(Registry())
    services.config.set([("repl-disable-tcp-nodelay", option)])
    services.primary.transfers.start_due = lambda peers: None  # type: ignore[method-assign]
    outlet = Outlet()
    services.primary.attach(Peer(outlet, "127.0.0.1"), "?", -1)
    assert outlet.delayed == (option == "yes")


def test_a_connection_delays_its_packets() -> None:
    class Transport:
        sock = socket.socket()

        def get_extra_info(self, name: str) -> socket.socket:
            return self.sock

    services = build_services(Registry())
    connection = Connection(services, Limits(services.config))
    transport = connection.transport = Transport()  # type: ignore[assignment]
    with transport.sock as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.delay_packets()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
