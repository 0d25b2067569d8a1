"""What a whole recording came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amira.asr.v1.result_pb2 import SessionInfo, StreamingResult


@dataclass(frozen=True)
class Transcript:
    """All finals of one recording."""

    finals: Sequence[StreamingResult]
    """One final result per segment, in order."""
    session: SessionInfo
    """Who recognized it; quote `session.session_id` in reports."""
    audio_s: float | None = None
    """Length of the audio in seconds; None where only the server knows."""
    wait_after_audio_s: float | None = None
    """Time from the last audio being sent to the last final; None for unary calls."""

    @property
    def text(self) -> str:
        """The transcript: the best reading of each final, joined with one space."""
        best = (final.alternatives[0].text for final in self.finals if final.alternatives)
        return " ".join(text for text in best if text)
