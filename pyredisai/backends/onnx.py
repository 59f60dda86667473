"""The ONNX backend: models through ONNX Runtime.

Inputs are passed as they lie in memory. Facts on ONNX Runtime's costs and options: docs/backends.md.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pyredisai.ai.dtype import DTYPES
from pyredisai.ai.model import ModelOptions
from pyredisai.backends.base import BackendSettings, InputType, SessionBase
from pyredisai.backends.devices import Device, gpu_present, parse_device
from pyredisai.backends.frameworks import import_framework
from pyredisai.backends.onnx_bfloat16 import ValueRunner, has_bfloat16
from pyredisai.backends.onnx_graph import inspect
from pyredisai.backends.onnx_memory import OnnxMemory, is_refusal, run_options
from pyredisai.backends.onnx_run import OnnxRunner, clean
from pyredisai.backends.watchdog import Watchdog
from pyredisai.errors import BackendError, ai_texts

_ERRORS_ONLY = 4
# ONNX Runtime's own names of types are ours in lower case.
_BY_ONNX = {f"tensor({name.lower()})": dtype for name, dtype in DTYPES.items()}


def load(settings: BackendSettings, directory: Path | None) -> OnnxBackend:
    """Import ONNX Runtime, from a private install if `directory` is given."""
    return OnnxBackend(import_framework("onnxruntime", directory, "onnx"), settings)


class OnnxBackend:
    """ONNX Runtime and what its sessions share: the memory's account, the watchdog."""

    name = "ONNX"

    def __init__(self, ort: Any, settings: BackendSettings) -> None:
        self.version: str = ort.__version__
        self.memory = OnnxMemory(ort, settings.memory_limit_mb)
        self.watchdog = Watchdog(settings.execution_timeout_ms, _terminate)
        self._ort = ort
        self._settings = settings

    def has_device(self, device: str) -> bool:
        """A CPU always; a GPU where ONNX Runtime has CUDA and the machine the device."""
        found = parse_device(device)
        if found is None:
            return False
        return not found.is_gpu or (
            "CUDAExecutionProvider" in self._ort.get_available_providers() and gpu_present(found)
        )

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> OnnxSession:
        """Open a model on a device. Raises BackendError."""
        place = parse_device(device)
        if place is None or not self.has_device(device):
            raise BackendError(ai_texts.ONNX_NO_CUDA)
        facts = inspect(blob)
        size = 0 if place.is_gpu else facts.initializer_bytes
        accesses = 0 if place.is_gpu else facts.initializers
        held = self.memory.open(size, accesses)
        try:
            session = self._session(bytes(blob), place)
            made = OnnxSession(self, session, limited=self.memory.limited and not place.is_gpu)
        except Exception as error:
            self.memory.close(size, -accesses)
            raise _creation_error(error) from error
        names = len(made.input_names) + len(made.output_names)
        self.memory.accesses += names
        weakref.finalize(made, _closed, self.memory, size, accesses + names, held).atexit = False
        return made

    def info(self) -> dict[str, str | int]:
        """What INFO MODULES shows beside the version."""
        return {
            "onnxruntime_memory": self.memory.bytes_in_use,
            "onnxruntime_memory_access_num": self.memory.accesses,
        }

    def _session(self, blob: bytes, device: Device) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self._settings.intra_op_threads or _threads_of_this_process()
        options.inter_op_num_threads = self._settings.inter_op_threads
        if self._settings.inter_op_threads > 1:
            options.execution_mode = self._ort.ExecutionMode.ORT_PARALLEL
        options.log_severity_level = _ERRORS_ONLY
        # Threads that spin for work take the cores from the loop and from other sessions: nothing gained, CPU doubled.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.add_session_config_entry("session.load_model_format", "ONNX")
        if self.memory.limited and not device.is_gpu:
            options.add_session_config_entry("session.use_env_allocators", "1")
        providers: list[Any] = ["CPUExecutionProvider"]
        if device.is_gpu:
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": device.index or 0}))
        session = self._ort.InferenceSession(blob, options, providers=providers)
        if hasattr(session, "_model_bytes"):
            session._model_bytes = None  # it would keep them for other providers; the model has them already
        return session


class OnnxSession(SessionBase):
    """One model, open on one device. Runs may overlap."""

    def __init__(self, backend: OnnxBackend, session: Any, *, limited: bool) -> None:
        inputs, outputs = session.get_inputs(), session.get_outputs()
        super().__init__([port.name for port in inputs], [port.name for port in outputs])
        self.shareable = True
        self.input_types = _types(inputs)
        # The wrapper around it checks names and counts, at a fifth of a tiny run's cost.
        call: Any = getattr(session, "_sess", session).run
        if has_bfloat16(session):
            call = ValueRunner(backend._ort, session)
        self._session = session
        new_options = partial(run_options, backend._ort) if limited else backend._ort.RunOptions
        self.run = OnnxRunner(
            call, self.input_names, self.output_names, new_options, backend.watchdog, backend.memory, limited=limited
        ).run


def _threads_of_this_process() -> int:
    """0, the framework's default, unless the process may not use every core: ONNX Runtime would not notice that."""
    if not hasattr(os, "sched_getaffinity"):
        return 0
    usable = len(os.sched_getaffinity(0))
    return usable if usable < (os.cpu_count() or 1) else 0


def _types(ports: Sequence[Any]) -> tuple[InputType, ...]:
    """What the inputs declare; nothing if one of them is no tensor that we know."""
    found = []
    for port in ports:
        dtype = _BY_ONNX.get(port.type)
        if dtype is None:
            return ()
        found.append(InputType(dtype, tuple(n if isinstance(n, int) else -1 for n in port.shape)))
    return tuple(found)


def _creation_error(error: Exception) -> BackendError:
    if isinstance(error, BackendError):
        return error
    text = str(error)
    if is_refusal(text):
        return BackendError(ai_texts.ONNX_MEMORY_LIMIT_AT_CREATION)
    return BackendError(clean(text))


def _terminate(options: Any) -> None:
    options.terminate = True


def _closed(memory: OnnxMemory, size: int, accesses: int, held: Any) -> None:
    memory.close(size, accesses)
