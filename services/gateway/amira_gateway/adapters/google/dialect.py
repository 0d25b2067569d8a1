"""A stream as Google has it, v1 and v2 alike."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import result_pb2, speech_pb2
from amira_core import errors
from amira_gateway.adapters.google.messages import Results, Version, Wording
from amira_gateway.adapters.google.voice_activity import SilenceWatch, Wishes
from amira_gateway.adapters.stream import Opening, audio_missing


@dataclass(frozen=True, slots=True)
class Begun:
    """What a first message comes to."""

    opening: Opening
    wording: Wording
    wishes: Wishes


class GoogleDialect(ABC):
    """What the versions share: parts of interim results, events, streams that end by themselves."""

    version: Version
    audio_field: str

    def __init__(self) -> None:
        self.finished: asyncio.Event | None = None
        self._session_id = ""
        self._wishes = Wishes()
        self._results: Results
        self._silence = SilenceWatch(self._wishes)
        self._ended_at = Duration()
        self._over = False

    @abstractmethod
    def begin(self, request: Any) -> Begun:
        """Translates the first message. Raises AmiraError."""

    @abstractmethod
    def response(self, session_id: str, results: Iterable[Any] = ()) -> Any:
        """A message with these results."""

    @abstractmethod
    def event(self, session_id: str, name: str, at: Duration) -> Any | None:
        """A message that says what happened; None where the version has no such event."""

    async def open(self, request: Any) -> Opening:
        begun = self.begin(request)
        self._wishes = begun.wishes
        self._silence = SilenceWatch(begun.wishes)
        self._results = Results(self.version, begun.wording)
        if begun.wishes.end_the_stream:
            self.finished = asyncio.Event()
        return begun.opening

    def audio(self, request: Any) -> bytes:
        kind = request.WhichOneof("streaming_request")
        if kind != self.audio_field:
            raise audio_missing(kind, self.audio_field)
        content: bytes = getattr(request, self.audio_field)
        return content

    def marks(self, heard_s: float | None) -> Iterable[str]:
        if not self._wishes.times_out:
            return ()
        if heard_s is None:
            raise errors.InvalidSettingError(
                "voice_activity_timeout needs LINEAR16, MULAW or ALAW without a header: only of these the "
                "server knows how much time has gone by."
            )
        mark = self._silence.mark_due(heard_s)
        return () if mark is None else (mark,)

    def responses(self, response: speech_pb2.StreamingRecognizeResponse) -> Iterator[Any]:
        kind = response.WhichOneof("response")
        if self._over:
            return
        if kind == "session":
            self._session_id = response.session.session_id
        elif kind == "result":
            yield from self._said(response.result)
        elif kind == "event":
            yield from self._happened(response.event)
        elif kind == "mark" and self._silence.timed_out(response.mark.id):
            deadline = self._silence.deadline
            self._silence.give_up()
            yield from self._tell("SPEECH_ACTIVITY_TIMEOUT", deadline)
            self._finish()

    def _said(self, result: result_pb2.StreamingResult) -> Iterator[Any]:
        if not result.is_final:
            if parts := self._results.interim(result):
                yield self.response(self._session_id, parts)
            return
        yield self.response(self._session_id, [self._results.final(result, self._ended_at)])
        if self._wishes.single_utterance:
            self._over = True
            self._finish()

    def _happened(self, event: result_pb2.SpeechEvent) -> Iterator[Any]:
        if event.kind == result_pb2.SpeechEvent.KIND_SPEECH_START:
            self._silence.speech_began()
            if self._wishes.events:
                yield from self._tell("SPEECH_ACTIVITY_BEGIN", event.offset)
        elif event.kind == result_pb2.SpeechEvent.KIND_SPEECH_END:
            self._ended_at = event.offset
            self._silence.speech_ended(event.offset.ToNanoseconds() / 1e9)
            if self._wishes.events:
                yield from self._tell("SPEECH_ACTIVITY_END", event.offset)
            if self._wishes.single_utterance:
                yield from self._tell("END_OF_SINGLE_UTTERANCE", event.offset)

    def _tell(self, name: str, at: Duration) -> Iterator[Any]:
        told = self.event(self._session_id, name, at)
        if told is not None:
            yield told

    def _finish(self) -> None:
        if self.finished is not None:
            self.finished.set()
