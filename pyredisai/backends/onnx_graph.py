"""What must be known of an ONNX model before ONNX Runtime opens it, read without the onnx package.

A walk over the protobuf fields of ModelProto (onnx.proto3; field numbers below): payloads are skipped, so that
its cost is that of the number of nodes. It refuses external data, through which a model could read the
server's disk, and sums up the initializers' sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyredisai.errors import BackendError, ai_texts

Span = tuple[int, int]

# Which fields of a message lead to which messages that matter.
_MODEL: Final = {7: "graph", 20: "training", 25: "function"}
_TRAINING: Final = {1: "graph", 2: "graph"}
_FUNCTION: Final = {7: "node", 11: "attribute"}
_GRAPH: Final = {1: "node", 5: "initializer", 15: "sparse"}
_NODE: Final = {5: "attribute"}
_ATTRIBUTE: Final = {5: "tensor", 10: "tensor", 6: "graph", 11: "graph", 22: "sparse", 23: "sparse"}
_SPARSE: Final = {1: "tensor", 2: "tensor"}
_CHILDREN: Final[dict[str, dict[int, str]]] = {
    "model": _MODEL,
    "training": _TRAINING,
    "function": _FUNCTION,
    "graph": _GRAPH,
    "node": _NODE,
    "attribute": _ATTRIBUTE,
    "sparse": _SPARSE,
}
_DIMS, _DATA_TYPE, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 9, 13, 14
# Bits of an element by TensorProto.DataType: FLOAT 1, UINT8 2, INT8 3 … BFLOAT16 16.
_ITEM_BITS: Final = dict(enumerate((0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16)))
_ITEM_BITS_DEFAULT: Final = 8
_ALIGNMENT: Final = 256


@dataclass(slots=True)
class GraphFacts:
    """`initializers`: their number; `initializer_bytes`: their size in memory, each rounded up to 256 bytes."""

    initializers: int = 0
    initializer_bytes: int = 0


def inspect(blob: bytes | memoryview) -> GraphFacts:
    """Read a model. Raises BackendError when a tensor of it names external data.

    What is no protobuf yields what was read until there: ONNX Runtime says then what is wrong.
    """
    view = memoryview(blob)
    facts = GraphFacts()
    todo: list[tuple[str, Span]] = [("model", (0, len(view)))]
    while todo:
        kind, span = todo.pop()
        if kind in ("initializer", "tensor"):
            size = _tensor_bytes(view, span)
            if kind == "initializer":
                facts.initializers += 1
                facts.initializer_bytes += -(-size // _ALIGNMENT) * _ALIGNMENT
            continue
        children = _CHILDREN[kind]
        for field, _, payload in _fields(view, span):
            child = children.get(field)
            if child is not None and payload is not None:
                todo.append((child, payload))
    return facts


def _tensor_bytes(view: memoryview, span: Span) -> int:
    """The size of a TensorProto's elements; refuses external data."""
    elements, data_type, raw = 1, 0, -1
    for field, value, payload in _fields(view, span):
        if field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value == 1):
            raise BackendError(ai_texts.ONNX_EXTERNAL_DATA)
        if field == _DIMS:
            for dim in [value] if payload is None else _packed(view, payload):
                elements *= dim
        elif field == _DATA_TYPE:
            data_type = value
        elif field == _RAW_DATA and payload is not None:
            raw = payload[1] - payload[0]
    if raw >= 0:
        return raw
    return elements * _ITEM_BITS.get(data_type, _ITEM_BITS_DEFAULT) // 8


def _packed(view: memoryview, span: Span) -> Iterator[int]:
    position, end = span
    while position < end:
        value, position = _varint(view, position, end)
        if position < 0:
            return
        yield value


def _fields(view: memoryview, span: Span) -> Iterator[tuple[int, int, Span | None]]:
    """The fields of a message: number, value of a varint, span of a length-delimited payload.

    Ends at the first thing that is no protobuf.
    """
    position, end = span
    while position < end:
        key, position = _varint(view, position, end)
        if position < 0:
            return
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(view, position, end)
            if position < 0:
                return
            yield field, value, None
        elif wire == 2:
            length, position = _varint(view, position, end)
            if position < 0 or position + length > end:
                return
            yield field, 0, (position, position + length)
            position += length
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            return


def _varint(view: memoryview, position: int, end: int) -> tuple[int, int]:
    """A varint and the position behind it; position -1 where there is none."""
    value = shift = 0
    while position < end and shift < 70:
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    return 0, -1
