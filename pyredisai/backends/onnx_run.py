"""One run of an ONNX model: tensors in, tensors out, and what its errors mean. This is the hot path of the backend."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pyredisai.ai.dtype import DTYPES, STRING
from pyredisai.ai.tensor import SMALL, Tensor, shared_shape
from pyredisai.backends.base import one_line
from pyredisai.backends.onnx_memory import OnnxMemory, is_refusal
from pyredisai.backends.watchdog import Watchdog
from pyredisai.errors import BackendError, RunTimeout, ai_texts

_PREFIX: Final = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_TERMINATED: Final = "terminate flag"
_ARRAY: Final[Any] = np.ndarray
_BY_NUMPY: Final = {dtype.numpy: dtype for dtype in DTYPES.values()}


class OnnxRunner:
    """The `run` of one session. `call(names, feed, options)` is ONNX Runtime's own; runs may overlap.

    `limited`: results lie in an arena that has a limit (`onnx_memory`).
    """

    def __init__(
        self,
        call: Any,
        input_names: Sequence[str],
        output_names: Sequence[str],
        new_options: Callable[[], Any],
        watchdog: Watchdog,
        memory: OnnxMemory,
        *,
        limited: bool,
    ) -> None:
        self._call = call
        self._input_names = tuple(input_names)
        self._output_names = list(output_names)
        self._new_options = new_options
        self._spare_options: list[Any] = []  # one that no watchdog has touched serves the next run
        self._watchdog = watchdog
        self._memory = memory
        self._limited = limited
        self._accesses = 2 * (len(input_names) + 2 * len(output_names))

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor | None]:
        """Run the model. Raises BackendError, or RunTimeout when the watchdog ended the run."""
        names = self._input_names
        if len(inputs) != len(names):
            raise BackendError(f"ERR Expected {len(names)} inputs but got {len(inputs)}")
        feed = {}
        for name, tensor in zip(names, inputs):  # noqa: B905 - the lengths were compared
            feed[name] = tensor.array if tensor.dtype is not STRING else _texts(tensor.array)
        spare, watchdog = self._spare_options, self._watchdog
        options = spare.pop() if spare else self._new_options()
        watchdog.watch(options)
        try:
            outputs = self._call(self._output_names, feed, options)
        except Exception as error:
            if not self._limited or not is_refusal(str(error)):
                raise run_error(error) from error
            outputs = None
        finally:
            if watchdog.release(options):
                spare.append(options)
        if outputs is None:
            outputs = self._run_again(feed)
        self._memory.accesses += self._accesses
        if self._limited:  # a result lies in the arena: a stored one would count for ever
            outputs = [output.copy() if type(output) is _ARRAY else output for output in outputs]
        if len(outputs) == 1:
            return [_tensor(outputs[0])]
        return [_tensor(output) for output in outputs]

    def _run_again(self, feed: dict[str, Any]) -> Any:
        """The arena was full: give back what other runs left in it, and try once more."""
        self._memory.shrink()
        options = self._new_options()
        self._watchdog.watch(options)
        try:
            return self._call(self._output_names, feed, options)
        except Exception as error:
            raise run_error(error) from error
        finally:
            self._watchdog.release(options)


def _tensor(output: Any) -> Tensor | None:
    """A run's output; None where it is a sequence or a map. Raises BackendError for a dtype that tensors lack."""
    if type(output) is not _ARRAY:
        return None
    dtype = _BY_NUMPY.get(output.dtype)
    if dtype is None:
        raise BackendError(f"ERR unsupported output type {output.dtype}")
    if dtype is STRING:
        output = _bytes(output)
    elif output.nbytes <= SMALL:  # as it is to be stored
        return Tensor(dtype, shared_shape(output.shape), output.tobytes())
    output.setflags(False)
    return Tensor(dtype, output.shape, None, output)


def _texts(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """ONNX Runtime takes str and would make the text b'a' of the bytes b'a'."""
    texts = np.empty(array.size, object)
    try:
        texts[:] = [element.decode() for element in array.reshape(-1)]
    except UnicodeDecodeError:
        raise BackendError("ERR ONNX takes strings in UTF-8 only") from None
    return texts.reshape(array.shape)


def _bytes(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    elements = np.empty(array.size, object)
    elements[:] = [element.encode() if isinstance(element, str) else element for element in array.reshape(-1)]
    return elements.reshape(array.shape)


def run_error(error: Exception) -> BackendError | RunTimeout:
    """What a client is told of a run that ONNX Runtime ended."""
    text = str(error)
    if _TERMINATED in text:
        return RunTimeout(clean(text))
    if is_refusal(text):
        where = clean(text).partition("Status Message: ")
        return BackendError(
            f"{where[0]}{where[1]}{ai_texts.ONNX_MEMORY_LIMIT}" if where[1] else ai_texts.ONNX_MEMORY_LIMIT
        )
    return BackendError(clean(text))


def clean(text: str) -> str:
    """A message of ONNX Runtime as it stands in an error reply."""
    return one_line(_PREFIX.sub("", text)) or "ERR ONNX Runtime failed"
