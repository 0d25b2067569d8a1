"""Our results as Google's: what v1 and v2 have in common, and the few names in which they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import result_pb2
from amira_gateway.adapters.parts import interim_parts


@dataclass(frozen=True, slots=True)
class Version:
    """One of the two: the generated module, and the names of its times."""

    messages: Any
    result_end: str
    word_start: str
    word_end: str


@dataclass(frozen=True, slots=True)
class Wording:
    """How one call wants its words.

    Attributes:
        times, confidences: of each word.
        language_code: what results are marked with.
        channel_tag: 1 where there are several channels, else 0.
    """

    times: bool = False
    confidences: bool = False
    language_code: str = ""
    channel_tag: int = 0

    @property
    def words(self) -> bool:
        """Whether words are wanted one by one."""
        return self.times or self.confidences


class Results:
    """The results of one call. All transcripts but the first begin with a space: clients join them."""

    def __init__(self, version: Version, wording: Wording) -> None:
        self._version = version
        self._wording = wording
        self._between = ""

    def interim(self, result: result_pb2.StreamingResult) -> list[Any]:
        """The parts of an interim result; none where it has no words."""
        lead = self._between
        parts = []
        for text, stability in interim_parts(result):
            reading = self._version.messages.SpeechRecognitionAlternative(transcript=lead + text)
            part = self._version.messages.StreamingRecognitionResult(
                alternatives=[reading], stability=stability
            )
            parts.append(self._marked(part, result.audio_processed))
            lead = " "
        return parts

    def final(self, result: result_pb2.StreamingResult, ended_at: Duration) -> Any:
        """A final of a stream."""
        final = self._version.messages.StreamingRecognitionResult(
            alternatives=self._readings(result), is_final=True
        )
        return self._marked(final, ended_at)

    def of_recording(self, results: Iterable[result_pb2.StreamingResult]) -> list[Any]:
        """The segments of a recording in which something was said."""
        return [
            self._segment(result) for result in results if result.alternatives and result.alternatives[0].text
        ]

    def _segment(self, result: result_pb2.StreamingResult) -> Any:
        words = result.alternatives[0].words
        segment = self._version.messages.SpeechRecognitionResult(alternatives=self._readings(result))
        return self._marked(segment, words[-1].end if words else result.audio_processed)

    def _readings(self, result: result_pb2.StreamingResult) -> list[Any]:
        readings = [
            self._version.messages.SpeechRecognitionAlternative(
                transcript=self._between + reading.text, confidence=reading.confidence
            )
            for reading in result.alternatives
        ]
        if readings and self._wording.words:
            readings[0].words.extend(map(self._word, result.alternatives[0].words))
        if readings and readings[0].transcript:
            self._between = " "
        return readings

    def _word(self, word: result_pb2.Word) -> Any:
        named = self._version.messages.WordInfo(word=word.text)
        if self._wording.times:
            getattr(named, self._version.word_start).CopyFrom(word.start)
            getattr(named, self._version.word_end).CopyFrom(word.end)
        if self._wording.confidences:
            named.confidence = word.confidence
        return named

    def _marked(self, result: Any, ended_at: Duration) -> Any:
        getattr(result, self._version.result_end).CopyFrom(ended_at)
        result.language_code = self._wording.language_code
        result.channel_tag = self._wording.channel_tag
        return result
