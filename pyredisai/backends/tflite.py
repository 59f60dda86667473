"""The TFLITE backend: models through LiteRT (ai-edge-litert), or tflite-runtime where that alone is installed.

An interpreter belongs to one run at a time, so a session keeps a pool of them: as many as runs overlapped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import ModelOptions
from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import BackendSettings, InputType, SessionBase
from pyredisai.backends.devices import parse_device
from pyredisai.backends.frameworks import import_framework
from pyredisai.errors import BackendError, BackendMissing, ai_texts

_BY_NUMPY = {dtype.numpy.type: dtype for dtype in DTYPES.values() if dtype.itemsize}


def load(settings: BackendSettings, directory: Path | None) -> TfliteBackend:
    """Import LiteRT, else tflite-runtime. Raises BackendMissing without either, BackendError for a broken one."""
    try:
        module = import_framework("ai_edge_litert.interpreter", directory, "tflite")
        version = import_framework("ai_edge_litert", directory, "tflite").__version__
    except BackendMissing as missing:
        try:
            module = import_framework("tflite_runtime.interpreter", directory, "tflite")
            version = import_framework("tflite_runtime", directory, "tflite").__version__
        except BackendMissing:
            raise missing from None
        _check(module.Interpreter, version)
    return TfliteBackend(module.Interpreter, version, settings.intra_op_threads)


def _check(interpreter: Any, version: str) -> None:
    """tflite-runtime imports beside a numpy that it was not built for and fails only when it is used."""
    try:
        interpreter(model_content=bytes(16))
    except ValueError:  # no model, it says: it works
        return
    except Exception as error:
        raise BackendError(
            f"ERR tflite-runtime {version} does not work with this numpy; "
            "install its successor with: pip install 'pyredisai[tflite]'"
        ) from error


class TfliteBackend:
    """LiteRT and its number of threads (0: its default)."""

    name = "TFLITE"

    def __init__(self, interpreter: Any, version: str, threads: int) -> None:
        self.version = version
        self._interpreter = interpreter
        self._threads = threads

    def has_device(self, device: str) -> bool:
        """The CPU only: the packages bring no GPU delegate."""
        found = parse_device(device)
        return found is not None and not found.is_gpu

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> TfliteSession:
        """Open a model. Raises BackendError."""
        if not self.has_device(device):
            raise BackendError(ai_texts.TFLITE_NO_GPU)
        return TfliteSession(self._interpreter, bytes(blob), self._threads)


class TfliteSession(SessionBase):
    """One model and the interpreters that run it."""

    def __init__(self, interpreter: Any, blob: bytes, threads: int) -> None:
        self._make = interpreter
        self._blob = blob
        self._threads = threads
        first = self._open()
        inputs, outputs = first.get_input_details(), first.get_output_details()
        super().__init__([port["name"] for port in inputs], [port["name"] for port in outputs])
        self._inputs = [(port["index"], _BY_NUMPY.get(port["dtype"])) for port in inputs]
        for port in outputs:
            if port["dtype"] not in _BY_NUMPY:
                raise BackendError(ai_texts.TFLITE_UNSUPPORTED_OUTPUT)
        self._outputs = [(port["index"], _BY_NUMPY[port["dtype"]]) for port in outputs]
        if all(port["dtype"] in _BY_NUMPY for port in inputs):
            self.input_types = tuple(
                InputType(_BY_NUMPY[port["dtype"]], tuple(int(n) for n in port["shape_signature"])) for port in inputs
            )
        shapes = [tuple(int(n) for n in port["shape"]) for port in inputs]
        self._pool: deque[tuple[Any, list[tuple[int, ...]]]] = deque([(first, shapes)])

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the model; another shape than the last one's is allocated anew. Raises BackendError."""
        if len(inputs) != len(self._inputs):
            raise BackendError(ai_texts.INPUT_COUNT_INCONSISTENT)
        for tensor, (_, dtype) in zip(inputs, self._inputs, strict=True):
            if dtype is None:
                raise BackendError(ai_texts.TFLITE_UNSUPPORTED_INPUT)
            if tensor.dtype is not dtype:
                raise BackendError(ai_texts.TFLITE_DTYPE)
        try:
            interpreter, shapes = self._pool.pop()
        except IndexError:
            interpreter, shapes = self._open(), []
        wanted = [tensor.shape for tensor in inputs]
        if shapes != wanted:
            self._resize(interpreter, wanted)
        try:
            for (index, _), tensor in zip(self._inputs, inputs, strict=True):
                interpreter.set_tensor(index, tensor.array)
            interpreter.invoke()
            outputs = [(interpreter.get_tensor(index), dtype) for index, dtype in self._outputs]
        except Exception as error:
            raise BackendError(ai_texts.TFLITE_INVOKE) from error
        self._pool.append((interpreter, wanted))  # one that failed is dropped
        return [Tensor.from_array(array, dtype) for array, dtype in outputs]

    def close(self) -> None:
        """Drop the interpreters."""
        self._pool.clear()

    def _open(self) -> Any:
        try:
            interpreter = self._make(model_content=self._blob, num_threads=self._threads or None)
        except ValueError as error:
            raise BackendError(ai_texts.TFLITE_BAD_MODEL) from error
        except Exception as error:
            raise BackendError(ai_texts.TFLITE_NO_INTERPRETER) from error
        try:
            interpreter.allocate_tensors()
        except Exception as error:
            raise BackendError(ai_texts.TFLITE_ALLOCATE) from error
        return interpreter

    def _resize(self, interpreter: Any, shapes: Sequence[tuple[int, ...]]) -> None:
        try:
            for (index, _), shape in zip(self._inputs, shapes, strict=True):
                interpreter.resize_tensor_input(index, shape)
            interpreter.allocate_tensors()
        except Exception as error:
            raise BackendError(ai_texts.TFLITE_ALLOCATE) from error
