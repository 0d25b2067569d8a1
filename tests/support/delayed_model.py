"""A model folder whose encoder does what another one does, only later.

A delay line, held in a state, goes behind the encoder's output: the first outputs of a stream are the
line's first content, and everything else comes out so many encoder frames later.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from amira_encoder.geometry import EncoderGeometry
from tests.support.geometry import geometry_of


def write_delayed_model(source: Path, target: Path, delay_frames: int, *, says_so: bool = True) -> Path:
    """Copies the folder `source` to `target` with an encoder that is `delay_frames` later.

    Args:
        source: a folder with encoder.onnx.
        target: where to write; must not exist.
        delay_frames: the further delay in encoder frames, at least 1.
        says_so: whether the metadata tells of it.
    """
    target.mkdir()
    for file in source.iterdir():
        if file.name != "encoder.onnx":
            (target / file.name).symlink_to(file)
    model = onnx.load(source / "encoder.onnx")
    _append_delay_line(model.graph, geometry_of(source), delay_frames)
    if says_so:
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        metadata["output_delay_frames"] = str(int(metadata.get("output_delay_frames", 0)) + delay_frames)
        del model.metadata_props[:]
        helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, target / "encoder.onnx")
    return target


def _append_delay_line(graph: onnx.GraphProto, geometry: EncoderGeometry, delay_frames: int) -> None:
    batch = next(value for value in graph.input if value.name == "x").type.tensor_type.shape.dim[0].dim_param
    for node in graph.node:
        node.output[:] = ["undelayed_out" if name == "encoder_out" else name for name in node.output]
        node.input[:] = ["undelayed_out" if name == "encoder_out" else name for name in node.input]
    line = [batch, delay_frames, geometry.output_dim]
    graph.input.append(helper.make_tensor_value_info("line", onnx.TensorProto.FLOAT, line))
    graph.output.append(helper.make_tensor_value_info("new_line", onnx.TensorProto.FLOAT, line))
    ends = np.array([geometry.output_frames, delay_frames], np.int64)
    graph.initializer.append(numpy_helper.from_array(ends, "line_parts"))
    graph.node.extend(
        [
            helper.make_node("Concat", ["line", "undelayed_out"], ["line_and_out"], axis=1),
            helper.make_node("Split", ["line_and_out", "line_parts"], ["encoder_out", "new_line"], axis=1),
        ]
    )
