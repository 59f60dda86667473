"""Each framework by itself, in a process of its own: makes the models to measure with, and runs them without a server.

    python -m benchmarks.frameworks make BACKEND tiny|medium FOLDER      FOLDER/model and FOLDER/inputs.npz
    python -m benchmarks.frameworks bare BACKEND FOLDER SECONDS CORES    prints calls a second of one thread

`tiny` multiplies two vectors of two (TFLITE: adds to itself); `medium` is four dense layers of 1024 units on a batch of
64. A call goes from numpy arrays to numpy arrays, with one thread inside the framework, as the server makes it.
"""

from __future__ import annotations

import io
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

UNITS, LAYERS, BATCH = 1024, 4, 64
# What AI.MODELSTORE needs to know beside the blob.
NODES = {
    ("TF", "tiny"): ("INPUTS", 2, "a", "b", "OUTPUTS", 1, "out"),
    ("TF", "medium"): ("INPUTS", 1, "a", "OUTPUTS", 1, "out"),
}
Call = Callable[[], object]


def _weights() -> list[Any]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal((UNITS, UNITS)).astype("f4") / np.float32(UNITS**0.5) for _ in range(LAYERS)]


def _inputs(size: str) -> list[Any]:
    if size == "tiny":
        return [np.array([[2, 3]], "f4")] * 2
    return [np.random.default_rng(2).random((BATCH, UNITS), np.float32)]


def _make_torch(size: str) -> bytes:
    import torch

    class Tiny(torch.nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return a * b

    layers = []
    for weight in _weights():
        layer = torch.nn.Linear(UNITS, UNITS, bias=False)
        layer.weight = torch.nn.Parameter(torch.from_numpy(weight))
        layers += [layer, torch.nn.ReLU()]
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(Tiny() if size == "tiny" else torch.nn.Sequential(*layers)), buffer)
    return buffer.getvalue()


def _make_tf(size: str) -> bytes:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        value = v1.placeholder(tf.float32, [None, 2 if size == "tiny" else UNITS], name="a")
        if size == "tiny":
            tf.multiply(value, v1.placeholder(tf.float32, [None, 2], name="b"), name="out")
        else:
            for weight in _weights():
                value = tf.nn.relu(tf.matmul(value, tf.constant(weight)))
            tf.identity(value, name="out")
    blob: bytes = graph.as_graph_def().SerializeToString()
    return blob


def _make_tflite(size: str) -> bytes:
    import tensorflow as tf

    if size == "tiny":
        function = tf.function(lambda a: a + a, input_signature=[tf.TensorSpec([1, 2], tf.float32)])
    else:
        weights = [tf.constant(weight) for weight in _weights()]

        def dense(a: Any) -> Any:
            for weight in weights:
                a = tf.nn.relu(tf.matmul(a, weight))
            return a

        function = tf.function(dense, input_signature=[tf.TensorSpec([BATCH, UNITS], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    blob: bytes = converter.convert()
    return blob


MAKERS = {"TORCH": _make_torch, "TF": _make_tf, "TFLITE": _make_tflite}


def make(backend: str, size: str, folder: Path) -> None:
    """Write the model and its inputs."""
    (folder / "model").write_bytes(MAKERS[backend](size))
    inputs = _inputs(size)
    np.savez(folder / "inputs.npz", *(inputs[:1] if backend == "TFLITE" else inputs))


def _torch_call(blob: bytes, inputs: list[Any]) -> Call:
    import torch

    torch.set_num_threads(1)
    forward = torch.jit.load(io.BytesIO(blob)).eval().forward

    def call() -> object:
        with torch.no_grad():
            return forward(*map(torch.from_numpy, inputs)).numpy()

    return call


def _tf_call(blob: bytes, inputs: list[Any]) -> Call:
    import tensorflow as tf
    from tensorflow.core.protobuf.config_pb2 import CallableOptions

    v1 = tf.compat.v1
    definition = v1.GraphDef()
    definition.ParseFromString(blob)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
    session = v1.Session(graph=graph, config=v1.ConfigProto(intra_op_parallelism_threads=1))
    options = CallableOptions()
    options.feed.extend(("a:0", "b:0")[: len(inputs)])
    options.fetch.append("out:0")
    options.run_options.inter_op_thread_pool = -1
    run = session._make_callable_from_options(options)
    return lambda: run(*inputs)


def _tflite_call(blob: bytes, inputs: list[Any]) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=blob, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()

    def call() -> object:
        interpreter.set_tensor(given["index"], inputs[0])
        interpreter.invoke()
        return interpreter.get_tensor(wanted["index"])

    return call


CALLS = {"TORCH": _torch_call, "TF": _tf_call, "TFLITE": _tflite_call}


def bare(backend: str, folder: Path, seconds: float, cores: str) -> None:
    """Run the model without a server."""
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    with np.load(folder / "inputs.npz") as arrays:
        inputs = [arrays[name] for name in arrays.files]
    call = CALLS[backend]((folder / "model").read_bytes(), inputs)
    for _ in range(20):
        call()
    start, count = time.perf_counter(), 0
    while time.perf_counter() < start + seconds:
        call()
        count += 1
    print(count / (time.perf_counter() - start))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if sys.argv[1] == "make":
            make(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
        else:
            bare(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
