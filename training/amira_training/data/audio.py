"""Audio files to samples: any format that libsndfile reads, any rate, any number of channels."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from amira_training.errors import DataError

RATE_HZ = 16000
Samples: TypeAlias = NDArray[np.float32]


def read_audio(path: Path) -> Samples:
    """Mono samples at 16 kHz, float32 in [-1, 1], ``[n]``; channels are averaged.

    Raises:
        DataError: the file is missing, broken or empty; the message is one of few, for counting.
    """
    if not path.exists():
        raise DataError("no such file")
    try:
        samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (RuntimeError, OSError) as error:  # soundfile's own error derives from RuntimeError
        raise DataError("not readable as audio") from error
    mono = samples.mean(1)
    if not len(mono):
        raise DataError("no samples")
    if not np.isfinite(mono).all():
        raise DataError("samples that are not finite")
    return resample(mono, rate_hz, RATE_HZ)


def resample(samples: Samples, from_hz: float, to_hz: float) -> Samples:
    """``[n]`` at one rate -> ``[n * to_hz / from_hz]`` at another."""
    if from_hz == to_hz:
        return samples
    resampled: Samples = soxr.resample(samples, from_hz, to_hz)
    return resampled


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """[-1, 1] float32 -> int16; louder samples are clipped."""
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
