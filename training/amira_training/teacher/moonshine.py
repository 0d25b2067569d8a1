"""Moonshine's encoder in torch, built of the student's own layers, with weights from the shipped graph.

The graph is quantized to int8; here the weights are floats again. onnxruntime quantizes the activations
too: its outputs differ from these by 0.1 % (mean square, relative).
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from amira_training.errors import TeacherError
from amira_training.files import whole
from amira_training.model import geometry as g
from amira_training.model.layers import Layer
from amira_training.teacher.ort_file import Graph

STEP_MS = 24
"""Time between positions (64 * 3 * 2 samples)."""

_STRIDES = (64, 3, 2)
_GROUP_NORM_SCALE, _GROUP_NORM_SHIFT = "onnx::Mul_2080", "onnx::Add_2081"
_ROTARY_FREQUENCIES = "onnx::Expand_202"
_ADDED = "_add_tensor"
_QUANTIZED, _ZERO_POINT, _SCALE = "_quantized", "_zero_point", "_scale"

_LAYER_NAMES = {
    "attention_norm.weight": "input_layernorm.weight",
    "attention_out.weight": "self_attn.o_proj.weight",
    "feed_forward_norm.weight": "post_attention_layernorm.weight",
    "expand.weight": "mlp.fc1.weight",
    "expand.bias": "mlp.fc1.bias",
    "contract.weight": "mlp.fc2.weight",
    "contract.bias": "mlp.fc2.bias",
}


class Moonshine(nn.Module):
    """Samples ``[N, S]`` at 16 kHz -> positions of 24 ms; each sees the whole recording.

    ``angles`` are the rotary angles per position, ``[16]``.
    """

    angles: Tensor

    def __init__(self) -> None:
        super().__init__()
        dim = g.MODEL_DIM
        self.conv1 = nn.Conv1d(1, dim, 127, stride=_STRIDES[0], bias=False)
        self.conv1_norm = nn.GroupNorm(1, dim)
        self.conv2 = nn.Conv1d(dim, 2 * dim, 7, stride=_STRIDES[1])
        self.conv3 = nn.Conv1d(2 * dim, dim, 3, stride=_STRIDES[2])
        self.layers = nn.ModuleList(Layer() for _ in range(g.LAYERS))
        self.norm = nn.LayerNorm(dim)
        self.register_buffer("angles", torch.zeros(g.ROTARY_DIM // 2))

    def stem(self, samples: Tensor) -> Tensor:
        """``[N, S]`` -> ``[N, T, D]``. The norm is over the whole recording: do not pad."""
        x = self.conv1_norm(torch.tanh(self.conv1(samples[:, None])).float())
        x = functional.gelu(self.conv2(x))
        return functional.gelu(self.conv3(x)).transpose(1, 2)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """``[N, S]`` -> the normalized output and the output of the middle layer, ``[N, T, D]``."""
        x = self.stem(samples)
        positions = torch.arange(x.shape[1], device=x.device)[:, None] * self.angles[None]
        cos, sin = positions.cos(), positions.sin()
        middle = x
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, cos, sin, None)
            if number == g.LAYERS // 2:
                middle = x
        return self.norm(x), middle


def moonshine_of(graph: Graph) -> Moonshine:
    """The teacher from its graph. Raises TeacherError: the graph is another one."""
    teacher = Moonshine()
    try:
        weights = _read_weights(graph)
        teacher.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()})
    except (KeyError, RuntimeError) as error:
        raise TeacherError(f"the graph is not the encoder of Moonshine tiny-en: {error}") from error
    return teacher.eval()


def save_moonshine(teacher: Moonshine, path: Path) -> None:
    """Writes the weights for :func:`load_moonshine`."""
    with whole(path) as part:
        torch.save(teacher.state_dict(), part)


def load_moonshine(path: Path) -> Moonshine:
    """The teacher from saved weights. Raises TeacherError: the file is damaged."""
    teacher = Moonshine()
    try:
        teacher.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, TypeError, AttributeError) as error:
        raise TeacherError(f"{path} is damaged: run `fetch-teacher --again` ({error})") from error
    return teacher.eval()


def half_split(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of a query or key matrix, reordered per head for rotary pairs that are split in halves.

    Moonshine rotates neighbours (0, 1), (2, 3), ...; the student's layers rotate (0, 16), (1, 17), ...
    The scores, sums over a head's dimensions, stay the same.
    """
    head = [*range(0, g.ROTARY_DIM, 2), *range(1, g.ROTARY_DIM, 2), *range(g.ROTARY_DIM, g.HEAD_DIM)]
    order = [start + row for start in range(0, len(rows), g.HEAD_DIM) for row in head]
    return rows[order]


def _read_weights(graph: Graph) -> dict[str, NDArray[np.float32]]:
    found = _dequantized(graph)
    found |= {name.replace(_ADDED, ""): values for name, values in graph.weights.items() if _is_named(name)}
    weights = {
        "conv1_norm.weight": graph.weights[_GROUP_NORM_SCALE].reshape(-1),
        "conv1_norm.bias": graph.weights[_GROUP_NORM_SHIFT].reshape(-1),
        "angles": graph.weights[_ROTARY_FREQUENCIES].reshape(-1),
        "norm.weight": found["layer_norm.weight"],
        "norm.bias": np.zeros(g.MODEL_DIM, np.float32),
    }
    for name in ("conv1.weight", "conv2.weight", "conv2.bias", "conv3.weight", "conv3.bias"):
        weights[name] = found[name]
    for index in range(g.LAYERS):
        weights |= {f"layers.{index}.{k}": v for k, v in _layer(found, f"layers.{index}.").items()}
    return {name: np.array(values, np.float32) for name, values in weights.items()}


def _layer(found: dict[str, NDArray[np.float32]], prefix: str) -> dict[str, NDArray[np.float32]]:
    q, k, v = (found[f"{prefix}self_attn.{part}_proj.weight"] for part in "qkv")
    layer = {ours: found[prefix + theirs] for ours, theirs in _LAYER_NAMES.items()}
    layer["query_key_value.weight"] = np.concatenate((half_split(q), half_split(k), v))
    for norm in ("attention_norm", "feed_forward_norm"):
        layer[f"{norm}.bias"] = np.zeros(g.MODEL_DIM, np.float32)
    return layer


def _is_named(name: str) -> bool:
    return name.startswith(("layers.", "conv")) or name == "layer_norm.weight"


def _dequantized(graph: Graph) -> dict[str, NDArray[np.float32]]:
    """Matrices as ``[out, in]`` by the name of the module that multiplies with them."""
    matrices = {}
    for node in graph.nodes:
        quantized = [name for name in node.inputs if name.startswith("onnx::") and name.endswith(_QUANTIZED)]
        if "MatMul" not in node.operation or not quantized:
            continue
        stem = quantized[0].removesuffix(_QUANTIZED)
        steps = graph.weights[stem + _QUANTIZED].astype(np.float32) - graph.weights[stem + _ZERO_POINT]
        module = node.name.partition("/MatMul")[0].strip("/").replace("/", ".")
        matrices[f"{module}.weight"] = np.ascontiguousarray((steps * graph.weights[stem + _SCALE]).T)
    return matrices
