"""Responses as small typed values, with times in seconds, to be matched:

match event:
    case Interim(text=text): ...
    case Final(text=text, words=words): ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1.result_pb2 import Alternative, SpeechEvent, StreamingResult
from amira.asr.v1.speech_pb2 import StreamingRecognizeResponse, StreamWarning


@dataclass(frozen=True, kw_only=True)
class Event:
    """What all events have. `response` is the whole message that this was made of."""

    response: StreamingRecognizeResponse = field(repr=False)

    @property
    def lag_s(self) -> float:
        """Audio that the server had received and not yet decoded."""
        return _seconds(self.response.lag.audio)

    @property
    def degraded(self) -> bool:
        """Whether a small stand-in serves the stream; results may come later."""
        return self.response.degraded


@dataclass(frozen=True, kw_only=True)
class SessionStarted(Event):
    """A server has taken the stream; quote `session_id` in reports."""

    session_id: str
    model: str
    model_version: str
    chunk_s: float
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class SpeechStarted(Event):
    """Somebody began to speak `at_s` seconds from the stream's start."""

    segment: int
    at_s: float


@dataclass(frozen=True, kw_only=True)
class SpeechEnded(Event):
    """Speech ended `at_s` seconds from the stream's start; the segment's final follows."""

    segment: int
    at_s: float


@dataclass(frozen=True)
class HeardWord:
    """One word; times in seconds from the stream's start, confidence in [0,1] or None where unknown."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None


@dataclass(frozen=True)
class Reading:
    """One way to read a segment; the words only with `word_times` in the config."""

    text: str
    confidence: float | None
    words: Sequence[HeardWord]


@dataclass(frozen=True, kw_only=True)
class _Result(Event):
    """What interims and finals share.

    Attributes:
        segment: counts from 0.
        text: the best reading.
        words: its words, with `word_times` in the config.
        confidence: of the best reading, in [0,1]; None where unknown.
        start_s: where the segment began, in seconds from the stream's start.
        decoded_s: how much audio was decoded for this.
    """

    segment: int
    text: str
    words: Sequence[HeardWord] = field(repr=False)
    confidence: float | None
    start_s: float
    decoded_s: float

    @property
    def server_latency_s(self) -> float:
        """From the arrival of the audio that this took at the server to the response's departure."""
        return _seconds(self.response.lag.server_latency)


@dataclass(frozen=True, kw_only=True)
class Interim(_Result):
    """What was understood so far; replaces the segment's last interim.

    Attributes:
        stability: estimate in [0,1] of how likely all of it stays.
        stable_text: the words that are not expected to change.
        unstable_text: the others.
    """

    stability: float
    stable_text: str
    unstable_text: str


@dataclass(frozen=True, kw_only=True)
class Final(_Result):
    """A segment's words, which will not change. All finals together are the transcript.

    Attributes:
        readings: the best one and the others that were asked for with `max_alternatives`.
    """

    readings: Sequence[Reading] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MarkReached(Event):
    """All audio before the mark is decoded."""

    mark_id: str


@dataclass(frozen=True, kw_only=True)
class EndingSoon(Event):
    """The server will end the stream in `time_left_s`; `limit` is ``idle`` or ``max_stream``."""

    limit: str
    time_left_s: float


@dataclass(frozen=True, kw_only=True)
class Draining(Event):
    """The server is about to stop. Only with ``resume=False``: otherwise the stream moves by itself."""

    time_left_s: float


def event_of(response: StreamingRecognizeResponse) -> Event | None:
    """None for a response that says nothing to users."""
    make = _MAKERS.get(response.WhichOneof("response") or "")
    return None if make is None else make(response)


def _session(response: StreamingRecognizeResponse) -> Event:
    session = response.session
    return SessionStarted(
        session_id=session.session_id,
        model=session.model,
        model_version=session.model_version,
        chunk_s=_seconds(session.chunk_duration),
        trace_id=session.trace_id,
        response=response,
    )


def _speech(response: StreamingRecognizeResponse) -> Event:
    event = response.event
    kind = SpeechStarted if event.kind == SpeechEvent.KIND_SPEECH_START else SpeechEnded
    return kind(segment=event.segment_id, at_s=_seconds(event.offset), response=response)


def _result(response: StreamingRecognizeResponse) -> Event:
    result = response.result
    readings = [reading_of(alternative) for alternative in result.alternatives] or [Reading("", None, ())]
    best = readings[0]
    start_s, decoded_s = _seconds(result.segment_start), _seconds(result.audio_processed)
    if result.is_final:
        return Final(
            response=response, segment=result.segment_id, text=best.text, words=best.words,
            confidence=best.confidence, start_s=start_s, decoded_s=decoded_s, readings=readings,
        )  # fmt: skip
    stable, unstable = _parts(result, best.text)
    return Interim(
        response=response, segment=result.segment_id, text=best.text, words=best.words,
        confidence=best.confidence, start_s=start_s, decoded_s=decoded_s, stability=result.stability,
        stable_text=stable, unstable_text=unstable,
    )  # fmt: skip


def _mark(response: StreamingRecognizeResponse) -> Event:
    return MarkReached(mark_id=response.mark.id, response=response)


def _warning(response: StreamingRecognizeResponse) -> Event:
    name = StreamWarning.Kind.Name(response.warning.kind).removeprefix("KIND_").lower()
    return EndingSoon(limit=name, time_left_s=_seconds(response.warning.time_left), response=response)


def _draining(response: StreamingRecognizeResponse) -> Event:
    return Draining(time_left_s=_seconds(response.draining.time_left), response=response)


_MAKERS: dict[str, Callable[[StreamingRecognizeResponse], Event]] = {
    "session": _session,
    "event": _speech,
    "result": _result,
    "mark": _mark,
    "warning": _warning,
    "draining": _draining,
}


def _parts(result: StreamingResult, text: str) -> tuple[str, str]:
    words = text.split(" ") if text else []
    return " ".join(words[: result.stable_words]), " ".join(words[result.stable_words :])


def reading_of(alternative: Alternative) -> Reading:
    """The same with times in seconds."""
    words = [
        HeardWord(
            word.text, _seconds(word.start), _seconds(word.end),
            word.confidence if word.HasField("confidence") else None,
        )
        for word in alternative.words
    ]  # fmt: skip
    confidence = alternative.confidence if alternative.HasField("confidence") else None
    return Reading(alternative.text, confidence, words)


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
