"""Saving and loading: a million small keys, and two gigabytes of tensors and models against strings of the same size.

Each side has a server of its own for each set of keys, on all cores, in a temporary folder that is removed at the end
(TMPDIR=/dev/shm takes the disk out of the figures). Times in seconds; pauses are the latencies of a PING meanwhile, in
milliseconds. Short runs (`--quick`) have far fewer keys.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import models
from benchmarks.cases import Also, Case, Run
from benchmarks.load import Sample, Unavailable, check, ping_latencies
from benchmarks.servers import CORES, Pair, pin
from tests.support.resp import Argument, ErrorReply, encode
from tests.support.server import MODULE_PATH, PYREDISAI, REDIS_SERVER, Server

ROUNDS = 2  # a round takes minutes
KEYS, QUICK_KEYS = 1_000_000, 30_000
TENSOR, TENSORS, QUICK_TENSORS = 6_000_000, 200, 8
MODELS = 2
WAIT_S = 300
BATCH = 1000

# A key is stored by (ours, reference): the requests of both sides.
Requests = Iterator[tuple[tuple[Argument, ...], tuple[Argument, ...]]]


def small_keys(quick: bool) -> Requests:
    """SET of small strings, on both sides."""
    for number in range(QUICK_KEYS if quick else KEYS):
        request = ("SET", f"key:{number}", f"value:{number}")
        yield request, request


def big_values(quick: bool) -> Requests:
    """Tensors and ONNX models on our side, strings of the same bytes on the other."""
    chance = random.Random(1)
    for number in range(QUICK_TENSORS if quick else TENSORS):
        blob = chance.randbytes(TENSOR)
        yield ("AI.TENSORSET", f"t{number}", "UINT8", TENSOR, "BLOB", blob), ("SET", f"t{number}", blob)
    for number in range(1 if quick else MODELS):
        model = models.medium() if quick else models.huge()
        yield ("AI.MODELSTORE", f"m{number}", "ONNX", "CPU", "BLOB", model.blob), ("SET", f"m{number}", model.blob)


class Stock:
    """One side's server with one set of keys, made when it is first asked for. `side`: 0 ours, 1 the reference."""

    def __init__(self, requests: Callable[[bool], Requests], side: int) -> None:
        self._requests, self._side = requests, side
        self.folder = Path(tempfile.mkdtemp(prefix="pyredisai-bench-"))
        self._server: Server | None = None
        self._saved = False

    def server(self, seconds: float) -> Server:
        """The server with its keys; few of them where runs are to be short."""
        if self._server is None:
            self._server = start(self._side, self.folder)
            self._fill(self._server, quick=seconds < 1)
        return self._server

    def _fill(self, server: Server, *, quick: bool) -> None:
        with server.client(timeout=WAIT_S) as client:
            batch: list[tuple[Argument, ...]] = []
            for requests in self._requests(quick):
                batch.append(requests[self._side])
                if len(batch) == BATCH or len(encode(*batch[-1])) > TENSOR:
                    succeed(client.pipeline(*batch))
                    batch = []
            succeed(client.pipeline(*batch))

    def save(self, seconds: float) -> Sample:
        """BGSAVE, and PING meanwhile."""
        sample = self._while_busy(self.server(seconds), ["BGSAVE"], "rdb_bgsave_in_progress")
        self._saved = True
        return sample

    def rewrite(self, seconds: float) -> Sample:
        """The append-only log turned on: its first base is written."""
        server = self.server(seconds)
        try:
            return self._while_busy(server, ["CONFIG", "SET", "appendonly", "yes"], "aof_rewrite_in_progress")
        finally:
            check(server, "CONFIG", "SET", "appendonly", "no")
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    @staticmethod
    def _while_busy(server: Server, request: list[str], field: str) -> Sample:
        begin = time.perf_counter()
        with server.client(timeout=WAIT_S) as client, server.client(timeout=WAIT_S) as watch:
            client.send_bytes(encode(*request))
            look = begin + 0.02  # the first PING waits behind the request

            def ended() -> bool:
                nonlocal look
                if time.perf_counter() < look:
                    return False
                look = time.perf_counter() + 0.02
                return f"{field}:1".encode() not in watch("INFO", "persistence")

            sample = ping_latencies(server, ended)
            wall = time.perf_counter() - begin
            reply = client.read()
        if isinstance(reply, ErrorReply):
            raise Unavailable(f"{request[0]}: {reply.text[:100]}")
        return Sample(p50=wall, p99=sample.p99, longest=sample.longest)

    def load(self, seconds: float) -> Sample:
        """From exec to the first PONG that is not -LOADING, with the file that was saved."""
        server = self.server(seconds)
        if not self._saved:
            self.save(seconds)
        server.stop()
        begin = time.perf_counter()
        server.start(ready=False)
        return served(server, begin)

    def close(self) -> None:
        """End the server, remove its files."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(side: int, folder: Path, *args: str, ready: bool = True) -> Server:
    """A server of one side on all cores."""
    if side == 0:
        server = Server("--loadmodule", MODULE_PATH, *args, command=PYREDISAI, folder=folder, ready=ready)
    elif REDIS_SERVER is None:
        raise Unavailable("redis-server is not installed")
    else:
        server = Server(*args, command=(REDIS_SERVER,), folder=folder, ready=ready)
    pin(server.pid, set(CORES))
    return server


def served(server: Server, begin: float) -> Sample:
    """How long it takes a server that has been started until it serves."""
    pin(server.pid, set(CORES))
    server.wait_ready(WAIT_S)
    return Sample(p50=time.perf_counter() - begin)


def succeed(replies: list[object]) -> None:
    """None of these is an error."""
    for reply in replies:
        if isinstance(reply, ErrorReply):
            raise Unavailable(reply.text[:100])


def load_of_log(side: int) -> Run:
    """The start with an append-only log of nothing but SET; the log is made anew in a folder of its own."""

    def run(seconds: float) -> Sample:
        folder = Path(tempfile.mkdtemp(prefix="pyredisai-bench-"))
        try:
            files = folder / "appendonlydir"
            files.mkdir()
            (files / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
            with (files / "appendonly.aof.1.incr.aof").open("wb") as file:
                file.write(encode("SELECT", 0))
                file.writelines(encode(*request) for request, _ in small_keys(quick=seconds < 1))
            begin = time.perf_counter()
            with start(side, folder, "--appendonly", "yes", ready=False) as server:
                return served(server, begin)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return run


PAUSES = (Also("longest PING meanwhile", "longest", "ms"), Also("p99 of PING meanwhile", "p99", "ms"))


def persistence(_pair: Pair) -> Iterator[Case]:
    """BGSAVE, the log's rewrite and loading, for both sets of keys."""
    kinds = (
        (small_keys, "small keys", "redis-server, the same keys"),
        (big_values, "tensors and models", "redis-server, strings of that size"),
    )
    for requests, what, against in kinds:
        with contextlib.ExitStack() as stack:
            ours, reference = (stack.enter_context(contextlib.closing(Stock(requests, side))) for side in (0, 1))

            def case(name: str, one: Run, other: Run, also: tuple[Also, ...] = (), against: str = against) -> Case:
                return Case("persistence", name, against, one, other, "p50", unit="s", also=also, most_rounds=ROUNDS)

            yield case(f"BGSAVE, {what}", ours.save, reference.save, PAUSES)
            yield case(f"first base of the log, {what}", ours.rewrite, reference.rewrite, PAUSES[:1])
            yield case(f"exec to first PONG with the file, {what}", ours.load, reference.load)
    name = "exec to first PONG with a log of SET"
    sides = load_of_log(0), load_of_log(1)
    yield Case("persistence", name, "redis-server, the same log", *sides, "p50", unit="s", most_rounds=ROUNDS)
