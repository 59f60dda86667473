"""ONNX models: types, shapes, limits, and files that a model must not reach."""

from __future__ import annotations

import gc
import sys
import threading
import time

import numpy as np
import pytest

from pyredisai.ai.dtype import BFLOAT16
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.ai.values import parse_values
from pyredisai.backends import devices
from pyredisai.backends.base import BackendSettings
from pyredisai.errors import BackendError, RunTimeout
from tests.unit.backends.support import floats, identity, needs, onnx_model, shared_model, strings, values

needs("onnxruntime")
needs("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from pyredisai.backends import onnx  # noqa: E402

NONE = ModelOptions()


@pytest.fixture(scope="module")
def backend() -> onnx.OnnxBackend:
    return onnx.load(BackendSettings(execution_timeout_ms=200), None)


def add(count: int = 2) -> bytes:
    weight = numpy_helper.from_array(np.ones(count, np.float32), "w")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    return onnx_model(
        [node], {"x": (TensorProto.FLOAT, ["n", count])}, {"y": (TensorProto.FLOAT, ["n", count])}, [weight]
    )


def test_names_and_a_run(backend):
    session = backend.open_model(memoryview(add()), "CPU", NONE)
    assert (session.input_names, session.output_names) == (("x",), ("y",))
    (output,) = session.run([floats(3, 2)])
    assert values(output) == [[1, 2], [3, 4], [5, 6]]


def test_the_session_keeps_no_copy_of_the_blob(backend):
    blob = add(5)
    before = sys.getrefcount(blob)
    session = backend.open_model(blob, "CPU", NONE)
    assert sys.getrefcount(blob) == before
    assert values(session.run([floats(1, 5)])[0]) == [[1, 2, 3, 4, 5]]


@pytest.mark.parametrize(
    ("element", "dtype"),
    [
        (TensorProto.FLOAT, np.float32),
        (TensorProto.DOUBLE, np.float64),
        (TensorProto.INT8, np.int8),
        (TensorProto.INT16, np.int16),
        (TensorProto.INT32, np.int32),
        (TensorProto.INT64, np.int64),
        (TensorProto.UINT8, np.uint8),
        (TensorProto.UINT16, np.uint16),
        (TensorProto.UINT32, np.uint32),
        (TensorProto.UINT64, np.uint64),
        (TensorProto.FLOAT16, np.float16),
        (TensorProto.BOOL, np.bool_),
    ],
)
def test_every_number_type_passes(backend, element, dtype):
    tensor = Tensor.from_array(np.array([0, 1, 1], dtype))
    (output,) = backend.open_model(identity(element), "CPU", NONE).run([tensor])
    assert output is not None
    assert output.dtype is tensor.dtype
    assert output.blob == tensor.blob


def test_bfloat16_passes(backend):
    node = helper.make_node("Cast", ["x"], ["z"], to=TensorProto.FLOAT)
    same = helper.make_node("Identity", ["x"], ["y"])
    outputs = {"y": (TensorProto.BFLOAT16, ["n"]), "z": (TensorProto.FLOAT, ["n"])}
    model = onnx_model([same, node], {"x": (TensorProto.BFLOAT16, ["n"])}, outputs)
    session = backend.open_model(model, "CPU", NONE)
    tensor = Tensor(BFLOAT16, (2,), blob=parse_values(BFLOAT16, [b"1.5", b"-3"]))
    y, z = session.run([tensor])
    assert y is not None
    assert (y.dtype, y.shape, y.values()) == (BFLOAT16, (2,), [1.5, -3.0])
    assert values(z) == [1.5, -3.0]
    with pytest.raises(BackendError):
        session.run([floats(2)])
    with pytest.raises(BackendError):  # two bytes each, but no UINT16
        backend.open_model(identity(TensorProto.UINT16), "CPU", NONE).run([tensor])


def test_strings_pass_as_bytes(backend):
    session = backend.open_model(identity(TensorProto.STRING), "CPU", NONE)
    (output,) = session.run([strings(b"a", b"", "ü€".encode())])
    assert values(output) == [b"a", b"", "ü€".encode()]
    with pytest.raises(BackendError, match="UTF-8"):
        session.run([strings(b"\xff")])


def test_a_read_only_input_is_not_copied_and_does_not_change(backend):
    blob = np.array([1, 2], np.float32).tobytes()
    tensor = Tensor(floats(1).dtype, (1, 2), blob=blob)
    backend.open_model(add(), "CPU", NONE).run([tensor])
    assert np.shares_memory(tensor.array, np.frombuffer(blob, np.float32))
    assert blob == np.array([1, 2], np.float32).tobytes()


@pytest.mark.parametrize("blob", [b"", b"garbage", b"\x3a\xff\xff", bytes(100)])
def test_what_is_no_model_is_refused(backend, blob):
    with pytest.raises(BackendError) as caught:
        backend.open_model(blob, "CPU", NONE)
    assert not str(caught.value).startswith("[ONNXRuntimeError]")
    assert "\n" not in str(caught.value)


def test_errors_of_a_run(backend):
    session = backend.open_model(add(), "CPU", NONE)
    with pytest.raises(BackendError, match="Unexpected input data type"):
        session.run([floats(1, 2, dtype=np.int8)])
    with pytest.raises(BackendError, match="Expected 1 inputs but got 2"):
        session.run([floats(1, 2), floats(1, 2)])
    with pytest.raises(BackendError, match="nvalid"):
        session.run([floats(2)])


def test_an_output_without_elements(backend):
    session = backend.open_model(identity(TensorProto.FLOAT), "CPU", NONE)
    (output,) = session.run([floats(0)])
    assert output is not None
    assert output.shape == (0,)
    assert output.blob == b""


def test_a_sequence_is_no_tensor(backend):
    node = helper.make_node("SequenceConstruct", ["x"], ["s"])
    second = helper.make_node("Identity", ["x"], ["y"])
    port = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph(
        [node, second], "g", [port], [sequence, helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = backend.open_model(model.SerializeToString(), "CPU", NONE)
    nothing, output = session.run([floats(2)])
    assert nothing is None
    assert values(output) == [0, 1]


def external(tensor: TensorProto) -> TensorProto:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    return tensor


def test_external_data_is_refused_wherever_it_stands(backend, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_bytes(bytes(8))
    weight = external(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    x, y = {"x": (TensorProto.FLOAT, [2])}, {"y": (TensorProto.FLOAT, [2])}
    nodes = [helper.make_node("Add", ["x", "w"], ["y"])]
    constant = [helper.make_node("Constant", [], ["w"], value=weight), *nodes]
    inner = helper.make_graph(constant[:1], "inner", [], [helper.make_tensor_value_info("w", TensorProto.FLOAT, [2])])
    condition = numpy_helper.from_array(np.array(True), "c")
    branch = [helper.make_node("If", ["c"], ["w"], then_branch=inner, else_branch=inner), *nodes]
    for model in (
        onnx_model(nodes, x, y, [weight]),
        onnx_model(constant, x, y),
        onnx_model(branch, x, y, [condition]),
    ):
        with pytest.raises(BackendError, match=r"Initializer tensors with external data is not allowed."):
            backend.open_model(model, "CPU", NONE)


def test_an_endless_run_is_ended_and_the_session_lives_on(backend):
    session = backend.open_model(shared_model("model_with_infinite_loop.onnx"), "CPU", NONE)

    def inputs(times: int) -> list[Tensor]:
        arrays = [np.float32(42), np.int64(times), np.bool_(True), np.float32(42)]
        return [Tensor.from_array(np.array([a])) for a in arrays]

    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(RunTimeout, match="Exiting due to terminate flag being set to true"):
            session.run(inputs(2**63 - 1))
        assert time.monotonic() - start >= 0.19
    caught: list[Exception] = []

    def run() -> None:
        try:
            session.run(inputs(2**63 - 1))
        except RunTimeout as error:
            caught.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert values(session.run(inputs(3))[1]) == [42]
    for thread in threads:
        thread.join(10)
    assert len(caught) == 3


def test_the_account_of_memory_follows_the_sessions(backend):
    gc.collect()
    before = backend.info()
    session = backend.open_model(add(), "CPU", NONE)
    opened = backend.info()
    assert int(opened["onnxruntime_memory"]) - int(before["onnxruntime_memory"]) == 256
    assert int(opened["onnxruntime_memory_access_num"]) - int(before["onnxruntime_memory_access_num"]) == 3
    session.run([floats(1, 2)])
    ran = backend.info()
    assert int(ran["onnxruntime_memory_access_num"]) - int(opened["onnxruntime_memory_access_num"]) == 6
    del session
    gone = backend.info()
    assert gone["onnxruntime_memory"] == before["onnxruntime_memory"]
    assert int(gone["onnxruntime_memory_access_num"]) - int(ran["onnxruntime_memory_access_num"]) == 3
    with pytest.raises(BackendError):
        backend.open_model(b"garbage", "CPU", NONE)
    assert backend.info() == gone


def test_a_gpu_needs_the_provider_and_the_device(backend, monkeypatch):
    for device in ("GPU", "GPU:0", "GPU:12"):
        with pytest.raises(BackendError, match="ERR GPU requested but ONNX couldn't find CUDA"):
            backend.open_model(add(), device, NONE)
    monkeypatch.setattr(backend._ort, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(devices, "gpu_count", lambda: 1)
    assert [backend.has_device(d) for d in ("CPU", "CPU:7", "GPU", "GPU:0", "GPU:1", "TPU")] == [True] * 4 + [False] * 2
    asked: list[object] = []

    def session(blob: bytes, options: object, providers: list[object]) -> object:
        asked.extend(providers)
        raise ValueError("no driver here")

    monkeypatch.setattr(backend._ort, "InferenceSession", session)
    with pytest.raises(BackendError, match="no driver here"):
        backend.open_model(add(), "GPU:0", NONE)
    assert asked == [("CUDAExecutionProvider", {"device_id": 0}), "CPUExecutionProvider"]
