"""How loud it is, seen beside the sound's way: it goes on while a stream waits for its server."""

from __future__ import annotations

import time

from amira_client.microphone import CaptureStream, OpenCapture, level_dbfs
from amira_client.microphone.level import SILENCE_DBFS
from amira_client.microphone.source import OnAudio, OnEnd

_FALL_DB_PER_S = 30.0
"""How fast the meter falls after a loud sound, so that it can be read."""


class Meter:
    """The level of the newest piece, falling slowly. Written by the source's thread, read by the screen."""

    def __init__(self) -> None:
        self._level_dbfs = SILENCE_DBFS
        self._heard_at = time.monotonic()

    @property
    def level_dbfs(self) -> float:
        """From -96 to 0."""
        fallen_db = _FALL_DB_PER_S * (time.monotonic() - self._heard_at)
        return max(self._level_dbfs - fallen_db, SILENCE_DBFS)

    def hear(self, piece: bytes) -> None:
        """The next piece."""
        self._level_dbfs = max(level_dbfs(piece), self.level_dbfs)
        self._heard_at = time.monotonic()

    def beside(self, open_capture: OpenCapture) -> OpenCapture:
        """The same source, with this meter listening in."""

        def open_metered(
            *,
            device: int | str | None,
            sample_rate_hz: int | None,
            piece_ms: int,
            on_audio: OnAudio,
            on_end: OnEnd,
        ) -> CaptureStream:
            def hear(piece: bytes, lost: bool) -> None:
                self.hear(piece)
                on_audio(piece, lost)

            return open_capture(
                device=device, sample_rate_hz=sample_rate_hz, piece_ms=piece_ms, on_audio=hear, on_end=on_end
            )

        return open_metered
