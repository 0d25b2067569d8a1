"""Reads weights and nodes out of an onnxruntime ``.ort`` file (a flatbuffer)."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amira_training.errors import TeacherError

_TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64}


class Node(NamedTuple):
    """An operation of the graph."""

    operation: str
    name: str
    inputs: list[str]


class Graph(NamedTuple):
    """What an ``.ort`` file holds of it: initializers by name, and nodes in order."""

    weights: dict[str, NDArray[Any]]
    nodes: list[Node]


def read_graph(content: bytes) -> Graph:
    """The graph in a file's content. Raises TeacherError: it is not an ``.ort`` file."""
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs import InferenceSession

    data = bytearray(content)
    if data[4:8] != b"ORTM":
        raise TeacherError("the teacher's graph is not an onnxruntime model in the .ort format")
    try:
        graph = InferenceSession.InferenceSession.GetRootAs(data, 0).Model().Graph()
        weights = dict(_weight(graph.Initializers(index)) for index in range(graph.InitializersLength()))
        nodes = [_node(graph.Nodes(index)) for index in range(graph.NodesLength())]
    except (struct.error, AttributeError, KeyError, ValueError, IndexError, TypeError) as error:
        raise TeacherError(f"the teacher's graph is damaged: {error!r}") from error
    return Graph(weights, nodes)


def _weight(tensor: Any) -> tuple[str, NDArray[Any]]:
    shape = [tensor.Dims(index) for index in range(tensor.DimsLength())]
    values = np.frombuffer(tensor.RawDataAsNumpy().tobytes(), _TYPES[tensor.DataType()])
    return tensor.Name().decode(), values.reshape(shape)


def _node(node: Any) -> Node:
    inputs = [node.Inputs(index).decode() for index in range(node.InputsLength())]
    return Node(node.OpType().decode(), node.Name().decode(), inputs)
