"""Frozen graphs: names, types, errors, and operators that are refused."""

from __future__ import annotations

import numpy as np
import pytest

from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings
from pyredisai.errors import BackendError
from pyredisai.execution.batching import run_jobs
from pyredisai.execution.job import BatchPolicy, Job
from tests.unit.backends.support import floats, needs, strings, values

needs("tensorflow")

from pyredisai.backends import tensorflow  # noqa: E402


@pytest.fixture(scope="module")
def backend() -> tensorflow.TensorFlowBackend:
    return tensorflow.load(BackendSettings(), None)


@pytest.fixture(scope="module")
def product(backend) -> bytes:
    """mul = a * b, and sum, a scalar."""
    tf = backend._tf
    with tf.Graph().as_default() as graph:
        a, b = (tf.compat.v1.placeholder(tf.float32, name=name) for name in "ab")
        tf.reduce_sum(tf.multiply(a, b, name="mul"), name="sum")
        return bytes(graph.as_graph_def().SerializeToString())


def options(inputs: str, outputs: str) -> ModelOptions:
    return ModelOptions(inputs=tuple(inputs.split()), outputs=tuple(outputs.split()))


def test_a_run_with_the_names_that_were_given(backend, product):
    session = backend.open_model(memoryview(product), "CPU:1", options("b a", "sum mul"))
    assert (session.input_names, session.output_names) == (("b", "a"), ("sum", "mul"))
    total, products = session.run([floats(2, 2), floats(2, 2)])
    assert values(products) == [[0, 1], [4, 9]]
    assert values(total) == 14
    session.close()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "?"])
def test_every_number_type_passes(backend, dtype):
    tf = backend._tf
    with tf.Graph().as_default() as graph:
        tf.identity(tf.compat.v1.placeholder(np.dtype(dtype), name="x"), name="y")
        blob = graph.as_graph_def().SerializeToString()
    tensor = Tensor.from_array(np.array([0, 1], dtype))
    (output,) = backend.open_model(blob, "CPU", options("x", "y")).run([tensor])
    assert output is not None
    assert output.dtype is tensor.dtype
    assert output.blob == tensor.blob


def test_strings_pass_as_bytes(backend):
    tf = backend._tf
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.string, name="x")
        tf.strings.join([x, x], name="y")
        tf.identity(tf.strings.reduce_join(x), name="z")
        blob = graph.as_graph_def().SerializeToString()
    session = backend.open_model(blob, "CPU", options("x", "y z"))
    doubled, joined = session.run([strings(b"a", b"\xff", b"")])
    assert values(doubled) == [b"aa", b"\xff\xff", b""]
    assert values(joined) == b"a\xff"


def test_names_that_are_not_there(backend, product):
    with pytest.raises(BackendError, match=r'^ERR Input node named "mul" not found in TF graph\.$'):
        backend.open_model(product, "CPU", options("mul", "mul"))
    with pytest.raises(BackendError, match=r'^ERR Output node named "x" not found in TF graph$'):
        backend.open_model(product, "CPU", options("a b", "x"))
    with pytest.raises(BackendError, match=r"^Invalid GraphDef$"):
        backend.open_model(b"garbage", "CPU", options("a b", "x"))
    with pytest.raises(BackendError, match=r"^ERR GPU requested but TF couldn't find CUDA$"):
        backend.open_model(product, "GPU:1", options("a b", "mul"))


def test_errors_of_a_run_are_one_line(backend, product):
    session = backend.open_model(product, "CPU", options("a b", "mul"))
    for inputs in ([floats(2), floats(3)], [floats(2, dtype=np.int8), floats(2)]):
        with pytest.raises(BackendError) as caught:
            session.run(inputs)
        assert "\n" not in str(caught.value)
        assert "node" in str(caught.value)
    assert values(session.run([floats(2), floats(2)])[0]) == [0, 1]


def test_a_batch_whose_output_is_a_scalar_fails_with_the_original_text(backend, product):
    session = backend.open_model(product, "CPU", options("a b", "sum"))
    jobs = [Job(session, [floats(1, 2)] * 2, lambda job: None, batch=BatchPolicy(4)) for _ in range(2)]
    for job in jobs:
        job.rows = 1
    run_jobs(jobs)
    assert {str(job.outcome) for job in jobs} == {
        "ERR Tensorflow batching error: model did not generate the expected batch size"
    }


def test_functions_that_read_files_are_refused_where_the_graph_reaches_them(backend, tmp_path):
    tf = backend._tf

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def read(name):
        return tf.cond(tf.equal(name, ""), lambda: name, lambda: tf.io.read_file(name))

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def harmless(name):
        return name + "!"

    with tf.Graph().as_default() as graph:
        read.get_concrete_function().add_to_graph(graph)
        x = tf.compat.v1.placeholder(tf.string, [], name="x")
        tf.identity(harmless(x), name="y")
    options = ModelOptions(inputs=("x",), outputs=("y",))
    definition = graph.as_graph_def()
    assert any(node.op == "ReadFile" for function in definition.library.function for node in function.node_def)
    (output,) = backend.open_model(definition.SerializeToString(), "CPU", options).run([scalar(b"a")])
    assert values(output) == b"a!"
    with graph.as_default():
        tf.identity(read(x), name="z")
    with pytest.raises(BackendError, match="ReadFile is refused"):
        backend.open_model(graph.as_graph_def().SerializeToString(), "CPU", options)


def scalar(text: bytes) -> Tensor:
    array = np.empty((), object)
    array[()] = text
    return Tensor.from_array(array)


def test_a_graph_that_reads_files_is_refused(backend, tmp_path):
    tf = backend._tf
    with tf.Graph().as_default() as graph:
        tf.io.read_file(tf.compat.v1.placeholder(tf.string, name="x"), name="y")
        blob = graph.as_graph_def().SerializeToString()
    with pytest.raises(BackendError, match="ReadFile is refused"):
        backend.open_model(blob, "CPU", options("x", "y"))


def test_long_runs_go_to_the_pool_and_short_ones_do_not(backend, product):
    session = backend.open_model(product, "CPU", options("a b", "mul"))
    for seconds in (1, 1, 1, 0, 1, 1, 1):
        session._judge(seconds)
    assert not session._on_pool
    session._judge(1)
    assert session._on_pool
    assert values(session.run([floats(2), floats(2)])[0]) == [0, 1]


def test_short_runs_come_back_and_each_change_takes_longer(backend, product):
    session = backend.open_model(product, "CPU", options("a b", "mul"))

    def runs_to_change(seconds: float) -> int:
        before, runs = session._on_pool, 0
        while session._on_pool == before:
            session._judge(seconds)
            runs += 1
        return runs

    assert [runs_to_change(seconds) for seconds in (1, 0, 1, 0)] == [4, 7, 13, 25]
    assert values(session.run([floats(2), floats(2)])[0]) == [0, 1]


def test_fake_gpus_are_placed(backend, product, monkeypatch):
    monkeypatch.setattr(backend._tf.config, "list_physical_devices", lambda kind: ["gpu0", "gpu1"])
    assert [backend.has_device(d) for d in ("CPU", "GPU", "GPU:1", "GPU:2", "x")] == [True] * 3 + [False] * 2
    session = backend.open_model(product, "GPU:1", options("a b", "mul"))
    assert {operation.device for operation in session._session.graph.get_operations()} == {"/device:GPU:1"}
    assert values(session.run([floats(2), floats(2)])[0]) == [0, 1]  # soft placement: no GPU here


@pytest.mark.parametrize("in_function", [False, True])
@pytest.mark.parametrize(("convolution", "fused"), [(False, "OFF"), (True, "DEFAULT")])
def test_products_are_fused_only_beside_what_gains_from_it(backend, convolution, fused, in_function):
    tf = backend._tf

    def layer(x):
        if convolution:
            return tf.nn.relu(tf.nn.conv2d(tf.reshape(x, (1, 2, 2, 1)), tf.ones((1, 1, 1, 1)), 1, "SAME"))
        return tf.nn.relu(tf.nn.bias_add(tf.matmul(x, tf.ones((2, 2))), tf.ones(2)))

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, (2, 2), name="x")
        tf.identity((tf.function(layer) if in_function else layer)(x), name="y")
        blob = graph.as_graph_def().SerializeToString()
    session = backend.open_model(blob, "CPU", options("x", "y"))
    rewrites = session._session._config.graph_options.rewrite_options
    assert rewrites.remapping == getattr(rewrites, fused)
    assert values(session.run([floats(2, 2)])[0]) == ([[[[0], [1]], [[2], [3]]]] if convolution else [[2, 2], [6, 6]])
