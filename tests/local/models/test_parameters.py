"""Counting parameters agrees with the onnx package, and survives garbage."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amira_local.models.parameters import count_parameters


@pytest.mark.parametrize("part", ["encoder", "decoder", "joiner"])
def test_the_bundled_model(model_dir: Path, part: str) -> None:
    path = model_dir / f"{part}.onnx"
    tensors = onnx.load(path).graph.initializer
    expected = sum(math.prod(tensor.dims) for tensor in tensors if tensor.data_type == onnx.TensorProto.FLOAT)
    assert count_parameters(path) == expected


def test_packed_and_unpacked_dimensions(tmp_path: Path) -> None:
    shapes = onnx.numpy_helper.from_array(np.ones((2, 3, 300), np.float32), "weight")
    integers = onnx.numpy_helper.from_array(np.ones(7, np.int64), "shape")
    graph = onnx.helper.make_graph([], "g", [], [], [shapes, integers])
    path = tmp_path / "a.onnx"
    onnx.save(onnx.helper.make_model(graph), path)
    assert count_parameters(path) == 1800


@given(content=st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "garbage.onnx"
    path.write_bytes(content)
    count = count_parameters(path)
    assert count is None or count >= 0


def test_no_file(tmp_path: Path) -> None:
    assert count_parameters(tmp_path / "nothing.onnx") is None
