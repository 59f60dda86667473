"""Runs of ONNX models that take or give bfloat16, which numpy lacks: through ONNX Runtime's own values."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyredisai.ai.dtype import BFLOAT16

_ONNX_BFLOAT16 = 16  # TensorProto.DataType


def has_bfloat16(session: Any) -> bool:
    """Whether an input or output of an InferenceSession is of that type."""
    return any("bfloat16" in port.type for port in (*session.get_inputs(), *session.get_outputs()))


class ValueRunner:
    """Called like the `run` of ONNX Runtime's inner session; costs some 20 us more."""

    def __init__(self, ort: Any, session: Any) -> None:
        self._value = ort.OrtValue
        self._run = getattr(session, "_sess", session).run_with_ort_values

    def __call__(self, names: Sequence[str], feed: Mapping[str, npt.NDArray[Any]], options: Any) -> list[Any]:
        """The outputs as arrays; one that is no tensor as what it is."""
        values = {name: self._from_array(array) for name, array in feed.items()}
        inner = {name: value._get_c_value() for name, value in values.items()}
        return [_to_array(value) for value in self._run(inner, list(names), options)]

    def _from_array(self, array: npt.NDArray[Any]) -> Any:
        if array.dtype == BFLOAT16.numpy:
            return self._value.ortvalue_from_numpy_with_onnx_type(array.view("u2"), _ONNX_BFLOAT16)
        return self._value.ortvalue_from_numpy(array)


def _to_array(value: Any) -> Any:
    if not value.is_tensor():
        return value
    if value.data_type() != "tensor(bfloat16)":
        return value.numpy()
    size = value.tensor_size_in_bytes()
    data = ctypes.string_at(value.data_ptr(), size) if size else b""
    return np.frombuffer(data, BFLOAT16.numpy).reshape(value.shape())
