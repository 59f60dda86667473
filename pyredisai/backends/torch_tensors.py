"""Tensors to PyTorch and back, sharing memory where that is safe."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pyredisai.ai.dtype import BFLOAT16
from pyredisai.ai.tensor import Tensor
from pyredisai.errors import BackendError, ai_texts

# PyTorch warns once of arrays that it must not write to; `needs_copies` sees to that.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch.from_numpy(np.frombuffer(b"\0", "u1"))

CPU = torch.device("cpu")
_MUCH = 4096
_REFUSED = {"UINT16": ai_texts.TORCH_UINT16, "STRING": ai_texts.TORCH_STRING}


def to_torch(tensor: Tensor, device: torch.device, *, copy: bool) -> torch.Tensor:
    """A torch tensor over the same memory (a copy on another device, or with `copy`).

    Raises BackendError for a data type that TorchScript lacks.
    """
    refused = _REFUSED.get(tensor.dtype.name)
    if refused is not None:
        raise BackendError(refused)
    if tensor.dtype is BFLOAT16:
        shared = torch.from_numpy(tensor.array.view("u2")).view(torch.bfloat16)
    else:
        shared = torch.from_numpy(tensor.array)
    if device is not CPU:
        return shared.to(device)
    return shared.clone() if copy else shared


def from_torch(value: torch.Tensor, *, copy: bool) -> Tensor:
    """A tensor over the result's memory, which nobody else may change (`copy` where somebody may).

    Raises BackendError for a data type that has no name in RedisAI.
    """
    if not copy:
        try:  # nearly every result: on the CPU, without gradients
            array = value.numpy()
            if array.nbytes > _MUCH and value.untyped_storage().nbytes() > 2 * array.nbytes:
                array = array.copy()  # a part of a result must not keep all of it
            return Tensor.from_array(array)
        except (RuntimeError, KeyError, TypeError):
            pass
    return fetched(value, copy=copy)


def fetched(value: torch.Tensor, *, copy: bool) -> Tensor:
    """The same for a result that is likely to be on a GPU: what comes from there is a copy."""
    shared = copy and not value.is_cuda
    value = value.detach().to("cpu").contiguous()
    if shared:
        value = value.clone()
    try:
        if value.dtype is torch.bfloat16:
            return Tensor.from_array(value.view(torch.uint16).numpy().view(BFLOAT16.numpy))
        return Tensor.from_array(value.numpy())
    except (KeyError, TypeError):
        raise BackendError(ai_texts.torch_dtype(str(value.dtype))) from None


def device_of(name: str) -> torch.device:
    """CPU, CPU:1, GPU, GPU:1 to PyTorch's devices; a number of a CPU names only a queue."""
    kind, _, number = name.upper().partition(":")
    return CPU if kind == "CPU" else torch.device("cuda", int(number or 0))


def without_gradients() -> None:
    """Keep the calling thread, which is the server's, from recording gradients; it stays so."""
    if torch.is_grad_enabled():
        torch.set_grad_enabled(False)


def needs_copies(graph: Any) -> bool:
    """Whether a graph writes to a tensor or list somewhere: then inputs and outputs are copied."""
    return any("!" in _schema(node) for node in _nodes(graph))


def keeps_state(graph: Any) -> bool:
    """Whether a graph writes to something that the module keeps from run to run."""
    nodes = _nodes(graph)
    if any(node.kind() == "prim::SetAttr" for node in nodes):
        return True
    kept = [value for node in nodes if node.kind() == "prim::GetAttr" for value in node.outputs()]
    try:
        aliases = graph.alias_db()
        return any(aliases.has_writers(value) for value in kept)
    except RuntimeError:  # an operator that it knows nothing of
        return True


def refuse_files(graph: Any) -> None:
    """Raise BackendError when a graph reads or writes the server's files."""
    for node in _nodes(graph):
        if node.kind() in ("aten::from_file", "aten::save"):
            raise BackendError(ai_texts.files_refused(node.kind()))


def _schema(node: Any) -> str:
    schema: str = node.schema()
    return "" if schema == "(no schema)" else schema


def _nodes(block: Any) -> Sequence[Any]:
    found: list[Any] = []
    for node in block.nodes():
        found.append(node)
        for inner in node.blocks():
            found += _nodes(inner)
    return found
