"""Another version of a model: it finds the same words and writes them in capitals.

What its encoder gives has the other sign, and its predictor and joiner expect that: an encoder of one
version with the search side of the other finds no words that make sense. So a test sees at once which
version found some words, and whether all of it was that version. The language model is left out: it is
made for one spelling.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper, numpy_helper


def write_other_model(source: Path, target: Path) -> Path:
    """Copies the folder `source`, whose joiner ends in one Gemm, to `target`, which must not exist."""
    target.mkdir()
    encoder = onnx.load(source / "encoder.onnx")
    _negate(encoder.graph, "encoder_out")
    onnx.save(encoder, target / "encoder.onnx")
    predictor = onnx.load(source / "decoder.onnx")
    _negate(predictor.graph, predictor.graph.output[0].name)
    onnx.save(predictor, target / "decoder.onnx")
    joiner = onnx.load(source / "joiner.onnx")
    (gemm,) = (node for node in joiner.graph.node if node.op_type == "Gemm")
    weights = next(tensor for tensor in joiner.graph.initializer if tensor.name == gemm.input[1])
    weights.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(weights), weights.name))
    onnx.save(joiner, target / "joiner.onnx")
    lines = (source / "tokens.txt").read_text().splitlines()
    pieces = [line if line.startswith("<") else line.upper() for line in lines]
    (target / "tokens.txt").write_text("\n".join(pieces) + "\n")
    return target


def _negate(graph: onnx.GraphProto, output: str) -> None:
    for node in graph.node:
        node.output[:] = [f"{output}_before" if name == output else name for name in node.output]
        node.input[:] = [f"{output}_before" if name == output else name for name in node.input]
    graph.node.append(helper.make_node("Neg", [f"{output}_before"], [output]))
