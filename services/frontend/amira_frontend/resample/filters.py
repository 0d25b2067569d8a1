"""The interpolation filters: a sinc under a Kaiser window, cut into phases.

The output at 16 kHz falls between input samples. With the rates' ratio reduced to `up / down`, output n lies
at input position ``n * down / up``: on sample ``n * down // up``, and ``n * down % up`` parts of `up` behind
it. Each such part is a phase, and has a row of coefficients for the input samples around it.

Within 0.1 dB up to 0.91 of half the lower rate (3.65 kHz from 8 kHz, 7.3 kHz from 16 kHz and more), 100 dB
down from 1.053 of it on (4.21 kHz, 8.42 kHz: what folds down lands above 7.58 kHz, where the filterbank
ends). The band between is as wide as the delay of 5 ms (from 8 kHz) or 2.5 ms demands.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from amira_frontend.fbank.lanes import LANES
from amira_frontend.fbank.tables import SAMPLE_RATE_HZ, Float32s

HALF_LENGTH: Final = 40
"""How far the filter reaches on either side, in samples of the lower rate."""
TAPS_STEP: Final = 2 * LANES
"""Coefficients per phase are a multiple of this: the kernel sums in two vectors."""
MOST_PHASES: Final = 640
"""A ratio of more phases (11.025 kHz has 640) goes by INTERPOLATED_PHASES and what lies between them."""
INTERPOLATED_PHASES: Final = 512
"""So many that a straight line between neighbours is 105 dB true."""

_CUTOFF: Final = 0.97
"""Where half of the amplitude is left, in halves of the lower rate."""
_KAISER_BETA: Final = 10.6
"""Side lobes at -105 dB."""
_TABLES_KEPT: Final = 32
"""At most 0.6 MB each, for rates that only ever one client sends."""


@dataclass(frozen=True)
class Filter:
    """All that it takes to resample from one rate."""

    up: int
    down: int
    half: int
    """Input samples on either side of an output: output n takes those from ``n * down // up - half + 1``
    to ``n * down // up + half``."""
    phases: int
    """`up`, or INTERPOLATED_PHASES where that is less."""
    coefficients: Float32s
    """float32 [phases + 1, 2 half], contiguous. The last row is the first one, a sample later."""


@functools.lru_cache(_TABLES_KEPT)
def design(sample_rate_hz: int) -> Filter:
    """The filter from `sample_rate_hz` (8000 to 48000) to 16 kHz; some milliseconds at the first call."""
    common = math.gcd(sample_rate_hz, SAMPLE_RATE_HZ)
    up, down = SAMPLE_RATE_HZ // common, sample_rate_hz // common
    phases = up if up <= MOST_PHASES else INTERPOLATED_PHASES
    lower_hz = min(sample_rate_hz, SAMPLE_RATE_HZ)
    per_side = HALF_LENGTH * sample_rate_hz / lower_hz
    half = TAPS_STEP // 2 * math.ceil(per_side / (TAPS_STEP // 2))
    behind = np.arange(phases + 1)[:, None] / phases
    rows = _windowed_sinc(np.arange(1 - half, half + 1) - behind, half, _CUTOFF * lower_hz / sample_rate_hz)
    rows /= rows.sum(axis=1, keepdims=True)  # else a constant would come out with a hum
    return Filter(up, down, half, phases, np.ascontiguousarray(rows, np.float32))


def _windowed_sinc(position: NDArray[np.float64], half: int, cutoff: float) -> NDArray[np.float64]:
    """The filter's impulse response at `position`, in input samples; `cutoff` in halves of the input rate."""
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (position / half) ** 2)))
    return np.asarray(cutoff * np.sinc(cutoff * position) * window / np.i0(_KAISER_BETA))
