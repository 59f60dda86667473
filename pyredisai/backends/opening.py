"""From a model's blob to a model that runs: for AI.MODELSTORE, and for loading what was saved."""

from __future__ import annotations

from dataclasses import replace

from pyredisai.ai.model import Model, ModelOptions
from pyredisai.backends.loader import BackendLoader


def open_model(
    loader: BackendLoader, backend: str, device: str, blob: bytes | memoryview, options: ModelOptions
) -> Model:
    """Import the backend if need be and open the model; takes seconds, so call it on a helper thread.

    `device` in the user's case. Raises BackendError with the text that the client gets, for a device that is not
    there too.
    """
    session = loader.get(backend).open_model(blob, device.upper().removesuffix(":"), options)
    names = replace(options, inputs=session.input_names, outputs=session.output_names)
    return Model(backend, device, blob, names, session)
