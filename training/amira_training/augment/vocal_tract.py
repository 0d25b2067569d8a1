"""Vocal tract length perturbation (Jaitly and Hinton 2013): other speakers out of the same recordings.

Frequencies are stretched by a factor per utterance up to 4.8 kHz, and from there in a straight line so
that the highest stays where it is. It happens on log-mel features, by interpolation between bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from amira_training.features import HIGHEST_HZ, bin_edges, mel
from amira_training.model.geometry import FBANK_BINS

_KNEE_HZ = 4800.0


def warping(factors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Matrices to multiply features with, ``[N, F, 80] @ [N, 80, 80]``.

    Args:
        factors: ``[N]``; above 1, what stood at a higher frequency comes to stand at a lower one, as if
            the vocal tract were longer.
    """
    edges = bin_edges()
    centres_hz = 700 * np.expm1(edges[1:-1] / 1127)
    source = (mel(_stretched(centres_hz, factors[:, None])) - edges[1]) / (edges[1] - edges[0])
    source = np.clip(source, 0, FBANK_BINS - 1)
    return np.maximum(0, 1 - np.abs(np.arange(FBANK_BINS)[:, None] - source[:, None, :])).astype(np.float32)


def _stretched(hz: NDArray[np.float64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    knee_hz = _KNEE_HZ * np.minimum(factors, 1) / factors
    rest = (HIGHEST_HZ - factors * knee_hz) / (HIGHEST_HZ - knee_hz)
    return np.where(hz <= knee_hz, factors * hz, factors * knee_hz + rest * (hz - knee_hz))
