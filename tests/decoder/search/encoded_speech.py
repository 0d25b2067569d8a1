"""Encoder frames of real recordings, computed with nothing of the project but its model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
from numpy.typing import NDArray

from tests.support.features import fbank

MODEL = Path(__file__).resolve().parents[3] / "models" / "starter-en"
CHUNK, WINDOW = 64, 99
PADDING = np.zeros(16_000, np.float32)


@cache
def encoder() -> onnxruntime.InferenceSession:
    """The starter model's encoder on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL / "encoder.onnx"), options)


@cache
def samples_of(path: Path) -> NDArray[np.float32]:
    """A recording with a second of silence behind it."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == 16_000
    return np.concatenate([samples, PADDING])


@cache
def encode(path: Path) -> NDArray[np.float32]:
    """Encoder frames, float32 [T, 256], of a recording and a second of silence."""
    features = fbank(samples_of(path))
    states = {
        given.name: np.zeros([1 if isinstance(size, str) else size for size in given.shape], np.float32)
        for given in encoder().get_inputs()[1:]
    }
    chunks = []
    for begin in range(0, len(features) - WINDOW, CHUNK):
        frames, *new = encoder().run(None, {"x": features[None, begin : begin + WINDOW], **states})
        states = dict(zip(states, new, strict=True))
        chunks.append(frames[0])
    return np.concatenate(chunks)
