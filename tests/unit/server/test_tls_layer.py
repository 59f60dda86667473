"""TLS on both event loops: everything arrives whole, nothing waits unseen, and it ends with a goodbye."""

from __future__ import annotations

import asyncio
import importlib
import ssl
from collections.abc import Awaitable, Callable

import pytest

from pyredisai.commands.context import Services
from pyredisai.config.registry import Registry
from pyredisai.server.app import build_services
from pyredisai.server.connection import BACKLOG, Connection
from pyredisai.server.endpoint import Endpoint
from pyredisai.server.limits import Limits
from pyredisai.server.tls_layer import TlsLayer
from tests.support.certificates import Certificates
from tests.support.resp import encode

BIG = bytes(range(256)) * 4 * 6000  # six megabytes
Dialogue = Callable[[Services, tuple[str, int], ssl.SSLContext], Awaitable[None]]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def big_both_ways(services: Services, address: tuple[str, int], context: ssl.SSLContext) -> None:
    """A pipeline with a big argument and big replies, read slowly."""
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    writer.write(encode("PING") + encode("SET", "k", BIG) + encode("STRLEN", "k") + encode("GET", "k") * 3)
    bulk = b"$%d\r\n%b\r\n" % (len(BIG), BIG)
    expected = b"+PONG\r\n+OK\r\n:%d\r\n" % len(BIG) + bulk * 3
    assert await asyncio.wait_for(reader.readexactly(len(expected)), 30) == expected
    writer.close()
    await until(lambda: not services.clients)


async def unread_replies(services: Services, address: tuple[str, int], context: ssl.SSLContext) -> None:
    """What the client does not read is counted, and its next requests wait; then both go on."""
    services.databases[0].set(b"k", BIG)
    reader, writer = await asyncio.open_connection(*address, ssl=context, limit=2**16)
    writer.transport.pause_reading()
    for _ in range(20):
        writer.write(encode("GET", "k"))
    await until(lambda: any(client.link.output_buffered() > len(BIG) // 2 for client in services.clients.values()))
    [client] = services.clients.values()
    assert client.link.output_buffered() < 20 * len(BIG)
    writer.transport.resume_reading()
    size = len(b"$%d\r\n\r\n" % len(BIG)) + len(BIG)
    for _ in range(20):
        assert (await asyncio.wait_for(reader.readexactly(size), 30)).endswith(BIG[-9:] + b"\r\n")
    writer.close()


async def held_back_requests(services: Services, address: tuple[str, int], context: ssl.SSLContext) -> None:
    """A blocked client's requests wait, more than is taken from the socket, and all are answered in the end."""
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    count = 4 * BACKLOG // 1000
    writer.write(encode("BLPOP", "queue", 0) + encode("ECHO", b"x" * 1000) * count)
    await until(lambda: any(client.blocked for client in services.clients.values()))
    other_reader, other = await asyncio.open_connection(*address, ssl=context)
    other.write(encode("RPUSH", "queue", "1"))
    assert await other_reader.readexactly(4) == b":1\r\n"
    expected = b"*2\r\n$5\r\nqueue\r\n$1\r\n1\r\n" + (b"$1000\r\n" + b"x" * 1000 + b"\r\n") * count
    assert await asyncio.wait_for(reader.readexactly(len(expected)), 30) == expected
    writer.close()
    other.close()


async def goodbyes(services: Services, address: tuple[str, int], context: ssl.SSLContext) -> None:
    """QUIT, CLIENT KILL and the client's own goodbye behind a request: replies first, then a proper end."""
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    writer.write(encode("QUIT"))
    assert await asyncio.wait_for(reader.read(), 10) == b"+OK\r\n"
    writer.close()
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    writer.write(encode("PING"))
    assert await reader.readexactly(7) == b"+PONG\r\n"
    for client in list(services.clients.values()):
        client.link.close()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    writer.write(encode("PING"))
    writer.close()
    await until(lambda: services.stats.commands_processed == 3 and not services.clients)


async def no_tls(services: Services, address: tuple[str, int], context: ssl.SSLContext) -> None:
    """Plain text, a client that goes in the middle of the handshake, and one that is killed there."""
    for data in (encode("PING"), b"GET / HTTP/1.0\r\n\r\n", b"\0" * 400):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(data)
        try:
            assert b"PONG" not in await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            pass
        writer.close()
    _, writer = await asyncio.open_connection(*address)
    await until(lambda: services.clients)  # known from the start, as in Redis
    writer.close()
    await until(lambda: not services.clients)
    reader, writer = await asyncio.open_connection(*address)
    await until(lambda: services.clients)
    next(iter(services.clients.values())).link.close()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await until(lambda: not services.clients)
    assert services.stats.connections_received == 0


DIALOGUES = [big_both_ways, unread_replies, held_back_requests, goodbyes, no_tls]


async def serve(certificates: Certificates, dialogue: Dialogue) -> None:
    words = certificates.options(tls_port=1)
    values = {name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    services = build_services(Registry({**values, "tls-port": 1}))
    limits = Limits(services.config)
    failures: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, failure: failures.append(failure))
    server = await loop.create_server(
        lambda: Endpoint(TlsLayer(Connection(services, limits), lambda: services.tls.server_context)), "127.0.0.1", 0
    )
    try:
        await dialogue(services, server.sockets[0].getsockname(), certificates.context())
        await until(lambda: not services.clients)
    finally:
        server.close()
    assert [failure for failure in failures if "SSL" not in str(failure.get("message"))] == []


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=[dialogue.__name__ for dialogue in DIALOGUES])
@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_dialogue(certificates: Certificates, name: str, dialogue: Dialogue) -> None:
    module = pytest.importorskip(name) if name == "uvloop" else importlib.import_module(name)
    with asyncio.Runner(loop_factory=module.new_event_loop) as runner:
        runner.run(serve(certificates, dialogue))
