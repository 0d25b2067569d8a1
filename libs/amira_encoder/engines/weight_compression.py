"""int8 matrix products in OpenVINO that do not depend on the batch.

Weights are rounded once, per output channel. Activations are rounded while the graph runs, each row
by itself in groups of :data:`GROUP_SIZE` values, so that a stream's result is the same whoever shares
its batch. (The usual dynamic quantization takes one scale over the whole batch.) The products then
run in the CPU's int8 units; everything else stays in bfloat16 or float32.
"""

from __future__ import annotations

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

GROUP_SIZE = 128
"""Activations that share a scale; 128 was the fastest of 32, 128, 192, 384 and 1536."""


def compress_weights(model: ov.Model) -> int:
    """Replaces the constant weights of all matrix products, in place; returns how many there were."""
    count = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        weights = node.input_value(1).get_node()
        if weights.get_type_name() != "Constant" or len(weights.get_output_shape(0)) != 2:
            continue
        _compress(node, weights.get_data().astype(np.float32))
        count += 1
    model.validate_nodes_and_infer_types()
    return count


def _compress(node: ov.Node, weights: NDArray[np.float32]) -> None:
    attributes = node.get_attributes()
    by_channel = weights if attributes["transpose_b"] else np.ascontiguousarray(weights.T)
    scale = np.maximum(np.abs(by_channel).max(axis=1, keepdims=True), 1e-12) / 127
    rounded = np.round(by_channel / scale).astype(np.int8)
    # This chain of nodes is the form in which OpenVINO recognizes compressed weights.
    decompressed = ops.convert(
        ops.multiply(ops.convert(ops.constant(rounded), np.float16), ops.constant(scale.astype(np.float16))),
        np.float32,
    )
    product = ops.matmul(node.input_value(0), decompressed, attributes["transpose_a"], True)
    product.set_friendly_name(node.get_friendly_name())
    node.output(0).replace(product.output(0))
