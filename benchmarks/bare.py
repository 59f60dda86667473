"""Bare `session.run` without a server, as the measure of what a server can reach.

    python -m benchmarks.bare MODEL.onnx INPUTS.npz THREADS SECONDS CORES

prints runs a second of THREADS threads on one session with one intra-op thread each. CORES is a list such as 0,1.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import onnxruntime

from benchmarks.load import run_threads


def main(model: str, inputs: str, threads: int, seconds: float, cores: str) -> None:
    """Measure and print."""
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    with np.load(inputs) as arrays:
        feed = dict(zip(names, [arrays[name] for name in arrays.files], strict=True))
    session.run(None, feed)
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def work(index: int) -> None:
        while time.perf_counter() < end:
            session.run(None, feed)
            counts[index] += 1

    start = time.perf_counter()
    run_threads([lambda index=index: work(index) for index in range(threads)])  # type: ignore[misc]
    print(sum(counts) / (time.perf_counter() - start))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
