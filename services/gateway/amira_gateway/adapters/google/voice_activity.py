"""Streams that end by themselves: after one utterance, or when nobody speaks for too long.

Time is counted in audio. When audio up to a deadline has come, a mark is set behind it; the mark comes back
once all of that is decoded, and if no word has begun by then, none will.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration

from amira_core import errors

_LEAST_S, _MOST_S = 0.5, 60.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a stream's client wants to know of speech.

    Attributes:
        events: say when it begins and ends.
        single_utterance: end after the first segment.
        start_timeout_s: end where none begins in so much audio; None: wait for ever.
        end_timeout_s: end where so much audio follows a segment without another one.
    """

    events: bool = False
    single_utterance: bool = False
    start_timeout_s: float | None = None
    end_timeout_s: float | None = None

    @property
    def end_the_stream(self) -> bool:
        """Whether the stream may end before its client does."""
        return self.single_utterance or self.times_out

    @property
    def times_out(self) -> bool:
        """Whether there is any timeout."""
        return self.start_timeout_s is not None or self.end_timeout_s is not None


def timeout_s(timeouts: Any, name: str) -> float | None:
    """A field of VoiceActivityTimeout (v1 or v2). Raises InvalidSettingError for one out of range."""
    if not timeouts.HasField(name):
        return None
    duration: Duration = getattr(timeouts, name)
    seconds = duration.seconds + duration.nanos / 1e9
    if not _LEAST_S <= seconds <= _MOST_S:
        raise errors.InvalidSettingError(
            f"voice_activity_timeout.{name} is {seconds:g} s: it must be {_LEAST_S:g} to {_MOST_S:g} s."
        )
    return seconds


class SilenceWatch:
    """Knows when nobody has spoken for too long."""

    def __init__(self, wishes: Wishes) -> None:
        self._end_timeout_s = wishes.end_timeout_s
        self._deadline_s = wishes.start_timeout_s
        self._marks = 0
        self._awaited = ""
        self.silent_until_s = 0.0
        """The deadline that was passed, from the start of the audio."""

    def mark_due(self, heard_s: float) -> str | None:
        """The mark to be set behind `heard_s` seconds of audio, if the deadline lies before that."""
        if self._deadline_s is None or heard_s < self._deadline_s or self._awaited:
            return None
        self._marks += 1
        self._awaited = f"silence-{self._marks}"
        return self._awaited

    def speech_began(self) -> None:
        """A word was heard: there is no deadline while somebody speaks."""
        self._deadline_s = None
        self._awaited = ""

    def speech_ended(self, at_s: float) -> None:
        """A segment has ended."""
        self._awaited = ""
        self._deadline_s = None if self._end_timeout_s is None else at_s + self._end_timeout_s

    def timed_out(self, mark: str) -> bool:
        """Whether the mark that came back says that it was silent up to the deadline."""
        if not self._awaited or mark != self._awaited or self._deadline_s is None:
            return False
        self.silent_until_s = self._deadline_s
        return True
