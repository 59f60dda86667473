"""From a model's blob to a model that runs: for AI.MODELSTORE, and for loading what was saved."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import Session
from pyredisai.backends.loader import BackendLoader
from pyredisai.errors import BackendError, PyRedisAIError, ai_texts


def open_model(
    loader: BackendLoader,
    backend: str,
    device: str,
    blob: bytes | memoryview,
    options: ModelOptions,
    warm_up: int = 0,
) -> Model:
    """Import the backend if need be and open the model; takes seconds, so call it on a helper thread.

    `device` in the user's case; `warm_up` runs on zeros follow. Raises BackendError with the text that the client
    gets, for a device that is not there too.
    """
    place = device.upper().removesuffix(":")
    made = loader.get(backend)
    session, kept = loader.share.open(backend, place, blob, options, lambda: made.open_model(blob, place, options))
    names = options._replace(inputs=session.input_names, outputs=session.output_names)
    if warm_up:
        _warm_up(session, options.batch_size, warm_up)
    return Model(backend, device, kept, names, session)


def _warm_up(session: Session, batch_size: int, runs: int) -> None:
    """Run on zeros of the declared shapes; a first dimension that may be any is the batch's, another one 1."""
    types = getattr(session, "input_types", ())
    if not types:
        raise BackendError(ai_texts.WARMUP_NO_SHAPES)
    tensors = []
    for dtype, shape in types:
        dims = tuple((batch_size or 1 if axis == 0 else 1) if n < 0 else n for axis, n in enumerate(shape))
        size = math.prod(dims) * (dtype.itemsize or 1)
        tensors.append(Tensor(dtype, dims, blob=bytes(size)))
    for _ in range(runs):
        try:
            session.run(tensors)
        except PyRedisAIError as error:
            raise BackendError(ai_texts.warmup_failed(str(error))) from error


class LazySession:
    """The session of a model out of a file: opened when it is first run, or by `open` before that.

    A model whose backend is missing, or that does not open, stays as it is: each run answers the error, and
    its bytes are saved again. `run` may be called from several threads.
    """

    estimates: dict[object, object] | None = None

    def __init__(
        self, loader: BackendLoader, backend: str, device: str, blob: bytes | memoryview, options: ModelOptions
    ) -> None:
        self.input_names, self.output_names = options.inputs, options.outputs
        self._open: Callable[[], Session] = lambda: open_model(loader, backend, device, blob, options).session
        self._session: Session | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Open it if it is not; takes as long as MODELSTORE. Raises BackendError."""
        with self._lock:
            if self._session is None:
                session = self._open()
                self._session = session
                self.estimates = getattr(session, "estimates", None)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run once, opening it first if need be. Raises BackendError or RunTimeout."""
        session = self._session
        if session is None:
            self.open()
            session = self._session
            assert session is not None
        return session.run(inputs)

    def close(self) -> None:
        """Release what the session holds."""
        if self._session is not None:
            self._session.close()


def unopened(loader: BackendLoader, model: Model) -> Model:
    """A model as it was stored, with a session that opens when it is needed."""
    session = LazySession(loader, model.backend, model.device, model.blob, model.options)
    return replace(model, session=session)
