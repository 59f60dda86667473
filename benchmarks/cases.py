"""What is measured. A case runs once a round on both sides, A B A B, so that noise hits both alike."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import backend_cases, models
from benchmarks.load import (
    REDIS_BENCHMARK,
    Sample,
    Unavailable,
    blob_load,
    check,
    for_seconds,
    ping_latencies,
    redis_benchmark,
    reply_size,
)  # fmt: skip
from benchmarks.models import BenchModel
from benchmarks.servers import CORES, SERVER_CORES, Pair, pin, resident_mb, start_ours
from tests.support.paths import ROOT, shared_path
from tests.support.resp import encode
from tests.support.server import REDIS_SERVER, Server, redis_server

Run = Callable[[float], Sample]  # seconds -> what was measured


@dataclass(frozen=True)
class Also:
    """A further row from the same runs: another field of their `Sample`."""

    name: str
    measure: str
    unit: str


@dataclass(frozen=True)
class Case:
    """One row. `measure` names the field of `Sample` that is compared; the ratio is > 1 where we are better.

    `reach` and `aim` are the project's goals for that ratio (None: no goal). `also` are further rows from the same
    runs. A case that takes long has `most_rounds`.
    """

    group: str
    name: str
    against: str
    ours: Run
    reference: Run
    measure: str = "rate"
    reach: float | None = None
    aim: float | None = None
    unit: str = "requests/s"
    also: tuple[Also, ...] = ()
    most_rounds: int | None = None


CPU = Also("server CPU", "cpu", "us/request")


def need(server: Server | None) -> Server:
    """The reference server, or the reason why there is none."""
    if server is None:
        raise Unavailable("redis-server is not installed")
    return server


def protocol(pair: Pair) -> Iterator[Case]:
    """Small commands through redis-benchmark."""
    value = "xxx"
    for clients, pipeline in ((1, 1), (50, 1), (1, 16), (50, 16)):
        goals = {(50, 1): (0.8, 1.0), (50, 16): (0.6, 0.85)}.get((clients, pipeline), (None, None))
        for args in (["PING"], ["SET", "k", value], ["GET", "k"]):

            def run(server: Server | None, args: list[str] = args, c: int = clients, p: int = pipeline) -> Run:
                return lambda seconds: redis_benchmark(need(server), args, clients=c, pipeline=p, seconds=seconds)

            name = f"{args[0]}, {_clients(clients)}" + (f", {pipeline} pipelined" if pipeline > 1 else "")
            yield Case("protocol", name, args[0], run(pair.ours), run(pair.reference), "rate", *goals)


def blobs(pair: Pair) -> Iterator[Case]:
    """Tensors of three sizes against strings of the same size in redis-server."""
    for label, size in (("4 KB", 4096), ("600 KB", 600_000), ("6 MB", 6 * 1024 * 1024)):
        data = np.random.default_rng(1).random(size // 4, np.float32).tobytes()
        for clients in (1, 4):
            yield from _blob_cases(pair, data, label, clients)


def _blob_cases(pair: Pair, data: bytes, label: str, clients: int) -> Iterator[Case]:
    size = len(data)
    store = ("AI.TENSORSET", f"t{size}", "FLOAT", len(data) // 4, "BLOB", data)
    fetch = ("AI.TENSORGET", f"t{size}", "BLOB")
    pairs = (
        ("AI.TENSORSET", store, ("SET", f"s{size}", data), None),
        ("AI.TENSORGET", fetch, ("GET", f"s{size}"), (store, ("SET", f"s{size}", data))),
    )
    for name, ours, theirs, prepare in pairs:

        def run(server: Server | None, request: tuple, first: tuple | None) -> Run:  # type: ignore[type-arg]
            def once(seconds: float) -> Sample:
                target = need(server)
                if first is not None:
                    check(target, *first)
                size = reply_size(target, *request)
                return blob_load(target, encode(*request), size, clients=clients, seconds=seconds)

            return once

        first_ours, first_theirs = prepare or (None, None)
        sides = (run(pair.ours, ours, first_ours), run(pair.reference, theirs, first_theirs))
        title, against = f"{name} {label}, {_clients(clients)}", f"{theirs[0]} of {label}"
        goals = _blob_goals(name, label)
        yield Case("tensors", title, against, *sides, "p50", *goals, unit="ms", also=(CPU,))


def _blob_goals(name: str, label: str) -> tuple[float | None, float | None]:
    if label == "6 MB":
        return (1.0, 1.2) if name.endswith("SET") else (1.2, 1.6)
    return ((0.85, 1.0) if name.endswith("SET") else (0.95, 1.2)) if label == "600 KB" else (None, None)


GOALS = {
    ("tiny", 1): (0.5, 0.6), ("tiny", 10): (0.5, 0.6), ("tiny", 50): (0.65, 0.8),
    ("tiny BATCHSIZE 64", 10): (0.7, 0.85), ("tiny BATCHSIZE 64", 50): (0.85, 0.95),
    ("mnist", 1): (0.4, 0.5), ("mnist", 10): (0.18, 0.25), ("mnist", 50): (0.22, 0.3),
}  # fmt: skip


def store_model(server: Server, model: BenchModel, *options: str | int, key: str | None = None) -> list[str]:
    """Store the model and its inputs; the arguments of the MODELEXECUTE that runs it."""
    key = key or model.name
    check(server, "AI.MODELSTORE", key, "ONNX", "CPU", *options, "BLOB", model.blob)
    names = [f"{key}:in{number}" for number in range(len(model.inputs))]
    for name, array in zip(names, model.inputs, strict=True):
        check(server, "AI.TENSORSET", name, "FLOAT", *array.shape, "BLOB", array.tobytes())
    return ["AI.MODELEXECUTE", key, "INPUTS", str(len(names)), *names, "OUTPUTS", "1", f"{key}:out"]


def inference(pair: Pair) -> Iterator[Case]:
    """Models with 1, 10 and 50 clients: against PING of redis-server, and against bare session.run on the same core."""
    kinds: tuple[tuple[str, Callable[[], BenchModel], tuple[str | int, ...]], ...] = (
        ("tiny", models.tiny, ()), ("tiny BATCHSIZE 64", models.tiny, ("BATCHSIZE", 64)),
        ("mnist", models.mnist, ()), ("medium", models.medium, ()),
    )  # fmt: skip
    for kind, make, options in kinds:
        for clients in (1, 10, 50):

            def ours(seconds: float, k=kind, m=make, o=options, c=clients) -> Sample:  # type: ignore[no-untyped-def]
                args = store_model(pair.ours, m(), *o, key=k.replace(" ", "-"))
                return redis_benchmark(pair.ours, args, clients=c, pipeline=1, seconds=seconds)

            def ping(seconds: float, c: int = clients) -> Sample:
                return redis_benchmark(need(pair.reference), ["PING"], clients=c, pipeline=1, seconds=seconds)

            def bare(seconds: float, m: Callable[[], BenchModel] = make) -> Sample:
                return bare_rate(m(), 1, seconds, sorted(SERVER_CORES))

            title = f"{kind} model, {_clients(clients)}"
            goals = GOALS.get((kind, clients), (None, None))
            if kind != "medium":
                yield Case("models", title, "PING", ours, ping, "rate", *goals)
            if not options:
                yield Case("models", title, "bare session.run, 1 thread", ours, bare, unit="runs/s")
    yield _medium_on_all_cores()
    yield from _fraud(pair)


def _fraud(pair: Pair) -> Iterator[Case]:
    """Fraud detection as one DAG: 30 VALUES in, a loaded reference, a TensorFlow model, VALUES out."""

    def ours(seconds: float, clients: int) -> Sample:
        path = shared_path() / "models" / "creditcardfraud.pb"
        if not path.exists():
            raise Unavailable("no shared/models/creditcardfraud.pb beside the repository")
        nodes = ["INPUTS", 2, "transaction", "reference", "OUTPUTS", 1, "output"]
        check(pair.ours, "AI.MODELSTORE", "fraud", "TF", "CPU", *nodes, "BLOB", path.read_bytes())
        reference = np.random.default_rng(1).random(256, np.float32)
        check(pair.ours, "AI.TENSORSET", "reference", "FLOAT", 1, 256, "BLOB", reference.tobytes())
        values = [f"{number / 30:.3f}" for number in range(30)]
        dag = ["AI.DAGEXECUTE", "LOAD", "1", "reference"]
        dag += ["|>", "AI.TENSORSET", "in", "FLOAT", "1", "30", "VALUES", *values]
        dag += ["|>", "AI.MODELEXECUTE", "fraud", "INPUTS", "2", "in", "reference", "OUTPUTS", "1", "out"]
        dag += ["|>", "AI.TENSORGET", "out", "VALUES"]
        return redis_benchmark(pair.ours, dag, clients=clients, pipeline=1, seconds=seconds)

    for clients, reach, aim in ((1, 0.28, 0.4), (16, 0.2, 0.28)):

        def ping(seconds: float, clients: int = clients) -> Sample:
            return redis_benchmark(need(pair.reference), ["PING"], clients=clients, pipeline=1, seconds=seconds)

        def dag(seconds: float, clients: int = clients) -> Sample:
            return ours(seconds, clients)

        title = f"fraud detection (TF) as one DAG, {_clients(clients)}"
        yield Case("models", title, "PING", dag, ping, "rate", reach, aim)


def _medium_on_all_cores() -> Case:
    threads = len(CORES)

    def ours(seconds: float) -> Sample:
        with start_ours("THREADS_PER_QUEUE", threads, "INTRA_OP_PARALLELISM", 1) as server:
            pin(server.pid, set(CORES))
            args = store_model(server, models.medium())
            return redis_benchmark(server, args, clients=8, pipeline=1, seconds=seconds)

    def bare(seconds: float) -> Sample:
        return bare_rate(models.medium(), threads, seconds, CORES)

    title = f"medium model, 8 clients, THREADS_PER_QUEUE {threads}, all cores"
    return Case("models", title, f"bare session.run, {threads} threads", ours, bare, "rate", 0.93, 0.98, "runs/s")


def bare_rate(model: BenchModel, threads: int, seconds: float, cores: list[int]) -> Sample:
    """`session.run` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path, inputs = Path(folder, "model.onnx"), Path(folder, "inputs.npz")
        path.write_bytes(model.blob)
        np.savez(inputs, *model.inputs)
        words = [path, inputs, threads, seconds, ",".join(map(str, cores))]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bare", *map(str, words)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    return Sample(float(done.stdout))


def neighbours(_pair: Pair) -> Iterator[Case]:
    """The p99 of PING on a server with all cores while it does something heavy, against the same server idle."""
    with start_ours() as server:
        pin(server.pid, set(CORES))
        yield from _neighbours(server)


def _neighbours(server: Server) -> Iterator[Case]:
    def idle(seconds: float) -> Sample:
        return ping_latencies(server, for_seconds(seconds))

    def beside_store(seconds: float) -> Sample:
        model = models.huge()
        request = encode("AI.MODELSTORE", "huge", "ONNX", "CPU", "BLOB", model.blob)
        with server.client(timeout=300) as client:
            done: list[object] = []
            thread = threading.Thread(target=lambda: (client.send_bytes(request), done.append(client.read())))
            thread.start()
            sample = ping_latencies(server, lambda: not thread.is_alive())
            thread.join()
        check(server, "AI.MODELDEL", "huge")
        return sample

    def beside(make: Callable[[], BenchModel], clients: int) -> Run:
        def run(seconds: float) -> Sample:
            args = store_model(server, make())
            with background_load(server, args, clients):
                time.sleep(min(0.2, seconds))
                return ping_latencies(server, for_seconds(seconds))

        return run

    what = "PING p99, same server idle"
    yield Case("neighbours", "PING p99 during a 400 MB AI.MODELSTORE", what, beside_store, idle, "p99", unit="ms")
    for name, make, clients in (("tiny", models.tiny, 10), ("mnist", models.mnist, 10), ("medium", models.medium, 4)):
        title = f"PING p99 beside {clients} clients of the {name} model"
        yield Case("neighbours", title, what, beside(make, clients), idle, "p99", 1 / 3, 1 / 1.5, "ms")


@contextlib.contextmanager
def background_load(server: Server, args: list[str], clients: int) -> Iterator[None]:
    """redis-benchmark for as long as the block lasts."""
    if REDIS_BENCHMARK is None:
        raise Unavailable("redis-benchmark is not installed (package redis-tools)")
    command = [REDIS_BENCHMARK, "-p", str(server.port), "-c", str(clients), "-n", "100000000", "-q", *args]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def start_up(pair: Pair) -> Iterator[Case]:
    """From exec to the first PONG (seconds), and resident memory when idle (MB)."""

    def timed(start: Callable[[], Server]) -> Run:
        def run(_seconds: float) -> Sample:
            begin = time.perf_counter()
            with start():
                return Sample(p50=time.perf_counter() - begin)

        return run

    def theirs() -> Server:
        need(pair.reference)
        return redis_server()

    def memory(server: Server | None) -> Run:
        return lambda _seconds: Sample(p50=resident_mb(need(server).pid))

    yield Case("start", "exec to first PONG", "redis-server", timed(start_ours), timed(theirs), "p50", unit="s")
    name = "resident memory at the end of the run"
    goal = Sample(p50=0.35)
    yield Case(
        "start", "exec to first PONG", "the goal of 0.35 s", timed(start_ours), lambda _: goal, "p50", 1, 1.75, "s"
    )
    with start_ours() as fresh:
        yield Case("start", "resident memory, idle", "redis-server", memory(fresh), _idle_redis, "p50", unit="MB")
    yield Case("start", name, "redis-server", memory(pair.ours), memory(pair.reference), "p50", unit="MB")


def _idle_redis(_seconds: float) -> Sample:
    if REDIS_SERVER is None:
        raise Unavailable("redis-server is not installed")
    with redis_server() as server:
        return Sample(p50=resident_mb(server.pid))


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def frameworks(_pair: Pair) -> Iterator[Case]:
    """The other backends, with 1 and 10 clients, against the framework's bare call; ONNX is among the models."""
    server = backend_cases.OneThread()
    try:
        for backend, size, clients in backend_cases.sizes():

            def ours(seconds: float, b: str = backend, s: str = size, c: int = clients) -> Sample:
                return backend_cases.through_server(server.get(), b, s, c, seconds)

            def bare(seconds: float, b: str = backend, s: str = size) -> Sample:
                return backend_cases.bare(b, s, seconds)

            title = f"{backend}, {size} model, {_clients(clients)}"
            yield Case("backends", title, f"bare call of {backend}, 1 thread", ours, bare, unit="runs/s")
    finally:
        server.stop()


GROUPS: tuple[Callable[[Pair], Iterator[Case]], ...] = (protocol, blobs, inference, frameworks, neighbours, start_up)
