"""Feature frames of one stream that wait for the encoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_MS = 10
SILENCE_LOG_MEL = float(np.log(np.finfo(np.float32).eps))
"""Log-mel energy of digital silence (Kaldi floors the energy at float32's epsilon)."""


class FrameBuffer:
    """A growing first-in first-out array of frames, read in overlapping windows."""

    def __init__(self, feature_dim: int, capacity_frames: int = 256) -> None:
        self._data = np.empty((capacity_frames, feature_dim), np.float32)
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    def append(self, frames: NDArray[np.float32]) -> None:
        """Adds frames, float32 [n, feature_dim]."""
        if self._end + len(frames) > len(self._data):
            self._make_room(len(frames))
        self._data[self._end : self._end + len(frames)] = frames
        self._end += len(frames)

    def copy_window(self, out: NDArray[np.float32], count: int) -> None:
        """Copies the first `count` frames into `out` [window_frames, feature_dim]; silence after them."""
        out[:count] = self._data[self._start : self._start + count]
        out[count:] = SILENCE_LOG_MEL

    def drop(self, count: int) -> None:
        """Forgets the first `count` frames."""
        self._start += count
        if self._start == self._end:
            self._start = self._end = 0

    def _make_room(self, count: int) -> None:
        held = self._data[self._start : self._end]
        if len(held) + count > len(self._data):
            grown = np.empty((2 * (len(held) + count), self._data.shape[1]), np.float32)
            grown[: len(held)] = held
            self._data = grown
        else:
            self._data[: len(held)] = held.copy()
        self._start, self._end = 0, len(held)
