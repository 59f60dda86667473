"""maxmemory-clients beside redis-server: who is disconnected, in which order, and who is spared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.resp import RespClient
from tests.support.server import Server

MB = 1024 * 1024
Start = Callable[..., Server]


class House:
    """One server with clients that have names. The one that looks (`admin`) is spared."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = server.client()
        self.admin("CLIENT", "NO-EVICT", "on")
        self.clients: dict[str, RespClient] = {}

    def join(self, name: str) -> RespClient:
        client = self.clients[name] = self.server.client()
        client("CLIENT", "SETNAME", name)
        return client

    def send(self, name: str, data: bytes) -> None:
        """Send as much as the server takes before it hangs up."""
        try:
            self.clients[name].sock.sendall(data)
        except OSError:
            pass

    def fields(self) -> dict[str, dict[str, str]]:
        lines = self.admin("CLIENT", "LIST").decode().splitlines()
        found = [dict(field.split("=", 1) for field in line.split()) for line in lines]
        return {fields["name"]: fields for fields in found if fields["name"]}

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, (self.fields(), self.server.log)
            time.sleep(0.01)

    def until_there(self, *names: str) -> None:
        self.until(lambda: set(self.fields()) == set(names))

    def evicted(self) -> int:
        return self.info("evicted_clients")

    def info(self, field: str) -> int:
        return int(self.number(field))

    def number(self, field: str) -> float:
        lines = self.admin("INFO").decode().splitlines()
        return float(dict(line.split(":", 1) for line in lines if ":" in line)[field])


@pytest.fixture(params=["pyredisai", "redis-server"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    start: Start = request.getfixturevalue("start_server" if request.param == "pyredisai" else "start_redis")
    house = House(start("--maxmemory-clients", "10mb"))
    yield house
    for client in [house.admin, *house.clients.values()]:
        client.close()


def started(size: int, sent: int) -> bytes:
    """A SET whose value is not complete."""
    return b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n" % size + bytes(sent)


def test_who_begins_a_request_that_is_too_large(house: House) -> None:
    house.join("small")
    house.join("large")
    house.send("large", started(50 * MB, 8 * MB))
    house.until_there("small")
    assert house.evicted() == 1
    assert "Evicting client: id=" in house.server.log
    assert house.admin("CONFIG", "RESETSTAT") == "OK"
    assert house.evicted() == 0


def test_who_queues_too_much(house: House) -> None:
    house.join("small")
    house.join("large")("MULTI")
    for _ in range(30):
        house.send("large", started(MB, MB) + b"\r\n")
    house.until_there("small")


def test_who_does_not_read(house: House) -> None:
    house.admin("SET", "key", bytes(5 * MB))
    house.join("small")
    house.join("large")
    house.send("large", b"*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n" * 10)
    house.until_there("small")


def test_who_listens_and_does_not_read(house: House) -> None:
    house.join("small")
    house.join("large")("SUBSCRIBE", "c")
    for _ in range(20):
        house.admin("PUBLISH", "c", bytes(MB))
    house.until_there("small")


def test_the_largest_go_until_it_is_enough(house: House) -> None:
    names = [f"{megabytes}" for megabytes in (3, 1, 2)]
    for name in names:
        house.join(name)
        house.send(name, started(int(name) * MB, int(name) * MB - 1000))
    house.until(lambda: all(int(fields["qbuf"]) > MB - 2000 for fields in house.fields().values()))
    house.until_there(*names)
    house.admin("CONFIG", "SET", "maxmemory-clients", "4500kb")
    house.until_there("1", "2")
    house.admin("CONFIG", "SET", "maxmemory", "200mb", "maxmemory-clients", "1%")
    house.until_there("1")
    assert house.evicted() == 2


def test_whoever_is_spared_counts(house: House) -> None:
    house.join("small")
    house.join("spared")("CLIENT", "NO-EVICT", "on")
    house.send("spared", started(20 * MB, 20 * MB - 1000))
    house.until_there("spared")
    house.until(lambda: "after evicting all evictable clients" in house.server.log)
    assert house.admin("CLIENT", "LIST", "ID", 0) == b""


def test_what_client_list_shows(house: House) -> None:
    for name in ("idle", "multi", "part", "waits"):
        house.join(name)
    house.clients["multi"]("MULTI")
    house.clients["multi"]("SET", "key", "x" * 1000)
    house.send("part", started(50_000, 20_000))
    house.clients["waits"].send("BLPOP", "k" * 100, 0)
    house.until(lambda: house.fields()["part"]["qbuf"] == "20000" and house.fields()["waits"]["flags"] == "b")
    shown = house.fields()
    assert shown["part"]["argv-mem"] == "6"
    assert shown["waits"]["argv-mem"] == "106"
    assert shown["multi"]["multi"] == "1"
    assert 1007 <= int(shown["multi"]["multi-mem"]) < 1500
    totals = {name: int(fields["tot-mem"]) for name, fields in shown.items()}
    assert totals["part"] - totals["idle"] > 10_000
    assert house.info("mem_clients_normal") >= sum(totals.values())
    house.until(lambda: house.info("client_recent_max_input_buffer") >= 20_000)
    house.send("waits", b"*1\r\n$4\r\nPING\r\n")
    house.until(lambda: house.fields()["waits"]["qbuf"] == "14")


def test_who_waits_for_so_long(house: House) -> None:
    for name, request in (("ever", ("BLPOP", "k", 0)), ("long", ("BLPOP", "k", 100)), ("ack", ("WAIT", 1, 100_000))):
        house.join(name).send(*request)
    house.until(lambda: house.info("blocked_clients") == 3)
    assert house.info("clients_in_timeout_table") == 2
    house.admin("RPUSH", "k", 1, 2)
    house.until(lambda: house.info("blocked_clients") == 1)
    assert house.info("clients_in_timeout_table") == 1


def test_how_far_a_save_is(house: House) -> None:
    assert house.admin("CONFIG", "SET", "rdb-key-save-delay", 1000) == "OK"
    for start in range(0, 30_000, 5000):
        house.admin("MSET", *[word for i in range(start, start + 5000) for word in (f"k:{i}", "v")])
    assert house.admin("BGSAVE") == "Background saving started"
    house.until(lambda: 0 < house.number("current_fork_perc") < 100)
    assert house.info("current_save_keys_total") == 30_000
    assert 0 < house.info("current_save_keys_processed") < 30_000


def test_who_is_paused_keeps_the_request(house: House) -> None:
    house.join("held")
    assert house.admin("CLIENT", "PAUSE", 100_000, "WRITE") == "OK"
    house.clients["held"].send("SET", "key", "v" * 94)
    house.until(lambda: house.fields()["held"]["flags"] == "b")
    assert house.fields()["held"]["argv-mem"] == "100"
    assert house.admin("CLIENT", "UNPAUSE") == "OK"
    house.until(lambda: house.fields()["held"]["argv-mem"] == "0")
