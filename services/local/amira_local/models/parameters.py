"""Counting a network's parameters in its ONNX file, without loading it and without the onnx package.

An ONNX file is one protobuf message; weights are the graph's ``initializer`` tensors. Only field
numbers and dimensions are read here, the weights themselves are stepped over.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path

_MODEL_GRAPH, _GRAPH_INITIALIZER, _TENSOR_DIMS, _TENSOR_TYPE = 7, 5, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WEIGHTS = {1, 2, 3, 10, 11, 16, 17, 18, 19, 20, 21, 22}
"""TensorProto data types of weights: floats of all sizes and 4- and 8-bit integers; not shapes or indices."""

Buffer = mmap.mmap | bytes


def count_parameters(path: Path) -> int | None:
    """Weights in an ONNX file; None where it cannot be read."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return sum(
                _tensor_size(content, *tensor)
                for graph in _messages(content, 0, len(content), _MODEL_GRAPH)
                for tensor in _messages(content, *graph, _GRAPH_INITIALIZER)
            )
    except (OSError, ValueError, IndexError):
        return None


def _tensor_size(content: Buffer, begin: int, end: int) -> int:
    dims: list[int] = []
    kind = 0
    for number, wire_type, at, until in _fields(content, begin, end):
        if number == _TENSOR_DIMS:
            dims += _varints(content, at, until) if wire_type == _BYTES else [_varint(content, at)[0]]
        elif number == _TENSOR_TYPE:
            kind = _varint(content, at)[0]
    return math.prod(dims) if kind in _WEIGHTS else 0


def _messages(content: Buffer, begin: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """[begin, end) of each sub-message with a field number."""
    for number, wire_type, at, until in _fields(content, begin, end):
        if number == wanted and wire_type == _BYTES:
            yield at, until


def _fields(content: Buffer, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Field number, wire type, and [begin, end) of the value, of each field of a message."""
    while at < end:
        tag, at = _varint(content, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            until = _varint(content, at)[1]
        elif wire_type == _BYTES:
            size, at = _varint(content, at)
            until = at + size
        elif wire_type in (_FIXED32, _FIXED64):
            until = at + (4 if wire_type == _FIXED32 else 8)
        else:
            raise ValueError("not a protobuf message")
        if until > end:
            raise ValueError("the message ends too soon")
        yield number, wire_type, at, until
        at = until


def _varints(content: Buffer, at: int, end: int) -> Iterator[int]:
    while at < end:
        value, at = _varint(content, at)
        yield value


def _varint(content: Buffer, at: int) -> tuple[int, int]:
    """A variable-length integer and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("not a variable-length integer")
