"""The constants of the features, and the tables that the kernel multiplies by.

Everything follows Kaldi's definitions (window, mel scale, triangular bins). The settings are those
that icefall and sherpa-onnx train and serve with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
FRAME_SHIFT: Final = 160
"""Samples from one frame to the next: 10 ms."""
FRAME_LENGTH: Final = 400
"""Samples in one frame: 25 ms."""
FFT_SIZE: Final = 512
BINS: Final = 80
PREEMPHASIS: Final = 0.97
LOW_HZ: Final = 20.0
HIGH_HZ: Final = SAMPLE_RATE_HZ / 2 - 400.0
ENERGY_FLOOR: Final = float(np.finfo(np.float32).eps)
"""Mel energies below this are raised to it before the logarithm."""

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]


@dataclass(frozen=True)
class MelBank:
    """Triangular filters, stored without their zeros.

    Filter b is the dot product of ``weights[offset[b]:offset[b + 1]]`` with the power spectrum from
    bin ``first[b]`` on.
    """

    weights: Float32s
    offset: Int64s
    first: Int64s


def povey_window() -> Float32s:
    """Kaldi's window, float32 [FRAME_LENGTH]: a Hann window to the power of 0.85."""
    phase = 2 * np.pi * np.arange(FRAME_LENGTH) / (FRAME_LENGTH - 1)
    return np.asarray((0.5 - 0.5 * np.cos(phase)) ** 0.85, np.float32)


def mel_bank() -> MelBank:
    """The BINS filters between LOW_HZ and HIGH_HZ, equally wide on Kaldi's mel scale.

    Computed in float32 step by step, as Kaldi does: its filters are off by up to 3e-5, and so are ours.
    """
    low, high = _mel(np.float32(LOW_HZ)), _mel(np.float32(HIGH_HZ))
    width = (high - low) / np.float32(BINS + 1)
    edges = low + np.arange(BINS + 2, dtype=np.float32) * width
    mels = _mel(np.arange(FFT_SIZE // 2, dtype=np.float32) * np.float32(SAMPLE_RATE_HZ / FFT_SIZE))
    weights, first = [], []
    for left, centre, right in zip(edges, edges[1:], edges[2:], strict=False):
        rising, falling = (mels - left) / (centre - left), (right - mels) / (right - centre)
        inside = np.flatnonzero((mels > left) & (mels < right))
        first.append(inside[0])
        weights.append(np.where(mels <= centre, rising, falling)[inside])
    offset = np.cumsum([0, *(len(filter_) for filter_ in weights)])
    return MelBank(
        weights=np.concatenate(weights).astype(np.float32),
        offset=offset.astype(np.int64),
        first=np.asarray(first, np.int64),
    )


def unit_roots(turns: NDArray[np.float64]) -> Float32s:
    """exp(-2 pi i turns), float32 [n, 2]: real and imaginary parts."""
    angle = -2 * np.pi * turns
    return np.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.float32)


def base4_reversal(size: int) -> Int64s:
    """Where an in-place radix-4 transform of `size` points leaves output k, int64 [size]."""
    position = np.zeros(size, np.int64)
    rest = np.arange(size)
    while size > 1:
        position, rest, size = position * 4 + rest % 4, rest // 4, size // 4
    return position


def _mel(hz: Any) -> Any:
    ratio = np.float32(1) + hz / np.float32(700)
    return np.float32(1127) * np.log(ratio.astype(np.float64)).astype(np.float32)
