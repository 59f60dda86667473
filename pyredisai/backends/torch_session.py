"""A TorchScript module on the CPU, opened; `torch_gpu` has those on GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyredisai.ai.tensor import Tensor
from pyredisai.backends.base import SessionBase, one_line
from pyredisai.errors import BackendError, ai_texts


class TorchSession(SessionBase):
    """One module, open on one device. Runs may overlap.

    `copies`: it may write to its inputs, or to outputs of earlier runs. `stateless`: it writes to nothing of its own.
    """

    def __init__(
        self, torch: Any, tensors: Any, module: Any, schema: Any, place: Any, copies: bool, stateless: bool
    ) -> None:
        names = [argument.name for argument in schema.arguments[1:]]
        super().__init__(names, ("",) * _output_count(schema.returns))
        self.shareable = stateless
        self._forward = module.forward
        self._module = module
        self._no_gradients = tensors.without_gradients
        self._tensor = torch.Tensor
        self._to_torch, self._from_torch = tensors.to_torch, tensors.from_torch
        self._place, self._copies = place, copies

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the module's `forward`. Raises BackendError."""
        place, copies = self._place, self._copies
        try:  # what a GPU runs into may be told when its results are fetched
            arguments = [self._to_torch(tensor, place, copy=copies) for tensor in inputs]
            self._no_gradients()
            result = self._forward(*arguments)
            if type(result) is self._tensor:
                results = [result]
            else:
                results = list(result) if isinstance(result, tuple | list) else [result]
            if not all(isinstance(item, self._tensor) for item in results):
                raise BackendError(ai_texts.script_no_tensors("forward"))
            expected = len(self.output_names)
            if expected and len(results) != expected:
                raise BackendError(ai_texts.script_output_count("forward"))
            return [self._from_torch(item, copy=copies) for item in results]
        except BackendError:
            raise
        except Exception as error:
            raise BackendError(one_line(str(error))) from error


def _output_count(returns: Sequence[Any]) -> int:
    """How many tensors a schema's results hold; 0 where that is known after a run only (a list)."""
    count = 0
    for item in returns:
        kind = item.type.kind()
        if kind == "TensorType":
            count += 1
        elif kind == "TupleType":
            count += sum(element.kind() == "TensorType" for element in item.type.elements())
        elif kind == "ListType":
            return 0
    return count
