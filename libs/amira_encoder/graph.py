"""What an exported streaming encoder looks like from outside: its states and its geometry.

Reads any encoder that icefall exports for streaming (Zipformer, Zipformer2, LSTM, Conformer,
Emformer): inputs are ``x`` [N, T, F] and states, outputs ``encoder_out`` [N, T', D] and the same
states afterwards. States differ in number, type and in which axis is the batch (Zipformer's
caches have it at 0, 1 or 2), so nothing here knows a model by name. One input need not come back:
a count of the frames so far (Conformer's ``processed_lens``), which whoever runs the encoder keeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import DTypeLike

from amira_encoder.errors import EncoderModelError

_DTYPES: Mapping[str, DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}
_RESULT_PREFIXES = ("new_", "next_")
_FRAME_COUNTS = ("processed_lens", "processed_frames")
_MAX_OUTPUT_DELAY_FRAMES = 250  # ten seconds of the usual 40 ms: beyond any streaming model
_Dims = Sequence[int | str | None]


@dataclass(frozen=True)
class StateTensor:
    """One state of the encoder: zeros at first, replaced by its result after each step."""

    name: str
    """Name of the input."""

    result_name: str | None
    """Name of the output that holds the state after the step; None for a count of the encoder frames
    so far, which the graph takes but does not give back."""

    dtype: np.dtype[np.generic]
    """Element type."""

    shape: tuple[int, ...]
    """Shape for a batch of one."""

    batch_axis: int
    """Which axis of `shape` is the batch."""

    @property
    def bytes_per_stream(self) -> int:
        """Memory that one stream's state takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def batch_shape(self, rows: int) -> tuple[int, ...]:
        """The shape for a batch of `rows`."""
        return (*self.shape[: self.batch_axis], rows, *self.shape[self.batch_axis + 1 :])


@dataclass(frozen=True)
class EncoderGraph:
    """An encoder's inputs and outputs, as its file declares them."""

    path: Path
    """The ONNX file."""

    features_name: str
    """Input that takes features [N, T, F] float32."""

    output_name: str
    """Output that gives encoder frames [N, T', D] float32."""

    states: tuple[StateTensor, ...]
    """The states, in the order of the graph's inputs."""

    window_frames: int
    """Feature frames per step."""

    chunk_frames: int
    """Feature frames that a step consumes."""

    feature_dim: int
    """Values per feature frame."""

    output_delay_frames: int
    """Encoder frames by which the output is late; 0 where the file says nothing of it."""

    metadata: Mapping[str, str]
    """The file's own key-value pairs."""

    def zero_inputs(self, rows: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]  # dtypes differ
        """Silent features and fresh states for `rows` streams."""
        features = np.zeros((rows, self.window_frames, self.feature_dim), np.float32)
        states = {state.name: np.zeros(state.batch_shape(rows), state.dtype) for state in self.states}
        return {self.features_name: features, **states}


def read_graph(path: Path) -> EncoderGraph:
    """Reads an encoder's declaration.

    Raises:
        EncoderModelError: the file is no ONNX graph or no streaming encoder.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise EncoderModelError(f"{path} cannot be read as an ONNX graph: {error}") from error
    return _graph(path, session.get_inputs(), session.get_outputs(), session.get_modelmeta())


def _graph(
    path: Path, inputs: Sequence[ort.NodeArg], outputs: Sequence[ort.NodeArg], meta: ort.ModelMetadata
) -> EncoderGraph:
    metadata = dict(meta.custom_metadata_map)
    features = next((node for node in inputs if node.name == "x"), inputs[0] if inputs else None)
    _refuse_strangers(path, [node.name for node in inputs], metadata)
    if features is None or len(features.shape) != 3 or features.type != "tensor(float)":
        raise EncoderModelError(f"{path}: the input x must be float32 [N, T, F]")
    output = next((node for node in outputs if node.name == "encoder_out"), outputs[0])
    batch_name = features.shape[0] if isinstance(features.shape[0], str) else None
    if batch_name is None:
        raise EncoderModelError(f"{path}: the batch axis of x is fixed; export it with a dynamic axis N")
    states = [node for node in inputs if node is not features]
    results = [node for node in outputs if node is not output]
    pairs = _pair(path, states, [node.name for node in results])
    return EncoderGraph(
        path=path,
        features_name=features.name,
        output_name=output.name,
        states=tuple(_state(path, node, pairs[node.name], batch_name) for node in states),
        window_frames=_frames(path, "T", features.shape[1], metadata),
        chunk_frames=_frames(path, "decode_chunk_len", None, metadata),
        feature_dim=_frames(path, "feature_dim", features.shape[2], metadata),
        output_delay_frames=_output_delay(path, metadata),
        metadata=metadata,
    )


def _refuse_strangers(path: Path, inputs: Sequence[str], metadata: Mapping[str, str]) -> None:
    """Well-known exports that cannot work here are told apart from broken ones."""
    if "x_lens" in inputs or metadata.get("comment", "").startswith("non-streaming"):
        raise EncoderModelError(
            f"{path}: not a streaming model: its encoder takes whole recordings at once "
            f"(inputs {', '.join(inputs)}). Use a model that was trained and exported for streaming"
        )
    if "cache_last_channel" in inputs:
        raise EncoderModelError(
            f"{path}: an export of NVIDIA NeMo; Amira runs streaming transducers that icefall exported"
        )
    if metadata.get("feature", "fbank") != "fbank":
        raise EncoderModelError(
            f"{path}: wants {metadata['feature']} features; Amira computes Kaldi's log-mel fbank only"
        )


def _pair(path: Path, states: Sequence[ort.NodeArg], results: Sequence[str]) -> dict[str, str | None]:
    """State to result: by prefix where every name has its partner, otherwise by order.

    A count of frames may be without partner.
    """
    names = [node.name for node in states]
    if len(names) > len(results):
        names = [node.name for node in states if not _counts_frames(node)]
    if len(names) != len(results):
        raise EncoderModelError(
            f"{path}: {len(names)} states go in but {len(results)} come out: not a streaming encoder"
        )
    unreturned: dict[str, str | None] = {node.name: None for node in states if node.name not in names}
    for prefix in _RESULT_PREFIXES:
        if {prefix + name for name in names} == set(results):
            return {name: prefix + name for name in names} | unreturned
    return dict(zip(names, results, strict=True)) | unreturned


def _counts_frames(node: ort.NodeArg) -> bool:
    return (
        node.name in _FRAME_COUNTS
        and len(node.shape) == 1
        and node.type in ("tensor(int32)", "tensor(int64)")
    )


def _state(path: Path, node: ort.NodeArg, result_name: str | None, batch_name: str) -> StateTensor:
    if node.type not in _DTYPES:
        raise EncoderModelError(f"{path}: state {node.name} has the unsupported type {node.type}")
    axis = _batch_axis(path, node.name, node.shape, batch_name)
    shape = tuple(1 if position == axis else dim for position, dim in enumerate(node.shape))
    if not all(isinstance(dim, int) and dim >= 0 for dim in shape):
        raise EncoderModelError(f"{path}: state {node.name} {node.shape} has a size that is not fixed")
    return StateTensor(node.name, result_name, np.dtype(_DTYPES[node.type]), shape, axis)


def _batch_axis(path: Path, name: str, dims: _Dims, batch_name: str) -> int:
    named = [axis for axis, dim in enumerate(dims) if dim == batch_name]
    dynamic = [axis for axis, dim in enumerate(dims) if not isinstance(dim, int)]
    candidates = named or dynamic
    if len(candidates) != 1:
        raise EncoderModelError(f"{path}: state {name} {list(dims)} does not have exactly one batch axis")
    return candidates[0]


def _frames(path: Path, key: str, declared: int | str | None, metadata: Mapping[str, str]) -> int:
    text = metadata.get(key, declared if isinstance(declared, int) else None)
    try:
        value = int(text) if text is not None else 0
    except ValueError:
        value = 0
    if value < 1:
        raise EncoderModelError(f"{path}: the metadata entry {key!r} is missing or not a positive number")
    if isinstance(declared, int) and declared != value:
        raise EncoderModelError(f"{path}: metadata says {key}={value}, but x has {declared}")
    return value


def _output_delay(path: Path, metadata: Mapping[str, str]) -> int:
    text = metadata.get("output_delay_frames", "0")
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= _MAX_OUTPUT_DELAY_FRAMES:
        raise EncoderModelError(
            f"{path}: the metadata entry 'output_delay_frames' must be a whole number "
            f"from 0 to {_MAX_OUTPUT_DELAY_FRAMES}, not {text[:20]!r}"
        )
    return value
