"""Encoder frames of real recordings, computed with nothing of the project but its model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from numpy.typing import NDArray

from tests.conftest import MODEL
from tests.support.features import fbank

PADDING = np.zeros(16_000, np.float32)


@cache
def encoder() -> onnxruntime.InferenceSession:
    """The bundled model's encoder on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL / "encoder.onnx"), options)


def metadata(key: str, default: int | None = None) -> int:
    """A number from the encoder's file."""
    return int(encoder().get_modelmeta().custom_metadata_map.get(key, default))


@cache
def samples_of(path: Path) -> NDArray[np.float32]:
    """A recording with a second of silence behind it."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 16_000
    return np.concatenate([samples, PADDING])


@cache
def encode(path: Path) -> NDArray[np.float32]:
    """Encoder frames, float32 [T, D], of a recording and a second of silence.

    The first one stands for the recording's beginning: those that a late encoder gives before it are gone.
    """
    features = fbank(samples_of(path))
    states = silence()
    del states["x"]
    window, chunk = metadata("T"), metadata("decode_chunk_len")
    chunks = []
    for begin in range(0, len(features) - window, chunk):
        frames, *new = encoder().run(None, {"x": features[None, begin : begin + window], **states})
        states = dict(zip(states, new, strict=True))
        chunks.append(frames[0])
    encoded: NDArray[np.float32] = np.concatenate(chunks)
    return encoded[delay_frames() :]


def delay_frames() -> int:
    """Encoder frames by which the output is late."""
    return metadata("output_delay_frames", 0)


@cache
def frame_ms() -> float:
    """From one encoder frame to the next."""
    output_frames = int(encoder().run(["encoder_out"], silence())[0].shape[1])
    return 10 * metadata("decode_chunk_len") / output_frames


def silence() -> dict[str, NDArray[np.float32]]:
    """The encoder's inputs, all zero."""
    return {
        given.name: np.zeros([1 if isinstance(size, str) else size for size in given.shape], np.float32)
        for given in encoder().get_inputs()
    }
