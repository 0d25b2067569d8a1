"""How much audio a few bytes may become.

Compression has no bound for what is always the same: a FLAC frame of 13 bytes can be 8 s of silence, a
message of 4 MB a month of it, which would be worked on for hours. What encoders write of true silence
stays below the limit here, however long it is: at most 43 s per KiB (libFLAC at 8 kHz) and 38 s (Opus
without any content, in packets of 120 ms).
"""

from __future__ import annotations

from typing import Final

from amira_core.errors import MalformedAudioError

FREE_S: Final = 60.0
"""Of which no questions are asked: headers and the first bytes say little."""
MAX_S_PER_KIB: Final = 64.0


class Expansion:
    """The bytes and the audio of one stream so far."""

    def __init__(self) -> None:
        self._bytes = 0
        self._audio_s = 0.0

    def take(self, size: int) -> None:
        """Counts bytes that came."""
        self._bytes += size

    def give(self, audio_s: float) -> None:
        """Counts audio that they became. Raises MalformedAudioError where it is more than any recording's."""
        self._audio_s += audio_s
        if self._audio_s > FREE_S + MAX_S_PER_KIB * self._bytes / 1024:
            raise MalformedAudioError(
                f"{self._bytes} bytes hold {self._audio_s:.0f} s of audio: no recording is so small. "
                f"At most {MAX_S_PER_KIB:g} s per KiB are taken."
            )
