"""A node of a cluster: connects the bus with the clock, the network, nodes.conf and what the server does for it."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pyredisai import clock
from pyredisai.cluster import nodes_conf
from pyredisai.cluster.bus import Bus, announced_ports
from pyredisai.cluster.config_file import ConfigFile, ConfigFileError
from pyredisai.cluster.host import Link
from pyredisai.cluster.packets import Packet, Type
from pyredisai.cluster.slots import SLOTS, slot_of
from pyredisai.cluster.state import ClusterState, Node, NodeFlag, new_id
from pyredisai.commands import pause, pubsub
from pyredisai.commands.context import Services
from pyredisai.commands.redirection import install_redirection
from pyredisai.commands.roles import follow, promote
from pyredisai.commands.slot_keys import slot_keys
from pyredisai.config.compound import Primary as Address
from pyredisai.errors import ConfigError, config_texts
from pyredisai.execution.background import BackgroundPool
from pyredisai.server.bus_links import BusLink
from pyredisai.server.listener import ListenError, listen
from pyredisai.server.tls_codec import TlsCodec

_ROUND_S: Final = 0.1
_ANNOUNCED: Final = (
    *("port", "tls-port", "tls-cluster", "cluster-announce-port", "cluster-announce-tls-port"),
    *("cluster-announce-bus-port", "cluster-announce-ip", "cluster-announce-hostname"),
)
_NEVER_MS: Final = 2**62
_PAUSE: Final = "cluster-failover"


@dataclass(slots=True, eq=False)
class ServerHost:
    """What the bus asks of this server (`cluster.host.Host`)."""

    services: Services
    file: ConfigFile
    open_link: Callable[[Node], Link]
    on_loop: Callable[[Callable[[], None]], object] | None = None  # of the loop that runs, once it does

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return clock.now_ms()

    def log(self, level: str, text: str) -> None:
        """To the server's log."""
        self.services.log(level, text)

    def wake(self, settle: Callable[[], None]) -> None:
        """At the end of this turn; before the start nothing is in a hurry."""
        if self.on_loop is not None:
            self.services.scheduler.call_soon(settle)

    def connect(self, node: Node) -> Link:
        """Open a link."""
        return self.open_link(node)

    def write(self, text: str, then: Callable[[], None]) -> None:
        """Write nodes.conf."""
        self.file.write(text, then)

    def follow(self, ip: str, port: int) -> None:
        """Be a replica."""
        follow(self.services, ip, port)

    def promote(self) -> None:
        """Be a primary."""
        if self.services.primary.is_replica:
            promote(self.services)

    def following(self) -> tuple[str, int] | None:
        """Of whom."""
        address: Address | None = self.services.config["replicaof"]
        return (address.host, address.port) if address is not None else None

    def offset(self) -> int:
        """Of the stream; 0 for a replica that has nothing of it yet."""
        primary = self.services.primary
        return primary.history.offset if not primary.is_replica or primary.history.resumable else 0

    def data_age_ms(self) -> int:
        """Since the primary was heard; very long for a replica that never had its data."""
        return self.services.upstream.age_ms if self.services.upstream.was_up else _NEVER_MS

    def count_keys(self, slot: int) -> int:
        """Of one slot."""
        return slot_keys(self.services).count(slot)

    def delete_keys(self, slots: Iterable[int]) -> None:
        """Of slots that others serve now."""
        database, journal = self.services.databases[0], self.services.journal
        index = slot_keys(self.services)
        for slot in slots:
            for key in index.newest(slot, index.count(slot)):
                database.delete(key)
                if journal.subscribers:
                    journal.append(0, [[b"DEL", key]])

    def empty(self) -> None:
        """Delete everything."""
        for database in self.services.databases:
            database.flush()
        self.services.scanner.forget()
        if self.services.journal.subscribers:
            self.services.journal.append(0, [[b"FLUSHALL"]])

    def pause(self, milliseconds: int) -> None:
        """Hold writes back, and the stream still."""
        pause.start(self.services, "write", milliseconds, _PAUSE)
        self.services.primary.hold_still()

    def unpause(self) -> None:
        """Go on."""
        self.services.primary.still = self.services.shutdown.left_ms >= 0
        pause.end(self.services, _PAUSE)

    def publish(self, channel: bytes, message: bytes, *, sharded: bool) -> None:
        """To this server's subscribers."""
        hub = pubsub.hub(self.services)
        if sharded:
            hub.publish_shard(channel, message)
        else:
            hub.publish(channel, message)


class Clustering:
    """One node's life: built before replication is, `open` takes the bus's port, `start` joins the cluster."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._sockets: list[asyncio.AbstractServer] = []
        self._waiting: list[tuple[BusLink, Packet]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        config = services.config
        pool = BackgroundPool(1)  # of its own: a vote must not wait for models
        self._file = ConfigFile(config["cluster-config-file"], pool.run, self._call_on_loop, services.log)
        state = self._load()
        self._host = ServerHost(services, self._file, self._connect)
        self.bus = services.bus = Bus(state, config, self._host)
        services.cluster = state
        state.save = self._save_now
        install_redirection(services, state)
        for name in _ANNOUNCED:
            config.watch(name, lambda _: self._announce())
        for name in ("tls-cluster", "tls-replication"):
            config.watch(name, lambda _: self._follow_port())
        config.watch("cluster-replica-no-failover", self._set_no_failover)
        master = state.myself.master
        if master is not None and master.ip:
            config.put("replicaof", Address(master.ip, master.port))
        self._save_now()

    def _load(self) -> ClusterState:
        """What nodes.conf says, or a new node. Raises ConfigError, the reason being in the log."""
        log = self._services.log
        try:
            text = self._file.open()
            state = nodes_conf.parse(text, clock.now_ms()) if text else None
        except ConfigFileError as error:
            log("warning", str(error))
            raise ConfigError(str(error)) from None
        except nodes_conf.BadNodesConf as error:
            reason = config_texts.corrupted_cluster_file(self._file.path, str(error))
            log("warning", reason)
            raise ConfigError(reason) from None
        if state is not None:
            log("notice", f"Node configuration loaded, I'm {state.myself.id}")
            return state
        me = Node(new_id(), NodeFlag.MYSELF | NodeFlag.MASTER)
        log("notice", f"No cluster configuration found, I'm {me.id}")
        return ClusterState(me)

    def _announce(self) -> None:
        """Follow what the configuration says of this node's addresses."""
        config, me = self._services.config, self.bus.state.myself
        me.port, me.bus_port, me.plain_port = announced_ports(config, self.bus.port)
        if config["cluster-announce-ip"] != me.ip and (config["cluster-announce-ip"] or self._announced_ip):
            me.ip = config["cluster-announce-ip"]
        self._announced_ip = bool(config["cluster-announce-ip"])
        me.hostname = config["cluster-announce-hostname"]
        self.bus.state.changed = True

    _announced_ip = False

    def _follow_port(self) -> None:
        """The primary's other port may be the one for replication now."""
        master, following = self.bus.state.myself.master, self._host.following()
        if master is None or following is None:
            return
        address = master.ip, self.bus.replication_port(master)
        if master.ip and following != address:
            self._host.follow(*address)

    def _set_no_failover(self, wanted: bool) -> None:
        me = self.bus.state.myself
        me.flags = me.flags | NodeFlag.NOFAILOVER if wanted else me.flags & ~NodeFlag.NOFAILOVER
        self.bus.state.changed = True

    def _save_now(self) -> None:
        state = self.bus.state
        self._file.write_now(nodes_conf.render(state))
        state.changed = False

    def _call_on_loop(self, function: Callable[[], None]) -> None:
        if self._host.on_loop is not None:
            try:
                self._host.on_loop(function)
            except RuntimeError:  # the loop is closed: the server has ended
                pass

    # The network

    def open(self) -> None:
        """Take the port of the bus. Raises ListenError; its text is Redis' last words."""
        config, log = self._services.config, self._services.log
        port = self.bus.port
        if port > 65535:
            raise ListenError(config_texts.BUS_PORT_TOO_HIGH)
        failure = config_texts.bus_listen_failed(port)
        self._opened = listen(config["bind"], port, config["tcp-backlog"], failure, log, config["socket-mark-id"])
        if not self._opened:
            raise ListenError(failure)

    async def start(self) -> None:
        """Join: what is loaded is compared with who serves it, then other nodes may come."""
        loop = asyncio.get_running_loop()
        self._claim_loaded_keys()
        self._host.on_loop = loop.call_soon_threadsafe
        self.bus.waking = False
        backlog = self._services.config["tcp-backlog"]
        for sock in self._opened.values():
            server = await loop.create_server(self._new_link, sock=sock, backlog=backlog)
            self._sockets.append(server)
        self.bus.settle()
        self._round()

    def stop(self) -> None:
        """The server ends."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for server in self._sockets:
            server.close()
        for link in list(self.bus.links):
            self.bus.drop(link)
        try:
            if self.bus.state.changed or self._file.is_writing:
                self._save_now()
        except OSError as error:
            self._services.log("warning", f"Could not write the cluster configuration file: {error}")
        self._file.close()

    def _new_link(self, node: Node | None = None) -> BusLink:
        """To a node, or accepted."""
        tls, server_side = self._services.tls, node is None

        def make_tls() -> TlsCodec:
            return TlsCodec(tls.node_context if server_side else tls.client_context, server_side=server_side)

        return BusLink(self.bus, self._receive, node, make_tls if self._services.config["tls-cluster"] else None)

    def _connect(self, node: Node) -> Link:
        link = self._new_link(node)
        task = asyncio.get_running_loop().create_task(self._open_link(link, node.ip, node.bus_port))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return link

    async def _open_link(self, link: BusLink, ip: str, port: int) -> None:
        address: str = self._services.config["bind-source-addr"]
        source = (address, 0) if address else None
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(max(1.0, self.bus.timeout_ms / 1000)):
                await loop.create_connection(lambda: link, ip, port, local_addr=source)
        except (OSError, TimeoutError, OverflowError) as error:
            self._services.log("debug", f"Unable to connect to Cluster Node [{ip}]:{port} -> {error}")
            link.failed()

    def _receive(self, link: BusLink, packet: Packet) -> None:
        """While a script is suspended nothing may change: then others are only told that this node lives."""
        if self._services.guard.busy:
            self._waiting.append((link, packet))
            if packet.header.type == Type.PING:
                self.bus.send_ping(link, Type.PONG)
            return
        self.bus.receive(link, packet)

    def _round(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_ROUND_S, self._round)
        if self._services.guard.busy:
            return
        try:
            waiting, self._waiting = self._waiting, []
            for link, packet in waiting:
                if link in self.bus.links:
                    self.bus.receive(link, packet)
            self.bus.round()
        except Exception:
            self._services.log("warning", "A round of the cluster bus failed:\n" + traceback.format_exc())

    def _claim_loaded_keys(self) -> None:
        """A primary that has keys of a slot that nobody serves takes it; one of another's slot is to be imported."""
        state, log = self.bus.state, self._services.log
        me = state.myself
        if not me.is_master:
            return
        found = bytearray(SLOTS)
        for key in self._services.databases[0].data:
            found[slot_of(key)] = 1
        for slot, owner in enumerate(state.owners):
            if not found[slot] or owner is me or slot in state.importing:
                continue
            if owner is None:
                log("notice", f"I have keys for unassigned slot {slot}. Taking responsibility for it.")
                state.assign(slot, me)
            else:
                log(
                    "notice",
                    f"I have keys for slot {slot}, but the slot is assigned to another node. "
                    "Setting it to importing state.",
                )
                state.importing[slot] = owner
                state.changed = True
