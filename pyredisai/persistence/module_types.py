"""The three types of RedisAI in RDB: load by encoding version (0 to 4), save as version 4.

A module's value is its type's id (nine letters of six bits, ten bits of encoding version) and fields,
each with its kind before it, up to an end mark.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from pyredisai.ai.dtype import DTYPES, DType
from pyredisai.ai.model import Model, ModelOptions
from pyredisai.ai.script import Script
from pyredisai.ai.tensor import Tensor
from pyredisai.errors import PersistenceError
from pyredisai.persistence.rdb.opcodes import ModuleOp
from pyredisai.persistence.rdb.primitives import Sink, Source

ENCODING_VERSION: Final = 4
BACKENDS: Final = ("TF", "TFLITE", "TORCH", "ONNX")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# DLPack's codes: signed, unsigned, float, bfloat; RedisAI's own for bool and string.
_CODES: Final[dict[tuple[int, int], str]] = {
    (0, 8): "INT8",
    (0, 16): "INT16",
    (0, 32): "INT32",
    (0, 64): "INT64",
    (1, 8): "UINT8",
    (1, 16): "UINT16",
    (1, 32): "UINT32",
    (1, 64): "UINT64",
    (2, 16): "FLOAT16",
    (4, 16): "BFLOAT16",
    (2, 32): "FLOAT",
    (2, 64): "DOUBLE",
    (6, 8): "BOOL",
    (7, 8): "STRING",
}
_CODE_OF: Final = {name: code for code, name in _CODES.items()}


def type_id(name: str, version: int) -> int:
    """The 64-bit id of a module type."""
    value = 0
    for letter in name:
        value = value << 6 | _ALPHABET.index(letter)
    return value << 10 | version


def type_name(id: int) -> tuple[str, int]:
    """The name and encoding version inside an id."""
    letters = [_ALPHABET[id >> 10 + 6 * i & 63] for i in range(8, -1, -1)]
    return "".join(letters), id & 1023


class Fields:
    """The fields of a module value, each checked for its kind. Raises PersistenceError."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def _expect(self, *kinds: ModuleOp) -> int:
        kind = self.source.length()
        if kind not in kinds:
            raise PersistenceError(f"a module field of kind {kind} at byte {self.source.position}")
        return kind

    def number(self) -> int:
        """An unsigned number."""
        self._expect(ModuleOp.UINT, ModuleOp.SINT)
        return self.source.length()

    def signed(self) -> int:
        """A signed number (stored as its 64-bit complement)."""
        value = self.number()
        return value - (1 << 64) if value >> 63 else value

    def string(self) -> bytes:
        """A string."""
        self._expect(ModuleOp.STRING)
        return self.source.string()

    def part(self) -> bytes | memoryview:
        """A string that is part of a blob."""
        self._expect(ModuleOp.STRING)
        return self.source.part()

    def text(self) -> bytes:
        """A string that was stored with its closing null byte."""
        return self.string().removesuffix(b"\0")

    def skip_rest(self) -> None:
        """Read up to the end mark."""
        while (kind := self.source.length()) != ModuleOp.EOF:
            if kind in (ModuleOp.UINT, ModuleOp.SINT):
                self.source.length()
            elif kind == ModuleOp.STRING:
                self.source.string()
            elif kind in (ModuleOp.FLOAT, ModuleOp.DOUBLE):
                self.source.take(4 if kind == ModuleOp.FLOAT else 8)
            else:
                raise PersistenceError(f"a module field of kind {kind} at byte {self.source.position}")


def read_value(source: Source) -> Tensor | Model | Script:
    """A module value after its type byte. Raises PersistenceError."""
    name, version = type_name(source.length())
    reader = _READERS.get(name)
    if reader is None or version > ENCODING_VERSION:
        raise PersistenceError(f"a value of the module type '{name}' in version {version}, which is not known here")
    fields = Fields(source)
    value = reader(fields, version)
    if source.length() != ModuleOp.EOF:
        raise PersistenceError(f"a module value is longer than it should be at byte {source.position}")
    return value


def skip_aux(source: Source) -> None:
    """A module's record outside the keys: read over."""
    source.length()
    Fields(source).skip_rest()


def _read_tensor(fields: Fields, version: int) -> Tensor:
    if version < 4:
        fields.number(), fields.number()  # device type and number
        bits, code = fields.number(), fields.number()
        fields.number()  # lanes
        shape = tuple(fields.number() for _ in range(fields.number()))
        for _ in shape:
            fields.number()  # strides: always those of C order
        fields.number()  # offset of the first byte
    else:
        code, bits = fields.number(), fields.number()
        shape = tuple(fields.signed() for _ in range(fields.signed()))
    dtype = _dtype(code, bits)
    data = fields.source.blob([fields.part()]) if dtype.itemsize else fields.string()
    if dtype.itemsize == 0 and version >= 4:
        for _ in range(math.prod(shape)):
            fields.number()  # where each string starts: they end in null bytes anyway
    _check_size(dtype, shape, data)
    return Tensor(dtype, shape, blob=data)


def _dtype(code: int, bits: int) -> DType:
    try:
        return DTYPES[_CODES[code, bits]]
    except KeyError:
        raise PersistenceError(f"a tensor of data type {code} with {bits} bits") from None


def _check_size(dtype: DType, shape: tuple[int, ...], data: bytes | memoryview) -> None:
    count = math.prod(shape)
    held = bytes(data).count(b"\0") if dtype.itemsize == 0 else len(data) // dtype.itemsize
    if min(shape, default=1) < 0 or held != count or (dtype.itemsize and len(data) % dtype.itemsize):
        raise PersistenceError(f"a tensor of shape {shape} with {len(data)} bytes")


def _read_model(fields: Fields, version: int) -> Model:
    number = fields.number()
    if number >= len(BACKENDS):
        raise PersistenceError(f"a model of backend number {number}")
    device = fields.text().decode("utf-8", "replace")
    tag = fields.text() if version == 0 else fields.string()
    batch_size, min_batch_size = fields.number(), fields.number()
    min_batch_timeout = fields.number() if version >= 2 else 0
    inputs = tuple(fields.text().decode("utf-8", "replace") for _ in range(fields.number()))
    outputs = tuple(fields.text().decode("utf-8", "replace") for _ in range(fields.number()))
    if version == 0:
        blob: bytes | memoryview = fields.string()
    else:
        size = fields.number()
        blob = fields.source.blob([fields.part() for _ in range(fields.number())])
        if len(blob) != size:
            raise PersistenceError(f"a model of {size} bytes whose chunks hold {len(blob)}")
    options = ModelOptions(tag, batch_size, min_batch_size, min_batch_timeout, inputs, outputs)
    return Model(BACKENDS[number], device, blob, options, None)


def _read_script(fields: Fields, version: int) -> Script:
    device = fields.text().decode("utf-8", "replace")
    tag = fields.text() if version == 0 else fields.string()
    source = fields.text()
    entry_points = tuple(fields.text() for _ in range(fields.number())) if version >= 3 else ()
    return Script(device, source, tag, entry_points)


_READERS: Final[dict[str, Callable[[Fields, int], Tensor | Model | Script]]] = {
    "AI_TENSOR": _read_tensor,
    "AI__MODEL": _read_model,
    "AI_SCRIPT": _read_script,
}


def write_value(sink: Sink, value: Any) -> None:
    """A tensor, model or script without its type byte. Raises TypeError for any other value."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"no stored form for {type(value).__name__}")
    sink.length(type_id(value.redis_type, ENCODING_VERSION))
    writer(sink, value)
    sink.length(ModuleOp.EOF)


def _number(sink: Sink, value: int) -> None:
    sink.length(ModuleOp.UINT)
    sink.length(value)


def _string(sink: Sink, value: bytes | memoryview) -> None:
    sink.length(ModuleOp.STRING)
    sink.string(value)


def _write_tensor(sink: Sink, tensor: Tensor) -> None:
    code, bits = _CODE_OF[tensor.dtype.name]
    for number in (code, bits, len(tensor.shape), *tensor.shape):
        _number(sink, number)
    _string(sink, tensor.blob)
    if tensor.dtype.itemsize == 0:
        start = 0
        for element in bytes(tensor.blob).split(b"\0")[:-1]:
            _number(sink, start)
            start += len(element) + 1


def _write_model(sink: Sink, model: Model) -> None:
    options = model.options
    _number(sink, BACKENDS.index(model.backend))
    _string(sink, model.device.encode() + b"\0")
    _string(sink, options.tag)
    for number in (options.batch_size, options.min_batch_size, options.min_batch_timeout):
        _number(sink, number)
    for names in (options.inputs, options.outputs):
        _number(sink, len(names))
        for name in names:
            _string(sink, name.encode() + b"\0")
    blob = memoryview(model.blob)
    _number(sink, len(blob))
    chunk = sink.chunk_size
    count = len(blob) // chunk + 1
    _number(sink, count)
    for i in range(count):
        _string(sink, blob[i * chunk : (i + 1) * chunk])


def _write_script(sink: Sink, script: Script) -> None:
    _string(sink, script.device.encode() + b"\0")
    _string(sink, script.tag)
    _string(sink, script.source + b"\0")
    _number(sink, len(script.entry_points))
    for name in script.entry_points:
        _string(sink, name + b"\0")


_WRITERS: Final[dict[type, Callable[[Sink, Any], None]]] = {
    Tensor: _write_tensor,
    Model: _write_model,
    Script: _write_script,
}
