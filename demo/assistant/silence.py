"""How long nobody has spoken, by loudness alone: earlier known than from the recognizer, and less sure."""

from __future__ import annotations

import numpy as np

_FRAME_S = 0.02
_MARGIN_DB = 9.0
"""Above the quietest that was heard lately."""
_LEAST_DB = -55.0
"""Below full scale; what is quieter is silence whatever the room."""
_FLOOR_RISE_DB = 0.05
"""Per frame, so that a room that becomes louder becomes the new quiet within seconds."""


class TrailingSilence:
    """Follows one microphone."""

    def __init__(self, rate_hz: int) -> None:
        self._frame = int(rate_hz * _FRAME_S)
        self._floor_db = 0.0
        self._rest = np.zeros(0, np.int16)
        self.seconds = 0.0
        """Of silence up to now."""

    def add(self, pcm: bytes) -> None:
        """PCM of 16 bits, any amount."""
        samples = np.concatenate([self._rest, np.frombuffer(pcm, "<i2")])
        whole = len(samples) // self._frame * self._frame
        self._rest = samples[whole:]
        frames = samples[:whole].reshape(-1, self._frame).astype(np.float32) / 32768
        for level_db in 10 * np.log10(np.mean(frames * frames, axis=1) + 1e-10):
            self._floor_db = min(self._floor_db + _FLOOR_RISE_DB, float(level_db))
            is_quiet = level_db < max(_LEAST_DB, self._floor_db + _MARGIN_DB)
            self.seconds = self.seconds + _FRAME_S if is_quiet else 0.0
