"""The network's weights, read from the ONNX file and laid out for the kernels."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from amira_encoder.errors import EncoderModelError
from amira_encoder.graph import EncoderGraph
from amira_encoder.native.attention import DIM, rotation
from amira_encoder.native.head import Head
from amira_encoder.native.layers import LAYERS, Layers, Norm
from amira_encoder.native.products import Weights, pack
from amira_encoder.native.stem import BINS, FRAMES, LOOKAHEAD_FRAMES, Stem

Floats = NDArray[np.float32]

FRAMES_PER_STEP = 4
"""Feature frames of 10 ms per encoder frame."""
OUTPUT_DIM, _WIDENED = 256, 512
_PREFIX, _TRANSPOSED = "encoder.", ".transposed"


class Network(NamedTuple):
    """All weights."""

    stem: Stem
    layers: Layers
    head: Head


class Shape(NamedTuple):
    """How the stream is cut."""

    chunk: int
    """Encoder frames per chunk."""
    history: int
    """Keys kept from before a chunk."""


def shape_of(graph: EncoderGraph) -> Shape:
    """Raises EncoderModelError for a graph that the training recipe did not make."""
    try:
        left = int(graph.metadata["left_context_frames"]) // FRAMES_PER_STEP
    except (KeyError, ValueError):
        raise EncoderModelError(f"{graph.path} is not an encoder of Amira's training recipe") from None
    chunk, rest = divmod(graph.chunk_frames, FRAMES_PER_STEP)
    shape = Shape(chunk, left + 1)
    expected = graph.chunk_frames + LOOKAHEAD_FRAMES
    whole = rest == 0 and graph.window_frames == expected and graph.feature_dim == BINS
    if not whole or graph.output_delay_frames != LAYERS or shape.history < chunk:
        raise EncoderModelError(f"{graph.path} is cut in another way than Amira's training recipe does")
    return shape


def read_network(path: Path, shape: Shape) -> Network:
    """Raises EncoderModelError when weights of the network are missing or have other shapes."""
    stored = _Stored(path)
    fused = stored.layers("query_key_value.weight", (3 * DIM, DIM))
    feed_forward_norm, expand = _evened(
        stored.norms("feed_forward_norm"), stored.layers("expand.weight", (4 * DIM, DIM))
    )
    norm, widen = _evened(stored.norm("norm", DIM), stored.get("widen.weight", (_WIDENED, DIM))[None])
    stem = Stem(
        mean=stored.get("stem.mean", (BINS,)),
        inverse_deviation=stored.get("stem.inverse_deviation", (BINS,)),
        conv1=stored.convolution("stem.conv1", (DIM, BINS, FRAMES[0])),
        conv2=stored.convolution("stem.conv2", (2 * DIM, DIM, FRAMES[1])),
        conv3=stored.convolution("stem.conv3", (DIM, 2 * DIM, FRAMES[2])),
    )
    layers = Layers(
        attention_norm=stored.norms("attention_norm"),
        query=pack(np.ascontiguousarray(fused[:, :DIM])),
        key_value=pack(np.ascontiguousarray(fused[:, DIM:])),
        attention_out=pack(stored.layers("attention_out.weight", (DIM, DIM))),
        feed_forward_norm=feed_forward_norm,
        expand=pack(expand, stored.layers("expand.bias", (4 * DIM,))),
        contract=pack(
            stored.layers("contract.weight", (DIM, 4 * DIM)), stored.layers("contract.bias", (DIM,))
        ),
        rotation=rotation(shape.history, shape.chunk),
    )
    head = Head(
        norm=norm,
        widen=pack(widen, stored.get("widen.bias", (_WIDENED,))[None]),
        project=stored.linear("project", (OUTPUT_DIM, _WIDENED)),
        output_norm=stored.norm("output_norm", OUTPUT_DIM),
        before_start=stored.get("before_start", (OUTPUT_DIM,)),
    )
    return Network(stem, layers, head)


def _evened(norm: Norm, weights: Floats) -> tuple[Norm, Floats]:
    """Spreads what rounding costs between a norm's results and the weights [L, N, K] that they meet.

    Channels that the norm makes large would take the scale away from the others of their group. They are
    made smaller, and their weights larger (Xiao et al. 2022, SmoothQuant, from weights alone).
    """
    large = 3 * np.abs(norm.weight) + np.abs(norm.bias)
    share = np.sqrt(large / np.abs(weights).max(axis=1))
    return Norm(norm.weight / share, norm.bias / share), weights * share[:, None]


class _Stored:
    """The file's tensors by the names that the recipe's export gives them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        initializers = onnx.load(str(path)).graph.initializer
        self._tensors = {item.name: item for item in initializers}

    def get(self, name: str, shape: tuple[int, ...]) -> Floats:
        """In PyTorch's orientation; raises EncoderModelError."""
        full = _PREFIX + name
        item = self._tensors.get(full) or self._tensors.get(full + _TRANSPOSED)
        if item is None:
            raise EncoderModelError(f"{self._path} is not an encoder of Amira's training recipe: no {full}")
        values = numpy_helper.to_array(item).astype(np.float32)
        values = values.T if item.name.endswith(_TRANSPOSED) else values
        if values.shape != shape:
            raise EncoderModelError(f"{self._path}: {full} is {list(values.shape)}, not {list(shape)}")
        return np.ascontiguousarray(values)

    def layers(self, name: str, shape: tuple[int, ...]) -> Floats:
        """One tensor of every layer: [L, ...]."""
        return np.stack([self.get(f"layers.{layer}.{name}", shape) for layer in range(LAYERS)])

    def norms(self, name: str) -> Norm:
        return Norm(self.layers(f"{name}.weight", (DIM,)), self.layers(f"{name}.bias", (DIM,)))

    def norm(self, name: str, size: int) -> Norm:
        return Norm(self.get(f"{name}.weight", (size,))[None], self.get(f"{name}.bias", (size,))[None])

    def linear(self, name: str, shape: tuple[int, int]) -> Weights:
        return pack(self.get(f"{name}.weight", shape)[None], self.get(f"{name}.bias", shape[:1])[None])

    def convolution(self, name: str, shape: tuple[int, int, int]) -> Weights:
        """[N, channels, frames] as a product with rows of `frames` consecutive frames."""
        weights = self.get(f"{name}.weight", shape).transpose(0, 2, 1).reshape(1, shape[0], -1)
        return pack(np.ascontiguousarray(weights), self.get(f"{name}.bias", shape[:1])[None])
