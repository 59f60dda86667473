"""Models of equal blobs share a session where no run leaves anything behind."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import InputType, SessionBase
from pyredisai.backends.loader import BackendLoader
from pyredisai.backends.opening import open_model
from pyredisai.errors import BackendError

OPTIONS = ModelOptions()


class Counting(SessionBase):
    def __init__(self, shareable: bool) -> None:
        super().__init__(["x"], ["y"])
        self.shareable = shareable
        self.shapes: list[tuple[int, ...]] = []
        self.input_types = (InputType(DTYPES["FLOAT"], (-1, 2, -1)),)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        self.shapes.append(inputs[0].shape)
        if self.shapes[-1][0] == 9:
            raise BackendError("ERR no nines")
        assert not inputs[0].array.any()
        return [Tensor.from_array(np.zeros(1, np.float32))]


class Backend:
    name, version = "FAKE", "0"

    def __init__(self) -> None:
        self.opened = 0
        self.shareable = True

    def has_device(self, device: str) -> bool:
        return True

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> Counting:
        self.opened += 1
        return Counting(self.shareable)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def store(backend: Backend) -> Any:
    loader = BackendLoader()
    loader._loaded["FAKE"] = backend  # type: ignore[assignment]

    def store(blob: bytes = b"a", device: str = "CPU", options: ModelOptions = OPTIONS, warm_up: int = 0) -> Model:
        return open_model(loader, "FAKE", device, blob, options, warm_up)

    return store


def test_an_equal_blob_is_opened_once(backend, store):
    first, second = store(b"weights"), store(bytes(bytearray(b"weights")))
    assert backend.opened == 1
    assert second.blob is first.blob
    assert second.session.run([Tensor.from_array(np.zeros((1, 2, 1), np.float32))])
    assert first.session.shapes == [(1, 2, 1)]
    assert second.session is not first.session  # batches and estimates are each model's own
    assert second.session.estimates is not first.session.estimates


def test_what_differs_is_opened(backend, store):
    named = OPTIONS._replace(inputs=("a",))
    models = [store(b"a"), store(b"b"), store(b"a", "CPU:1"), store(b"a", options=named)]
    assert backend.opened == len(models)


def test_a_session_with_a_state_is_not_shared(backend, store):
    backend.shareable = False
    models = [store(), store()]
    assert backend.opened == len(models)


def test_the_last_model_takes_the_session_along(backend, store):
    first, second = store(), store()
    alive = weakref.ref(first.session)
    del first
    gc.collect()
    assert alive() is not None
    del second
    gc.collect()
    assert alive() is None
    store()
    assert backend.opened == 2


def test_warm_up_runs_on_zeros_of_the_declared_shape(store):
    assert store(warm_up=3).session.shapes == [(1, 2, 1)] * 3
    assert store(b"b", options=OPTIONS._replace(batch_size=4), warm_up=1).session.shapes == [(4, 2, 1)]


def test_a_warm_up_that_fails_is_told(backend, store):
    with pytest.raises(BackendError, match=r"^ERR WARMUP failed: no nines$"):
        store(options=OPTIONS._replace(batch_size=9), warm_up=1)


def test_a_model_without_shapes_cannot_be_warmed_up(backend, store, monkeypatch):
    made = Counting(True)
    made.input_types = ()
    monkeypatch.setattr(backend, "open_model", lambda *args: made)
    with pytest.raises(BackendError, match="shapes"):
        store(warm_up=1)
