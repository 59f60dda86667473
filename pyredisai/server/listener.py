"""Where clients connect: TCP and TLS on every address of `bind`, and the Unix socket. Follows CONFIG SET."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from pyredisai.config.registry import Registry
from pyredisai.errors import ConfigError, texts

Factory: TypeAlias = Callable[[], asyncio.BaseProtocol]
Logger: TypeAlias = Callable[[str, str], None]
Place: TypeAlias = tuple[str, int]

# A family of addresses that the machine does not have is passed over, as in Redis.
_NO_FAMILY: Final = {
    errno.ENOPROTOOPT,
    errno.EPROTONOSUPPORT,
    errno.ESOCKTNOSUPPORT,
    errno.EPFNOSUPPORT,
    errno.EAFNOSUPPORT,
}


class ListenError(Exception):
    """An address cannot be listened on; the reason has been logged."""


class PortListener:
    """The sockets of one port on every address of bind. `option` names the port, `kind` is what the log calls it."""

    def __init__(
        self,
        config: Registry,
        option: Literal["port", "tls-port"],
        kind: Literal["TCP", "TLS"],
        factory: Factory,
        log: Logger,
    ) -> None:
        self._config, self._option, self._kind = config, option, kind
        self._factory, self._log = factory, log
        self._sockets: dict[Place, socket.socket] = {}
        self._servers: dict[Place, asyncio.AbstractServer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        """Whether it listens anywhere."""
        return bool(self._sockets)

    def open(self) -> None:
        """Bind and listen. Raises ListenError; its text is Redis' last words."""
        port = self._config[self._option]
        self._sockets = self._listen(self._config["bind"], port, texts.listen_failed(port, self._kind))

    async def serve(self) -> None:
        """Accept connections from now on, also after changes of the port and `bind`."""
        await self._serve()
        self._config.watch(self._option, self._change)
        self._config.watch("bind", self._change)

    def close(self) -> None:
        """Close all."""
        for place in list(self._sockets):
            self._close(place)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        backlog = self._config["tcp-backlog"]
        for place, sock in list(self._sockets.items()):
            if place not in self._servers:
                self._servers[place] = await loop.create_server(self._factory, sock=sock, backlog=backlog)

    def _change(self, _: object) -> None:
        """Listen where the configuration says now. Raises ConfigError, and listens where it did, if that fails."""
        port = self._config[self._option]
        wanted = {(host.lstrip("-"), port) for host in self._config["bind"]} if port else set()
        if wanted == self._sockets.keys():
            return
        before = list(self._sockets)
        for place in before:
            if place not in wanted:
                self._close(place)
        missing = [host for host in self._config["bind"] if (host.lstrip("-"), port) not in self._sockets]
        try:
            self._sockets |= self._listen(missing, port, texts.LISTEN_REFUSED)
        except ListenError as error:
            for place in before:
                if place not in self._sockets:
                    self._sockets |= self._listen([place[0]], place[1], texts.LISTEN_REFUSED)
            raise ConfigError(str(error)) from None
        finally:
            task = asyncio.get_running_loop().create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _close(self, place: Place) -> None:
        sock = self._sockets.pop(place)
        server = self._servers.pop(place, None)
        if server is not None:
            server.close()
        sock.close()

    def _listen(self, hosts: Sequence[str], port: int, failure: str) -> dict[Place, socket.socket]:
        config = self._config
        return listen(hosts, port, config["tcp-backlog"], failure, self._log, config["socket-mark-id"]) if port else {}


class Listener:
    """All listening sockets. `open` them, then `serve` on them. `tls` makes the protocols of the TLS port."""

    def __init__(self, config: Registry, plain: Factory, tls: Factory, log: Logger) -> None:
        self._config = config
        self._factory = plain
        self._ports = (
            PortListener(config, "port", "TCP", plain, log),
            PortListener(config, "tls-port", "TLS", tls, log),
        )
        self._unix: socket.socket | None = None
        self._unix_server: asyncio.AbstractServer | None = None

    def open(self) -> None:
        """Bind and listen. Raises ListenError; its text is Redis' last words."""
        for port in self._ports:
            port.open()
        path = self._config["unixsocket"]
        if path:
            self._unix = self._listen_unix(path)
        if not any(port.is_open for port in self._ports) and self._unix is None:
            raise ListenError(texts.NOT_LISTENING)

    async def serve(self) -> None:
        """Accept connections from now on."""
        for port in self._ports:
            await port.serve()
        if self._unix is not None:
            loop = asyncio.get_running_loop()
            self._unix_server = await loop.create_unix_server(self._factory, sock=self._unix)

    def close(self) -> None:
        """Close all, and remove the Unix socket's file."""
        for port in self._ports:
            port.close()
        if self._unix_server is not None:
            self._unix_server.close()
            os.unlink(self._config["unixsocket"])

    def _listen_unix(self, path: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            if os.path.exists(path):
                os.unlink(path)
            sock.bind(path)
            if self._config["unixsocketperm"]:
                os.chmod(path, self._config["unixsocketperm"])
            sock.listen(self._config["tcp-backlog"])
        except OSError as error:
            sock.close()
            raise ListenError(f"Opening Unix socket: {_reason(error)}") from None
        sock.setblocking(False)
        return sock


def listen(
    hosts: Sequence[str], port: int, backlog: int, failure: str, log: Logger, mark: int
) -> dict[Place, socket.socket]:
    """Listening sockets by place. Raises ListenError(failure) and leaves none open."""
    found: dict[Place, socket.socket] = {}
    for host in hosts:
        place = (host.lstrip("-"), port)
        try:
            found[place] = _tcp_socket(*place, backlog, mark)
        except OSError as error:
            if error.errno in _NO_FAMILY or (error.errno == errno.EADDRNOTAVAIL and host.startswith("-")):
                continue
            log("warning", texts.no_listening_socket(place[0], port, _reason(error)))
            for sock in found.values():
                sock.close()
            raise ListenError(failure) from None
    return found


def _tcp_socket(host: str, port: int, backlog: int, mark: int) -> socket.socket:
    address = {"*": "0.0.0.0", "::*": "::"}.get(host, host)
    [(family, kind, proto, _, name), *_] = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if mark:
            _mark(sock, mark)
        sock.bind(name)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _mark(sock: socket.socket, mark: int) -> None:
    """Without the right to it, or off Linux, the socket has no mark, as in Redis."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    except (OSError, AttributeError):
        pass


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    return f"bind: {os.strerror(error.errno or 0)}"
