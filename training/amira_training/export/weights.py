"""Readable names for an exported encoder's weights, and the way back from the graph to the network.

torch names a transposed weight ``onnx::MatMul_123``. Here it gets its parameter's name, so that
the same weights can be cut into other chunk sizes from the shipped file alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from amira_training.model import geometry as g
from amira_training.model.streaming_encoder import StreamingEncoder

_PREFIX = "encoder."
_TRANSPOSED = ".transposed"


def name_weights(graph: onnx.GraphProto, parameters: dict[str, torch.Tensor]) -> None:
    """Renames, in place, every initializer that is a transposed parameter."""
    by_content = {
        tensor.t().contiguous().numpy().tobytes(): name
        for name, tensor in parameters.items()
        if tensor.dim() == 2
    }
    renamed: dict[str, str] = {}
    for initializer in graph.initializer:
        name = by_content.get(numpy_helper.to_array(initializer).tobytes())
        if initializer.name.startswith("onnx::") and name is not None:
            renamed[initializer.name] = initializer.name = name + _TRANSPOSED
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = renamed.get(name, name)


def read_encoder(path: Path) -> StreamingEncoder:
    """The network of an encoder that this package exported.

    Raises:
        ValueError: the graph lacks weights of the network: another architecture.
    """
    graph = onnx.load(str(path)).graph
    found = {item.name: np.array(numpy_helper.to_array(item)) for item in graph.initializer}
    encoder = StreamingEncoder()
    missing = [name for name, tensor in _tensors(encoder) if not _fill(tensor, _PREFIX + name, found)]
    if missing:
        raise ValueError(f"{path} is not an encoder of this recipe: it has no {', '.join(missing[:3])}")
    return encoder.eval()


def chunking_of(encoder: Path) -> g.Chunking:
    """Read from an exported encoder's metadata."""
    metadata = onnxruntime.InferenceSession(encoder).get_modelmeta().custom_metadata_map
    left_steps = int(metadata["left_context_frames"]) // g.FRAMES_PER_STEP
    return g.Chunking(int(metadata["decode_chunk_len"]) // g.FRAMES_PER_STEP, left_steps)


def _tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return list(module.state_dict(keep_vars=False).items())


def _fill(tensor: torch.Tensor, name: str, found: dict[str, NDArray[Any]]) -> bool:
    values = found.get(name)
    if values is None and name + _TRANSPOSED in found:
        values = found[name + _TRANSPOSED].T
    if values is None or values.shape != tuple(tensor.shape):
        return False
    tensor.copy_(torch.from_numpy(np.ascontiguousarray(values)))
    return True
