"""Features of one stream, sample by sample: the same frames however the samples are cut.

Frame f is centred on sample ``160 f + 80`` and reaches beyond the recording at both ends, where the
samples are mirrored (Kaldi's ``snip_edges=false``). While samples come, a frame is computed as soon as
all of its own samples are there; the last frames come with :meth:`FbankStream.finish`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from amira_frontend.fbank.kernel import READ_BEYOND, Kernel, padded_rows
from amira_frontend.fbank.lanes import LANES
from amira_frontend.fbank.tables import BINS, FRAME_LENGTH, FRAME_SHIFT, Float32s

_LEAD: Final = FRAME_LENGTH // 2 - FRAME_SHIFT // 2
"""Samples by which frame 0 begins before the recording."""
_PIECE: Final = 50 * FRAME_SHIFT
"""Samples taken into the buffer at once: 0.5 s."""
_KEPT: Final = FRAME_LENGTH + FRAME_SHIFT
"""More samples than are ever kept for the next frame."""
_TAIL: Final = FRAME_LENGTH
"""Room for the samples mirrored at the end."""


class FbankStream:
    """Float32 samples at 16 kHz, full scale +-1, in; frames of 80 log-mel energies out.

    Not for two threads at once. Nothing is allocated per call but the frames that it returns.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._buffer = np.zeros(_KEPT + _PIECE + _TAIL + READ_BEYOND, np.float32)
        self._begin = 0  # where in the buffer the next frame's first sample is
        self._end = _LEAD  # where in the buffer the next sample goes
        self._finished = False
        self.samples = 0
        """Samples taken so far."""
        self.frames = 0
        """Frames given out so far."""

    def accept(self, samples: Float32s) -> Float32s:
        """Takes samples, float32 [n]; returns the frames they complete, float32 [m, BINS], contiguous.

        Raises:
            RuntimeError: the stream is finished.
        """
        if self._finished:
            raise RuntimeError("samples after finish()")
        new = _complete_frames(self.samples + len(samples)) - self.frames
        out = np.empty((new + LANES, BINS), np.float32)
        row = 0
        for at in range(0, len(samples), _PIECE):
            self._append(samples[at : at + _PIECE])
            row += self._compute(_complete_frames(self.samples) - self.frames, out, row)
        return out[:new]

    def finish(self) -> Float32s:
        """The frames that reach beyond the last sample, float32 [m, BINS], contiguous.

        Raises:
            RuntimeError: the stream is already finished.
        """
        if self._finished:
            raise RuntimeError("finish() a second time")
        self._finished = True
        new = (self.samples + FRAME_SHIFT // 2) // FRAME_SHIFT - self.frames
        out = np.empty((padded_rows(new), BINS), np.float32)
        if new:
            self._mirror_end(new)
            self._compute(new, out, 0)
        return out[:new]

    def _append(self, samples: Float32s) -> None:
        if self._end + len(samples) > _KEPT + _PIECE:
            kept = self._end - self._begin
            self._buffer[:kept] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, kept
        self._buffer[self._end : self._end + len(samples)] = samples
        self._end += len(samples)
        had, self.samples = self.samples, self.samples + len(samples)
        if had < _LEAD <= self.samples:
            self._buffer[:_LEAD] = self._buffer[2 * _LEAD - 1 : _LEAD - 1 : -1]

    def _compute(self, frames: int, out: Float32s, row: int) -> int:
        if frames:
            self._kernel.compute(self._buffer, self._begin, frames, out, row)
            self._begin += frames * FRAME_SHIFT
            self.frames += frames
        return frames

    def _mirror_end(self, new: int) -> None:
        """Continues the buffer to the end of the last of `new` frames."""
        first = self._end - self.samples  # where sample 0 is, or would be had it been kept
        last = self._begin + (new - 1) * FRAME_SHIFT + FRAME_LENGTH
        if self.samples < _LEAD:
            # So few samples that the mirror images are themselves mirrored, at both ends.
            wave = self._buffer[first : self._end].copy()
            self._buffer[:last] = wave[_reflected(np.arange(-first, last - first), self.samples)]
        else:
            beyond = np.arange(self.samples, last - first)
            self._buffer[self._end : last] = self._buffer[first + _reflected(beyond, self.samples)]
        self._end = last


def _complete_frames(samples: int) -> int:
    """Frames that end within `samples` samples."""
    return max(0, (samples + _LEAD - FRAME_LENGTH) // FRAME_SHIFT + 1)


def _reflected(
    position: np.ndarray[tuple[int], np.dtype[np.int64]], samples: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The sample at `position` of a recording that goes back and forth for ever."""
    within = position % (2 * samples)
    return np.where(within < samples, within, 2 * samples - 1 - within)
