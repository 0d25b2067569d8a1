"""Encoder batches for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from amira_decoder.encoder import EncoderBatch, EncoderGeometry


def windows(geometry: EncoderGeometry, rows: int, seed: int = 0) -> NDArray[np.float32]:
    """Features with the size and spread of log-mel speech, different in each row."""
    noise = np.random.default_rng(seed).standard_normal(
        (rows, geometry.window_frames, geometry.feature_dim), dtype=np.float32
    )
    return noise * np.float32(3) - np.float32(8)


def batch(
    features: NDArray[np.float32],
    slots: Sequence[int],
    generations: Sequence[int],
    reset: bool | Sequence[bool],
) -> EncoderBatch:
    """A batch from plain lists."""
    return EncoderBatch(
        features,
        np.array(slots, np.int32),
        np.array(generations, np.int64),
        np.broadcast_to(np.array(reset, np.bool_), (len(slots),)).copy(),
    )
