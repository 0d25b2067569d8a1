"""A model folder whose encoder does what another one does, only later.

A delay line, held in a state, goes behind the encoder's output: the first outputs of a stream are the
line's first content, and everything else comes out so many encoder frames later.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def write_delayed_model(source: Path, target: Path, delay_frames: int, *, says_so: bool = True) -> Path:
    """Copies the folder `source` to `target` with an encoder that is `delay_frames` late.

    Args:
        source: a folder with encoder.onnx.
        target: where to write; must not exist.
        delay_frames: the delay in encoder frames, at least 1.
        says_so: whether the metadata tells of the delay.
    """
    target.mkdir()
    for file in source.iterdir():
        if file.name != "encoder.onnx":
            (target / file.name).symlink_to(file)
    model = onnx.load(source / "encoder.onnx")
    _append_delay_line(model.graph, delay_frames)
    if says_so:
        model.metadata_props.add(key="output_delay_frames", value=str(delay_frames))
    onnx.checker.check_model(model)
    onnx.save(model, target / "encoder.onnx")
    return target


def _append_delay_line(graph: onnx.GraphProto, delay_frames: int) -> None:
    output = next(value for value in graph.output if value.name == "encoder_out")
    batch, chunk, width = output.type.tensor_type.shape.dim
    for node in graph.node:
        node.output[:] = ["undelayed_out" if name == "encoder_out" else name for name in node.output]
        node.input[:] = ["undelayed_out" if name == "encoder_out" else name for name in node.input]
    line = [batch.dim_param, delay_frames, width.dim_value]
    graph.input.append(helper.make_tensor_value_info("line", onnx.TensorProto.FLOAT, line))
    graph.output.append(helper.make_tensor_value_info("new_line", onnx.TensorProto.FLOAT, line))
    ends = np.array([chunk.dim_value, delay_frames], np.int64)
    graph.initializer.append(numpy_helper.from_array(ends, "line_parts"))
    graph.node.extend(
        [
            helper.make_node("Concat", ["line", "undelayed_out"], ["line_and_out"], axis=1),
            helper.make_node("Split", ["line_and_out", "line_parts"], ["encoder_out", "new_line"], axis=1),
        ]
    )
