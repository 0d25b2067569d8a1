"""Any rate to 16 kHz, sample-exact however the input is cut.

Quality "HQ" of the SoX resampler: 20 bits of accuracy, more than speech in 16 bits carries, at the
cost and the delay of "MQ" (7 to 17 us for 100 ms of audio; 40 ms delay from 8 kHz, 13 from 44.1 kHz,
30 from 48 kHz). "VHQ" takes half as long again and is slow to set up; "LQ" and "QQ", which would save
up to 30 ms, let aliases through.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from amira_frontend.fbank.tables import SAMPLE_RATE_HZ
from amira_frontend.formats.base import Float32s

QUALITY: Final = "HQ"


class Resampler:
    """One mono stream. At 16 kHz samples pass through untouched."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._stream = (
            None
            if sample_rate_hz == SAMPLE_RATE_HZ
            else soxr.ResampleStream(sample_rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality=QUALITY)
        )

    def accept(self, samples: Float32s) -> Float32s:
        """Samples at 16 kHz, as far as they are certain; float32 [m]."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), np.float32)

    def finish(self) -> Float32s:
        """The samples held back."""
        if self._stream is None:
            return np.empty(0, np.float32)
        return np.asarray(self._stream.resample_chunk(np.empty(0, np.float32), last=True), np.float32)
