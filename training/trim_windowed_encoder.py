"""Removes work whose result is thrown away from the starter model's encoder. The outputs stay bit-identical.

The encoder runs Whisper's layers over a window of 176 positions and keeps 32 of them. In the last
layer only these 32 need queries, output projection and feed-forward, so the cut is moved from the
end of the graph to the last layer's queries and residual: 14 % fewer multiplications per chunk.

    python training/trim_windowed_encoder.py untrimmed/encoder.onnx models/starter-en/encoder.onnx

Node names are those of the export that made the starter model; for any other graph it stops.
"""

from __future__ import annotations

import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

_QUERIES = "/Transpose_14_output_0"  # [N, heads, positions, 64]
_RESIDUAL = "/Add_14_output_0"  # [N, positions, 384]
_BATCH_SIZE = "/Gather_output_0"
_FINAL_NORM = "/ln/LayerNormalization_output_0"
_CUT = "/Slice_2_output_0"
_MODEL_DIM = 384

_REWIRE = {  # output of the node -> (which input, its new source)
    "/MatMul_6_output_0": (0, "kept_queries"),
    "/Reshape_16_output_0": (1, "kept_shape"),
    "/Add_16_output_0": (0, "kept_residual"),
    "/Reshape_17_output_0": (0, _FINAL_NORM),
}


def trim(model: onnx.ModelProto) -> None:
    """Moves the cut, in place. Raises KeyError when the graph is not the expected one."""
    nodes = {name: node for node in model.graph.node for name in node.output}
    cut = nodes[_CUT]
    first, last = (int(_constant(nodes[name])[0]) for name in cut.input[1:3])
    for output, (index, source) in _REWIRE.items():
        nodes[output].input[index] = source
    kept: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.output[0] in {_CUT, *cut.input[1:]}:
            continue
        kept.append(node)
        if node.output[0] == _QUERIES:
            kept += _early_cut(first, last)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.checker.check_model(model)


def _early_cut(first: int, last: int) -> list[onnx.NodeProto]:
    constants = {
        "keep_from": [first],
        "keep_to": [last],
        "axis_0": [0],
        "axis_1": [1],
        "axis_2": [2],
        "kept_count": [last - first],
        "model_dim": [_MODEL_DIM],
    }
    return [
        *(
            helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(value, np.int64)))
            for name, value in constants.items()
        ),
        helper.make_node("Slice", [_QUERIES, "keep_from", "keep_to", "axis_2"], ["kept_queries"]),
        helper.make_node("Slice", [_RESIDUAL, "keep_from", "keep_to", "axis_1"], ["kept_residual"]),
        helper.make_node("Unsqueeze", [_BATCH_SIZE, "axis_0"], ["batch_dim"]),
        helper.make_node("Concat", ["batch_dim", "kept_count", "model_dim"], ["kept_shape"], axis=0),
    ]


def _constant(node: onnx.NodeProto) -> np.ndarray:
    return numpy_helper.to_array(helper.get_attribute_value(node.attribute[0]))


if __name__ == "__main__":
    graph = onnx.load(sys.argv[1])
    trim(graph)
    onnx.save(graph, sys.argv[2])
