"""TorchScript modules made from source."""

from __future__ import annotations

import io
import itertools
import warnings
from typing import Any

_numbers = itertools.count()


def module(source: str, **buffers: Any) -> bytes:
    """A TorchScript module with this forward."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        def init(self: Any) -> None:
            torch.jit.ScriptModule.__init__(self)
            for name, value in buffers.items():
                self.register_buffer(name, value)

        made = type(f"Module{next(_numbers)}", (torch.jit.ScriptModule,), {"__init__": init})()
        made.define(source + "\n")
        buffer = io.BytesIO()
        torch.jit.save(made, buffer)
    return buffer.getvalue()
