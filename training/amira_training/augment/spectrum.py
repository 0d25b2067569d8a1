"""Shaping by frequency, shared by equalizer, telephone band, reverb and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amira_training.data.audio import RATE_HZ, Samples

_BLOCK = 8192


def fast_length(samples: int) -> int:
    """The next multiple of 8192 above: lengths with small factors transform many times faster than primes."""
    return (samples // _BLOCK + 1) * _BLOCK


def frequencies_hz(samples: int) -> NDArray[np.float64]:
    """Of the bins of a real transform of :func:`fast_length` samples."""
    return np.fft.rfftfreq(fast_length(samples), 1 / RATE_HZ)


def shape(samples: Samples, gains: NDArray[np.float64]) -> Samples:
    """Multiplies the spectrum of ``[n]`` by gains at :func:`frequencies_hz`."""
    length = fast_length(len(samples))
    shaped = np.fft.irfft(np.fft.rfft(samples, length) * gains, length)
    return shaped[: len(samples)].astype(np.float32)
