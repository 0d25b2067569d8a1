"""One stream's resampler, sample-exact however the input is cut and wherever it begins.

What a frontend that takes over in mid-stream gives must be what the first one gave, to the bit: a search
makes another word of a difference in the last place now and then. So an output sample depends on the input
around it and on its position within a second alone (which is why a stream may begin at whole seconds). The
well-known streaming resamplers work in blocks of an FFT that begin with their stream, and round by them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from amira_frontend.fbank.tables import SAMPLE_RATE_HZ, Float32s
from amira_frontend.resample.filters import design
from amira_frontend.resample.kernel import load_kernel

_PIECE: Final = 8192
"""Samples taken into the buffer at once."""


class Resampler:
    """One mono stream. At 16 kHz samples pass through untouched.

    The sound is silent before its start and after its end. An output waits for 2.5 ms of input behind it
    (5 ms from 8 kHz; :mod:`amira_frontend.resample.filters`), and is not shifted by that. Nothing is
    allocated per call but the samples returned.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        """`sample_rate_hz`: 8000 to 48000."""
        self._rate_hz = sample_rate_hz
        if sample_rate_hz == SAMPLE_RATE_HZ:
            return
        self._kernel = load_kernel()
        self._filter = design(sample_rate_hz)
        self._flat = self._filter.coefficients.reshape(-1)
        self._taps = 2 * self._filter.half
        self._buffer = np.zeros(2 * self._taps + _PIECE, np.float32)
        self._first = 0  # where in the buffer the next output's first sample is; may be beyond the end
        self._end = self._filter.half - 1  # where in the buffer the next sample goes
        self._part = 0  # how far the next output lies behind its sample, in parts of `up`
        self._taken = 0
        self._given = 0

    def accept(self, samples: Float32s) -> Float32s:
        """Samples at 16 kHz, as far as they are certain; float32 [m]."""
        if self._rate_hz == SAMPLE_RATE_HZ:
            return samples
        self._taken += len(samples)
        up, down = self._filter.up, self._filter.down
        certain = max(0, -((self._filter.half - self._taken) * up // down))
        return self._resampled(samples, certain - self._given)

    def finish(self) -> Float32s:
        """The samples held back. All in all there are as many as the input's rounded to 16 kHz, half up."""
        if self._rate_hz == SAMPLE_RATE_HZ:
            return np.empty(0, np.float32)
        whole = (2 * self._taken * SAMPLE_RATE_HZ + self._rate_hz) // (2 * self._rate_hz)
        return self._resampled(np.zeros(self._taps, np.float32), whole - self._given)

    def _resampled(self, samples: Float32s, count: int) -> Float32s:
        """Takes samples; gives the next `count` outputs, which they and those before must suffice for."""
        out = np.empty(count, np.float32)
        done = 0
        for at in range(0, len(samples), _PIECE):
            self._append(samples[at : at + _PIECE])
            done += self._compute(out[done:])
        self._given += done
        return out

    def _append(self, samples: Float32s) -> None:
        if self._end + len(samples) > len(self._buffer):
            kept = self._end - self._first
            self._buffer[: max(kept, 0)] = self._buffer[self._first : self._end]
            self._first, self._end = max(-kept, 0), max(kept, 0)
        self._buffer[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def _compute(self, out: Float32s) -> int:
        """Fills `out` as far as the buffer suffices; returns how far."""
        up, down = self._filter.up, self._filter.down
        ahead = self._end - self._taps - self._first  # samples by which outputs may lie beyond the next one
        count = min(len(out), ((ahead + 1) * up - self._part - 1) // down + 1) if ahead >= 0 else 0
        if count:
            f = self._filter
            self._kernel(
                self._buffer, self._first, self._part, up, down, f.phases, self._flat, self._taps, out, count
            )
            beyond, self._part = divmod(self._part + count * down, up)
            self._first += beyond
        return count
