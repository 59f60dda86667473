"""The TORCH backend: TorchScript modules as models, and TorchScript source as scripts."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyredisai.ai.model import ModelOptions
from pyredisai.backends.base import BackendSettings, one_line
from pyredisai.backends.devices import parse_device
from pyredisai.backends.frameworks import import_framework
from pyredisai.backends.native import load_beside_others
from pyredisai.backends.torch_session import TorchSession
from pyredisai.errors import BackendError, ai_texts

# As operators on files stand in the code of an archive.
_FILES = re.compile(rb"\b((?<=\btorch\.)save|(?<=\baten\.)save|from_file)\b")
_MOST_CODE = 64 << 20  # bytes of one source file


def load(settings: BackendSettings, directory: Path | None) -> TorchBackend:
    """Import PyTorch, from a private install if `directory` is given."""
    if directory is None:
        load_beside_others("torch", "lib/libtorch_global_deps.so", everywhere=True)
        load_beside_others("torch", "lib/libtorch_python.so")
    return TorchBackend(import_framework("torch", directory, "torch"), settings)


class TorchBackend:
    """PyTorch. Its thread counts are the process's: they are set once, here."""

    name = "TORCH"

    def __init__(self, torch: Any, settings: BackendSettings) -> None:
        # They import torch by name: only now is it sure to be the one that was asked for.
        from pyredisai.backends import torch_gpu, torch_tensors, torchscript

        self.version: str = torch.__version__
        self._torch = torch
        self._tensors = torch_tensors
        self._scripts = torchscript
        self._gpu = torch_gpu
        if settings.intra_op_threads:
            torch.set_num_threads(settings.intra_op_threads)
        if settings.inter_op_threads and torch.get_num_interop_threads() != settings.inter_op_threads:
            try:
                torch.set_num_interop_threads(settings.inter_op_threads)
            except RuntimeError as error:  # another server of this process was first
                raise BackendError(ai_texts.TORCH_INTER_OP) from error

    def has_device(self, device: str) -> bool:
        """A CPU always; a GPU where PyTorch has CUDA and the machine the device."""
        found = parse_device(device)
        if found is None:
            return False
        cuda = self._torch.cuda
        return not found.is_gpu or (cuda.is_available() and (found.index or 0) < cuda.device_count())

    def open_model(self, blob: bytes | memoryview, device: str, options: ModelOptions) -> TorchSession:
        """Open a TorchScript module on a device. Raises BackendError."""
        if not self.has_device(device):
            raise BackendError(ai_texts.TORCH_NO_CUDA)
        place = self._tensors.device_of(device)
        _refuse_files_in(blob)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = self._torch.jit.load(io.BytesIO(blob), map_location=place).eval()
            graph = module.forward.inlined_graph
            schema = module.forward.schema
        except Exception as error:
            raise BackendError(one_line(str(error))) from error
        self._tensors.refuse_files(graph)
        # A method that is called through an interface is not inlined: nobody knows what it writes to.
        hidden = "prim::CallMethod" in str(graph)
        copies = hidden or self._tensors.needs_copies(graph)
        stateless = not hidden and not self._tensors.keeps_state(graph)
        kind = TorchSession if place is self._tensors.CPU else self._gpu.GpuSession
        return kind(self._torch, self._tensors, module, schema, place, copies, stateless)

    def compile_script(self, source: bytes, device: str, entry_points: Sequence[str]) -> Any:
        """A torchscript.ScriptProgram. Raises BackendError with the compiler's text."""
        if not self.has_device(device.upper().removesuffix(":")):
            raise BackendError(ai_texts.TORCH_NO_CUDA)
        return self._scripts.compile_script(source, device, entry_points)


def _refuse_files_in(blob: bytes | memoryview) -> None:
    """Loading runs a module's __setstate__, so what reads or writes files is refused before, in all its methods."""
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            for entry in archive.infolist():
                if not entry.filename.endswith(".py"):
                    continue
                found = _FILES.search(archive.read(entry)) if entry.file_size <= _MOST_CODE else None
                if found is not None or entry.file_size > _MOST_CODE:
                    raise BackendError(ai_texts.files_refused(found[1].decode() if found else entry.filename))
    except zipfile.BadZipFile:
        return  # PyTorch says what it is
