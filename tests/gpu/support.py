"""A client that speaks tensors as numpy arrays, and TORCH models."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.resp import Argument, ErrorReply, RespClient
from tests.support.torchscript import module

Array = npt.NDArray[Any]
NAMES = {
    "f4": "FLOAT",
    "f8": "DOUBLE",
    "f2": "FLOAT16",
    "i1": "INT8",
    "i2": "INT16",
    "i4": "INT32",
    "i8": "INT64",
    "u1": "UINT8",
    "b1": "BOOL",
}
CODES = {name: code for code, name in NAMES.items()}
HEAD = "def f(tensors: List[Tensor], keys: List[str], args: List[str]):\n"


class TensorClient(RespClient):
    """`device` is where models and scripts are stored."""

    def __init__(self, port: int, *, device: str, timeout: float = 100) -> None:
        super().__init__(port, timeout=timeout)
        self.device = device

    def store(self, key: str, blob: bytes, *options: Argument, device: str | None = None) -> None:
        """Store a TORCH model."""
        assert self("AI.MODELSTORE", key, "TORCH", device or self.device, *options, "BLOB", blob) == "OK"

    def script(self, key: str, body: str, *, device: str | None = None) -> None:
        """Store a script with the entry point f and this body."""
        source = HEAD + "".join(f"    {line}\n" for line in body.splitlines())
        reply = self("AI.SCRIPTSTORE", key, device or self.device, "ENTRY_POINTS", 1, "f", "SOURCE", source)
        assert reply == "OK", reply

    def put(self, key: str, array: Any) -> None:
        """Store an array as a tensor."""
        array = np.asarray(array)
        assert self("AI.TENSORSET", key, NAMES[array.dtype.str[1:]], *array.shape, "BLOB", array.tobytes()) == "OK"

    def get(self, key: str) -> Array:
        """A tensor as an array."""
        fields = self.ok("AI.TENSORGET", key)
        return np.frombuffer(fields[5], CODES[fields[1].decode()]).reshape(fields[3])

    def run(self, key: str, inputs: str, outputs: str, *more: Argument) -> Any:
        """AI.MODELEXECUTE with keys that stand in a text; its reply."""
        return self(*execute(key, inputs, outputs), *more)

    def run_ok(self, key: str, inputs: str, outputs: str) -> None:
        """The same, where it must go well."""
        reply = self.run(key, inputs, outputs)
        assert reply == "OK", reply


def execute(key: str, inputs: str, outputs: str) -> tuple[Argument, ...]:
    """The command AI.MODELEXECUTE."""
    ins, outs = inputs.split(), outputs.split()
    return ("AI.MODELEXECUTE", key, "INPUTS", len(ins), *ins, "OUTPUTS", len(outs), *outs)


def script_execute(key: str, *, keys: str = "", inputs: str = "", args: str = "", outputs: str = "") -> Any:
    """The command AI.SCRIPTEXECUTE of the function f."""
    out: list[Argument] = ["AI.SCRIPTEXECUTE", key, "f"]
    for word, text in (("KEYS", keys), ("INPUTS", inputs), ("ARGS", args), ("OUTPUTS", outputs)):
        if names := text.split():
            out += [word, len(names), *names]
    return tuple(out)


def fields(reply: Any) -> dict[str, Any]:
    """A flat list of names and values as a dictionary."""
    assert not isinstance(reply, ErrorReply), reply.text
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2], strict=True)}


def info(client: RespClient, section: str) -> dict[str, str]:
    """A section of INFO."""
    lines = client.ok("INFO", section).decode().splitlines()
    return dict(line.rsplit(":", 1) for line in lines if ":" in line)  # a device may have a colon


def identity() -> bytes:
    """A model that gives back what it gets."""
    return module("def forward(self, x):\n  return x")


def product() -> bytes:
    """A model that multiplies two tensors element by element."""
    return module("def forward(self, a, b):\n  return a * b")


def layers(seed: int = 1, width: int = 64) -> bytes:
    """Two layers with weights of their own: (n, width) to (n, 10)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights = [torch.randn(width, size, generator=generator) / width**0.5 for size in (width, 10)]
    source = "def forward(self, x):\n  return torch.softmax(torch.relu(x @ self.w1) @ self.w2, 1)"
    return module(source, w1=weights[0], w2=weights[1])


def patience() -> bytes:
    """A model that works as long as its second input says: so many products of large matrices."""
    source = """def forward(self, x, n):
  m = torch.full([1024, 1024], 0.001, device=x.device)
  for i in range(int(n.item())):
    m = torch.tanh(m @ m)
  return x + m.sum() * 0
"""
    return module(source)


def much(device: str) -> int:
    """What `patience` needs to work for some tenths of a second."""
    return 2000 if device == "GPU" else 20
