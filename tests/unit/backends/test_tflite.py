"""TFLite models: shapes, types, runs side by side."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings
from pyredisai.errors import BackendError, BackendMissing
from tests.unit.backends.support import floats, needs, shared_model, values

needs("ai_edge_litert")

from pyredisai.backends import tflite  # noqa: E402


@pytest.fixture(scope="module")
def session() -> tflite.TfliteSession:
    backend = tflite.load(BackendSettings(intra_op_threads=1), None)
    return backend.open_model(shared_model("mnist_model_quant.tflite"), "CPU", ModelOptions())


@pytest.fixture
def one() -> Tensor:
    path = shared_model("one.raw")
    return Tensor(floats(1).dtype, (1, 1, 28, 28), blob=path)


def test_names_and_a_run(session, one):
    assert session.input_names == ("Placeholder",)
    assert session.output_names == ("ArgMax", "Softmax")
    digit, chances = session.run([one])
    assert values(digit) == [1]
    assert chances is not None
    assert chances.shape == (1, 10)


def test_another_shape_is_allocated_and_a_wrong_one_refused(session, one):
    flat = Tensor.from_array(one.array.reshape(1, 28, 28))
    assert values(session.run([flat])[0]) == [1]
    for shape in ((3, 2), (2, 1, 28, 28)):
        with pytest.raises(BackendError, match=r"^Failed to allocate tensors$"):
            session.run([floats(*shape)])
    assert values(session.run([one])[0]) == [1]


def test_wrong_dtype_and_count(session, one):
    with pytest.raises(BackendError, match=r"^Input tensor type doesn't match the type expected by the model def"):
        session.run([floats(1, 1, 28, 28, dtype=np.int8)])
    with pytest.raises(BackendError, match="Inconsistent number of inputs"):
        session.run([one, one])


def test_runs_may_overlap(session, one):
    results: list[Any] = []

    def run() -> None:
        for _ in range(20):
            results.append(values(session.run([one])[0]))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 80


@pytest.mark.parametrize("blob", [b"", b"garbage"])
def test_what_is_no_model(blob):
    backend = tflite.load(BackendSettings(), None)
    with pytest.raises(BackendError, match=r"^Failed to load model from buffer$"):
        backend.open_model(blob, "CPU", ModelOptions())


def test_no_gpu():
    with pytest.raises(BackendError, match=r"^ERR GPU requested"):
        tflite.load(BackendSettings(), None).open_model(b"", "GPU", ModelOptions())


def test_a_tflite_runtime_that_imports_but_does_not_work_is_refused(monkeypatch):
    class Module:
        __version__ = "2.14.0"

        @staticmethod
        def Interpreter(model_content: bytes) -> Any:
            raise AttributeError("_ARRAY_API not found")

    def fake_import(name: str, directory: object, extra: str) -> Any:
        if name.startswith("ai_edge"):
            raise BackendMissing("no LiteRT")
        return Module

    monkeypatch.setattr(tflite, "import_framework", fake_import)
    with pytest.raises(BackendError, match=r"tflite-runtime 2.14.0 does not work with this numpy"):
        tflite.load(BackendSettings(), None)
    Module.Interpreter = staticmethod(lambda model_content: (_ for _ in ()).throw(ValueError("no model")))  # type: ignore[method-assign]
    assert tflite.load(BackendSettings(), None).version == "2.14.0"
