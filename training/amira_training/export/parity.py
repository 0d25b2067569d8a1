"""Do the same weights give the same outputs everywhere? torch, onnxruntime, the server's engines, Triton.

Everything is compared with torch over whole utterances, which is what was trained and measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from amira_training.export.weights import chunking_of, read_encoder
from amira_training.model import geometry as g

if TYPE_CHECKING:
    from amira_decoder.encoder.base import Encoder

Floats = NDArray[np.float32]

_CHUNKS = 24
_STREAMS = 3
_FBANK_MEAN, _FBANK_DEVIATION = -7.3, 4.5  # of speech in [-1, 1]


@dataclass(frozen=True)
class Parity:
    """How far one way of computing is from torch, as a part of the outputs' spread."""

    name: str
    largest: float
    """Largest difference of any output, over the standard deviation of all outputs."""
    root_mean_square: float
    """Likewise of the differences' root mean square."""


def sample_features(chunking: g.Chunking, seed: int = 0) -> Floats:
    """Three streams of numbers with the spread of real features, ``[3, F, 80]``."""
    frames = (
        _CHUNKS + 1
    ) * chunking.chunk_frames  # one chunk more, so that what is compared has its look-ahead
    random = np.random.default_rng(seed)
    noise = random.normal(_FBANK_MEAN, _FBANK_DEVIATION, (_STREAMS, frames, g.FBANK_BINS))
    return noise.astype(np.float32)


def reference(encoder: Path, features: Floats) -> Floats:
    """The network over whole utterances: ``[streams, outputs, 256]``, with the outputs before the start."""
    network = read_encoder(encoder)
    chunking = chunking_of(encoder)
    with torch.no_grad():
        outputs = network.delayed(network(torch.from_numpy(features), chunking))
    return outputs[:, : _CHUNKS * chunking.chunk_steps].numpy()


def run_onnx(encoder: Path, features: Floats) -> Floats:
    """The graph, chunk by chunk, all streams in one batch."""
    chunking = chunking_of(encoder)
    session = onnxruntime.InferenceSession(encoder)
    h = np.zeros((1, _STREAMS, chunking.state_size), np.float32)
    c = np.zeros((1, _STREAMS, 1), np.float32)
    outputs = []
    for window in _windows(features, chunking):
        out, h, c = session.run(None, {"x": window, "h": h, "c": c})
        outputs.append(out)
    return np.concatenate(outputs, 1)


async def run_server(make: Callable[[], Encoder], chunking: g.Chunking, features: Floats) -> Floats:
    """An encoder with a slot table, as the decoder drives it; stream i starts i ticks late.

    Raises:
        AmiraError: the encoder cannot be reached.
    """
    from amira_decoder.encoder.base import EncoderBatch

    encoder = make()
    await encoder.connect()
    windows = list(_windows(features, chunking))
    outputs: list[list[Floats]] = [[] for _ in range(_STREAMS)]
    for tick in range(_CHUNKS + _STREAMS - 1):
        live = [stream for stream in range(_STREAMS) if 0 <= tick - stream < _CHUNKS]
        batch = EncoderBatch(
            features=np.stack([windows[tick - stream][stream] for stream in live]),
            slots=np.array(live, np.int32),
            generations=np.ones(len(live), np.int64),
            reset=np.array([tick == stream for stream in live]),
        )
        output = await encoder.step(batch)
        for row, stream in enumerate(live):
            outputs[stream].append(output.frames[row])
    await encoder.close()
    return np.stack([np.concatenate(parts) for parts in outputs])


def compare(name: str, outputs: Floats, expected: Floats) -> Parity:
    """Both ``[streams, outputs, 256]``."""
    spread = float(expected.std())
    difference = (outputs - expected) / spread
    return Parity(name, float(np.abs(difference).max()), float(np.sqrt((difference**2).mean())))


def check(folder: Path, others: list[tuple[str, Callable[[], Encoder]]]) -> list[Parity]:
    """The graphs of a folder, and further encoders that run the same folder, against torch.

    The further encoders are made inside the event loop that uses them, as gRPC channels must be.
    """
    encoder = folder / "encoder.onnx"
    chunking = chunking_of(encoder)
    features = sample_features(chunking)
    expected = reference(encoder, features)
    found = [compare("onnxruntime float32", run_onnx(encoder, features), expected)]
    int8 = folder / "encoder.int8.onnx"
    if int8.exists():
        found.append(compare("onnxruntime int8 file", run_onnx(int8, features), expected))
    for name, make in others:
        outputs = asyncio.run(run_server(make, chunking, features))
        found.append(compare(name, outputs, expected))
    return found


def _windows(features: Floats, chunking: g.Chunking) -> list[Floats]:
    starts = range(0, _CHUNKS * chunking.chunk_frames, chunking.chunk_frames)
    return [features[:, start : start + chunking.input_frames] for start in starts]
