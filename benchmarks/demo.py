"""The main job, from nothing: start a server, store a real model, classify real files over RESP; then `melody`; stop.

    python -m benchmarks.demo --package FOLDER_OF_MAGIKA [FILE ...]

Needs no framework and no client library here: what runs the model is the server.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import melody
from benchmarks.magika import Magika, Verdict
from tests.support.paths import ROOT
from tests.support.resp import ErrorReply, RespClient
from tests.support.server import MODULE_PATH, Server

OWN_FILES = (
    "README.md", "LICENSE", "Makefile", "pyproject.toml", "constraints.txt", ".gitignore", "redisai.conf.example",
    "CHANGELOG.md", ".ci/run", "pyredisai/__init__.py", "pyredisai/server/app.py", "tests/support/resp.py",
)  # fmt: skip
MODEL, INPUT, OUTPUT = "magika", "features", "scores"


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def ask(client: RespClient, *args: Any) -> Any:
    """One command whose reply must not be an error."""
    reply = client(*args)
    if isinstance(reply, ErrorReply):
        raise DemoError(f"{args[0]} answered: {reply.text}")
    return reply


def classify(client: RespClient, magika: Magika, path: Path) -> tuple[Verdict, float, float]:
    """Three commands, one after the other: the verdict, ms for MODELEXECUTE alone, ms for all three."""
    blob = magika.features(path)
    start = time.perf_counter()
    ask(client, "AI.TENSORSET", INPUT, "INT32", 1, magika.width, "BLOB", blob)
    begin = time.perf_counter()
    ask(client, "AI.MODELEXECUTE", MODEL, "INPUTS", 1, INPUT, "OUTPUTS", 1, OUTPUT)
    done = time.perf_counter()
    scores = ask(client, "AI.TENSORGET", OUTPUT, "BLOB")
    return magika.verdict(scores), (done - begin) * 1e3, (time.perf_counter() - start) * 1e3


def classify_in_dag(client: RespClient, magika: Magika, path: Path) -> tuple[Verdict, float]:
    """The same as one AI.DAGEXECUTE: the verdict, ms for the round trip. Nothing is stored in the keyspace."""
    blob = magika.features(path)
    start = time.perf_counter()
    replies = ask(
        client, "AI.DAGEXECUTE", "ROUTING", MODEL,
        "|>", "AI.TENSORSET", INPUT, "INT32", 1, magika.width, "BLOB", blob,
        "|>", "AI.MODELEXECUTE", MODEL, "INPUTS", 1, INPUT, "OUTPUTS", 1, OUTPUT,
        "|>", "AI.TENSORGET", OUTPUT, "BLOB",
    )  # fmt: skip
    took = (time.perf_counter() - start) * 1e3
    if isinstance(replies[-1], ErrorReply):
        raise DemoError(f"AI.DAGEXECUTE answered: {replies[-1].text}")
    return magika.verdict(replies[-1]), took


def has_command(client: RespClient, name: str) -> bool:
    """Whether the server knows the command."""
    reply = client("COMMAND", "INFO", name)
    return isinstance(reply, list) and bool(reply) and reply[0] is not None


def report(client: RespClient, magika: Magika, files: list[Path]) -> None:
    """Classify each file and print a line for it."""
    dag = has_command(client, "AI.DAGEXECUTE")
    print(f"\n{'file':<28} {'what it is':<32} {'sure':>6}  {'run':>8} {'3 cmds':>8}" + ("   one DAG" if dag else ""))
    for path in files:
        verdict, run, total = classify(client, magika, path)
        line = (
            f"{_name(path):<28} {verdict.description[:32]:<32} {verdict.probability:>6.1%}  {run:6.2f}ms {total:6.2f}ms"
        )
        if dag:
            again, took = classify_in_dag(client, magika, path)
            if again.label != verdict.label:
                raise DemoError(f"the DAG says {again.label}, the three commands {verdict.label}")
            line += f"  {took:6.2f}ms"
        print(line + ("" if verdict.sure else "  (a guess)"))
    if not dag:
        print("(this server has no AI.DAGEXECUTE yet: the same as one command is left out)")


def _name(path: Path) -> str:
    name = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
    return name if len(name) <= 28 else "…" + name[-27:]


def by_redis_cli(magika: Magika, port: int, path: Path, folder: Path) -> None:
    """Show the same three commands for redis-cli, and run them where it is installed."""
    (folder / "features.bin").write_bytes(magika.features(path))
    lines = (
        f"redis-cli -p {port} -x AI.TENSORSET {INPUT} INT32 1 {magika.width} BLOB < features.bin",
        f"redis-cli -p {port} AI.MODELEXECUTE {MODEL} INPUTS 1 {INPUT} OUTPUTS 1 {OUTPUT}",
        f"redis-cli -p {port} AI.TENSORGET {OUTPUT} VALUES | cat -n | sort -gr -k2 | head -3",
    )
    print(f"\nThe same three commands with redis-cli, for {_name(path)}:")
    installed = shutil.which("redis-cli") is not None
    for line in lines:
        print(f"  $ {line}")
        if installed:
            done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, timeout=60)
            print("".join(f"    {row}\n" for row in (done.stdout + done.stderr).splitlines()), end="")
    if not installed:
        print("  (redis-cli is not installed here, so they are only shown: apt-get install redis-tools)")
        return
    top = int(done.stdout.split()[0]) if done.stdout.split() else 0
    if not 0 < top <= len(magika.labels):
        raise DemoError("redis-cli got no scores")
    print(f"  line {top} is the label {magika.labels[top - 1]!r}")


def run(magika: Magika, files: list[Path], package: Path) -> None:
    """The demo; the server is stopped whatever happens."""
    start = time.perf_counter()
    with Server("--loadmodule", MODULE_PATH) as server, tempfile.TemporaryDirectory() as folder:
        print(f"server: up on 127.0.0.1:{server.port} after {time.perf_counter() - start:.2f} s (pid {server.pid})")
        with server.client(timeout=120) as client:
            model = magika.model_file.read_bytes()
            start = time.perf_counter()
            ask(client, "AI.MODELSTORE", MODEL, "ONNX", "CPU", "TAG", "magika-1.0.3", "BLOB", model)
            took = time.perf_counter() - start
            print(f"model:  {magika.model_file.parent.name}, {len(model) / 1e6:.1f} MB of ONNX, stored in {took:.2f} s")
            report(client, magika, files)
            by_redis_cli(magika, server.port, files[0], Path(folder))
            if melody.available(package):
                melody.perform(client, package, Path(folder))
            else:
                print("\n(basic-pitch and silero-vad are not installed, so there is no second act)")
        code = server.stop()
    print(f"\nserver: stopped (exit code {code})")
    if code != 0:
        raise DemoError("the server did not end cleanly")


def main() -> int:
    """Parse the arguments, run, say what went wrong in one line."""
    parser = argparse.ArgumentParser(description="Classify files with a real pretrained model served by pyredisai.")
    parser.add_argument("--package", type=Path, required=True, help="folder of the models' packages")
    parser.add_argument("files", nargs="*", type=Path, help="files to classify (default: the project's own)")
    options = parser.parse_args()
    try:
        magika = Magika(options.package)
        wanted = options.files or [*(ROOT / name for name in OWN_FILES), magika.model_file]
        files = [path.resolve() for path in wanted if magika.suits(path)]
        if not files:
            raise DemoError("none of these is a file of at least 8 bytes")
        run(magika, files, options.package)
    except (DemoError, melody.ActError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
