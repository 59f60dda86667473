"""From a model's blob to a model that runs: for AI.MODELSTORE, and for loading what was saved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import Session
from pyredisai.backends.loader import BackendLoader


def open_model(
    loader: BackendLoader, backend: str, device: str, blob: bytes | memoryview, options: ModelOptions
) -> Model:
    """Import the backend if need be and open the model; takes seconds, so call it on a helper thread.

    `device` in the user's case. Raises BackendError with the text that the client gets, for a device that is not
    there too.
    """
    session = loader.get(backend).open_model(blob, device.upper().removesuffix(":"), options)
    names = options._replace(inputs=session.input_names, outputs=session.output_names)
    return Model(backend, device, blob, names, session)


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
