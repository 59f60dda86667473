"""A backend without a framework: for tests, and to measure the server itself. Name STUB, only when asked for.

A model is a line of text: an operation and its arguments, e.g. `identity`, `multiply 2`, `sleep 0.007`
(seconds, then the inputs), `spin 0.0001` (the same, busy), `rows 3` (the first three rows), `empty` (no
rows), `nothing` (an output that is no tensor), `fail some text`, `names a b -> c` (identity over named ports).
It runs on the devices CPU and CPU:n.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pyredisai import __version__
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings, SessionBase
from pyredisai.backends.devices import parse_device
from pyredisai.errors import BackendError

Operation = Callable[[Tensor], Tensor | None]


def load(settings: BackendSettings, directory: Path | None) -> StubBackend:
    """Make the backend; there is nothing to import."""
    return StubBackend()


class StubBackend:
    """Opens one-line programs."""

    name = "STUB"
    version = __version__

    def has_device(self, device: str) -> bool:
        """CPU and CPU:n."""
        found = parse_device(device)
        return found is not None and not found.is_gpu

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> StubSession:
        """Parse the program. Raises BackendError where it is none."""
        words = bytes(blob).decode("utf-8", "replace").split()
        inputs, outputs = ["in"], ["out"]
        if words[:1] == ["names"] and "->" in words:
            arrow = words.index("->")
            inputs, outputs, words = words[1:arrow], words[arrow + 1 :], ["identity"]
        return StubSession(inputs, outputs, _compile(words))


class StubSession(SessionBase):
    """Runs its operation on each input; the outputs are the first ones of the results."""

    def __init__(self, inputs: Sequence[str], outputs: Sequence[str], operation: Operation) -> None:
        super().__init__(inputs, outputs)
        self._operation = operation

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the program."""
        return [self._operation(tensor) for tensor in inputs][: len(self.output_names)]


def _compile(words: Sequence[str]) -> Operation:
    name, arguments = (words[0], words[1:]) if words else ("", [])
    try:
        match name:
            case "identity":
                return lambda tensor: tensor
            case "multiply":
                factor = float(arguments[0])
                return lambda tensor: Tensor.from_array(np.asarray(tensor.array * factor).astype(tensor.array.dtype))
            case "sleep":
                seconds = float(arguments[0])
                return _sleep(seconds)
            case "spin":
                return _spin(float(arguments[0]))
            case "rows":
                rows = int(arguments[0])
                return lambda tensor: Tensor.from_array(tensor.array[:rows])
            case "empty":
                return lambda tensor: Tensor.from_array(tensor.array[:0])
            case "nothing":
                return lambda tensor: None
            case "fail":
                return _fail(" ".join(arguments))
    except (IndexError, ValueError):
        pass
    raise BackendError("ERR no program of the stub backend")


def _sleep(seconds: float) -> Operation:
    def run(tensor: Tensor) -> Tensor:
        time.sleep(seconds)
        return tensor

    return run


def _spin(seconds: float) -> Operation:
    def run(tensor: Tensor) -> Tensor:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pass
        return tensor

    return run


def _fail(text: str) -> Operation:
    def run(tensor: Tensor) -> Tensor:
        raise BackendError(text)

    return run
