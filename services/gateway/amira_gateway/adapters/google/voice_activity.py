"""Streams that end by themselves: after one utterance, or when nobody speaks for too long.

Time is counted in audio: marks among it come back once all audio before them is decoded, and where no word
has begun by then, none will. (Audio that merely has come may hold a word yet.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration

from amira_core import errors

_LEAST_S, _MOST_S = 0.5, 60.0
_MARK_EVERY_S = 0.2


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
        self._marked_s = 0.0

    @property
    def deadline(self) -> Duration:
        """Until when somebody has to speak, from the start of the audio; 0: there is no such time."""
        deadline = Duration()
        deadline.FromNanoseconds(round((self._deadline_s or 0.0) * 1e9))
        return deadline

    def mark_due(self, heard_s: float) -> str | None:
        """The mark to be set behind `heard_s` seconds of audio, if it is time for one."""
        if heard_s < self._marked_s + _MARK_EVERY_S:
            return None
        self._marked_s = heard_s
        return str(int(heard_s * 1000))

    def speech_began(self) -> None:
        """A word was heard: there is no deadline while somebody speaks."""
        self._deadline_s = None

    def speech_ended(self, at_s: float) -> None:
        """A segment has ended."""
        self._deadline_s = None if self._end_timeout_s is None else at_s + self._end_timeout_s

    def give_up(self) -> None:
        """There are no deadlines any more."""
        self._deadline_s = self._end_timeout_s = None

    def timed_out(self, mark: str) -> bool:
        """Whether the mark that came back lies behind the deadline."""
        return self._deadline_s is not None and int(mark) / 1000 >= self._deadline_s
