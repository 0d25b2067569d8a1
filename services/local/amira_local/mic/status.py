"""What the screen tells of a stream, besides its words."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from amira.asr.v1.result_pb2 import StreamingResult

SILENT_SERVER_S = 2.5
"""The server answers at least every second or so, see `Listening.ask_for_answers`."""
_REMEMBERED = 9


@dataclass
class Latencies:
    """The last few delays, from the sound at the microphone to its words here, in seconds."""

    words_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Of interims: how old their newest sound was."""
    finals_s: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """Of finals: how long ago their last word was said, so the pause that ended the segment is in it."""

    @property
    def newest(self) -> str:
        """That of words alone."""
        return f"{median(self.words_s):.2f} s" if self.words_s else ""

    def __str__(self) -> str:
        parts = []
        if self.words_s:
            parts.append(f"words {median(self.words_s):.2f} s")
        if self.finals_s:
            parts.append(f"final {median(self.finals_s):.2f} s")
        return ", ".join(parts)


class Status:
    """The state of the stream."""

    def __init__(self) -> None:
        self.latencies = Latencies()
        self.open_segment: StreamingResult | None = None
        self.degraded = False
        self.ending = False
        self._answered_at: float | None = None

    def answered(self) -> None:
        """The server has said something."""
        self._answered_at = time.monotonic()

    @property
    def silent_s(self) -> float:
        """How long the server has said nothing; 0 where that means nothing."""
        if self._answered_at is None:
            return 0.0
        silent_s = time.monotonic() - self._answered_at
        return silent_s if silent_s > SILENT_SERVER_S else 0.0

    @property
    def words(self) -> tuple[str, str]:
        """The state, and its style."""
        if self._answered_at is None:
            return "connecting", "yellow"
        if self.silent_s:
            how_to_end = ", Ctrl-C again ends at once" if self.ending else ""
            return f"reconnecting ({self.silent_s:.0f} s){how_to_end}", "bold yellow"
        if self.ending:
            return "ending", "yellow"
        if self.degraded:
            return "listening (degraded server)", "yellow"
        return "listening", "green"
