"""Speech recognition for LiveKit Agents.

    session = AgentSession(stt=amira_client.livekit.STT("amira.example:443", tls=True, api_key="..."))

Interims, finals with word times and confidence, start and end of speech, flush (manual commits), key terms
(as hotwords, in mid-stream too). A server that is lost is replaced without LiveKit noticing; it hears of an
error when none can be found for half a minute. Needs livekit-agents: ``pip install 'amira-client[livekit]'``.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Sequence
from typing import Any, Unpack

import grpc
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    LanguageCode,
    stt,
    utils,
)
from livekit.agents.types import NOT_GIVEN, NotGivenOr, TimedString

from amira.asr.v1.config_pb2 import AudioEncoding, Hotword, HotwordSet, RecognitionConfig
from amira_client.client import AmiraClient
from amira_client.errors import AmiraClientError, ServerError, StreamStateError
from amira_client.events import (
    EndingSoon,
    Event,
    Final,
    HeardWord,
    Interim,
    SessionStarted,
    SpeechEnded,
    SpeechStarted,
)
from amira_client.feeding import fed
from amira_client.stream import RecognitionStream
from amira_client.sync_client import ClientOptions

SAMPLE_RATE_HZ = 16_000
_MESSAGES_PER_S = 20
"""Frames of a room are shorter; servers and networks pay per message."""

_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}


class STT(stt.STT):
    """LiveKit's interface to Amira.

    Args:
        target: as for :class:`AmiraClient`, whose other arguments can be given too.
        config: how to recognize; encoding, rate, channels, `interim_results` and `word_times` are set here.
            `endpoint` says how soon a segment ends, and so END_OF_SPEECH comes.
        language: BCP-47 tag of the model, for LiveKit's events: Amira's models know one language each.
        sample_rate_hz: rooms' audio is resampled to this before it is sent.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        config: RecognitionConfig | None = None,
        language: str = "en",
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True,
                interim_results=True,
                aligned_transcript="word",
                offline_recognize=True,
                keyterms=True,
                manual_flush=True,
            )
        )
        self._target = target
        self._options = options
        self._config = RecognitionConfig()
        if config is not None:
            self._config.CopyFrom(config)
        self._config.encoding = AudioEncoding.AUDIO_ENCODING_LINEAR16
        self._config.word_times = True
        self._config.interim_results = True
        self._language = LanguageCode(language)
        self._sample_rate_hz = sample_rate_hz
        self._keyterms: list[str] = []
        self._client: AmiraClient | None = None
        self._streams: weakref.WeakSet[SpeechStream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The model that was asked for."""
        return self._config.model or "default"

    @property
    def provider(self) -> str:
        """Who recognizes."""
        return "Amira"

    @property
    def client(self) -> AmiraClient:
        """Made when it is first needed: there must be an event loop."""
        if self._client is None:
            self._client = AmiraClient(self._target, **self._options)
        return self._client

    def describe(self, sample_rate_hz: int, channels: int) -> RecognitionConfig:
        """The config for audio of this kind, with the key terms of the moment."""
        config = RecognitionConfig()
        config.CopyFrom(self._config)
        config.sample_rate_hz, config.channels = sample_rate_hz, channels
        config.hotwords.CopyFrom(self.hotwords())
        return config

    def hotwords(self) -> HotwordSet:
        """The config's, and the session's key terms."""
        hotwords = HotwordSet()
        hotwords.CopyFrom(self._config.hotwords)
        known = {hotword.phrase for hotword in hotwords.phrases}
        hotwords.phrases.extend(Hotword(phrase=term) for term in self._keyterms if term not in known)
        return hotwords

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> SpeechStream:
        """A stream of one participant."""
        stream = SpeechStream(self, self._sample_rate_hz, conn_options)
        self._streams.add(stream)
        return stream

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frame = rtc.combine_audio_frames(buffer)
        config = self.describe(frame.sample_rate, frame.num_channels)
        try:
            answer = await self.client.recognize(
                bytes(frame.data), config, timeout_s=conn_options.timeout + frame.duration
            )
        except AmiraClientError as error:
            raise api_error(error) from error
        finals = [result.alternatives[0] for result in answer.results if result.alternatives]
        confidences = [final.confidence for final in finals if final.HasField("confidence")]
        words = [
            HeardWord(word.text, word.start.ToNanoseconds() / 1e9, word.end.ToNanoseconds() / 1e9, None)
            for final in finals
            for word in final.words
        ]
        text = " ".join(final.text for final in finals if final.text)
        data = _speech_data(text, words, min(confidences, default=None), self._language, 0.0)
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=answer.session.session_id,
            alternatives=[data],
        )

    def _update_session_keyterms(self, keyterms: list[str]) -> None:
        self._keyterms = list(keyterms)
        for stream in list(self._streams):
            stream.take_hotwords()

    async def aclose(self) -> None:
        """Closes all streams, and the connections."""
        for stream in list(self._streams):
            await stream.aclose()
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class SpeechStream(stt.RecognizeStream):
    """What :meth:`STT.stream` gives."""

    def __init__(self, owner: STT, sample_rate_hz: int, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=owner, conn_options=conn_options, sample_rate=sample_rate_hz)
        self._owner = owner
        self._session_id = ""
        self._offset_s = 0.0
        self._sent_s = 0.0
        self._unreported_s = 0.0
        self._ended: SpeechEnded | None = None
        self._input_over = False
        self._new_hotwords = asyncio.Event()
        self._kind: tuple[int, int] | None = None
        self._pending: rtc.AudioFrame | None = None

    def take_hotwords(self) -> None:
        """The owner's key terms have changed."""
        self._new_hotwords.set()

    async def _run(self) -> None:
        self._offset_s = self.start_time_offset
        try:
            while not self._input_over:
                await self._recognize()
        except AmiraClientError as error:
            raise api_error(error) from error

    async def _recognize(self) -> None:
        """One stream of the server's; returns at the end of the input, and at the server's longest stream."""
        if self._kind is None:
            self._pending = await self._first_frame()
        if self._pending is not None:
            self._kind = self._pending.sample_rate, self._pending.num_channels
        if self._kind is None:
            return
        config = self._owner.describe(*self._kind)
        self._new_hotwords.clear()
        self._sent_s, self._ended = 0.0, None
        stream = self._owner.client.stream(config)
        try:
            async with stream, fed(stream, self._feed(stream)):
                async for event in stream.events():
                    await self._hear(event, stream)
        except ServerError as error:
            if error.reason != "STREAM_TOO_LONG":
                raise
        finally:
            self._report_usage()
            self._offset_s += self._sent_s

    async def _first_frame(self) -> rtc.AudioFrame | None:
        """It says what the audio is like; None if there is none."""
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                return item
        self._input_over = True
        return None

    async def _feed(self, stream: RecognitionStream) -> None:
        telling = asyncio.create_task(self._tell_hotwords(stream), name="amira-hotwords")
        try:
            await self._send_audio(stream)
        finally:
            await utils.aio.cancel_and_wait(telling)

    async def _send_audio(self, stream: RecognitionStream) -> None:
        assert self._kind is not None, "the first frame has come"
        rate_hz, channels = self._kind
        cutter = utils.audio.AudioByteStream(rate_hz, channels, rate_hz // _MESSAGES_PER_S)
        self.start_time = time.time()
        if self._pending is not None:
            await self._send(stream, cutter.push(self._pending.data.tobytes()))
            self._pending = None
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                await self._send(stream, cutter.push(item.data.tobytes()))
            else:
                await self._send(stream, cutter.flush())
                await stream.flush()
        await self._send(stream, cutter.flush())
        self._input_over = True
        await stream.end()

    async def _send(self, stream: RecognitionStream, frames: Sequence[rtc.AudioFrame]) -> None:
        for frame in frames:
            await stream.send(frame.data.tobytes())
            self._sent_s += frame.duration
            self._unreported_s += frame.duration

    async def _tell_hotwords(self, stream: RecognitionStream) -> None:
        while True:
            await self._new_hotwords.wait()
            self._new_hotwords.clear()
            try:
                await stream.update_config(hotwords=self._owner.hotwords())
            except (ServerError, StreamStateError):
                return  # it has just ended, which the reading side says

    async def _hear(self, event: Event, stream: RecognitionStream) -> None:
        match event:
            case SessionStarted():
                self._session_id = event.session_id
            case SpeechStarted():
                started_at = self.start_time + event.at_s
                self._tell(stt.SpeechEventType.START_OF_SPEECH, speech_start_time=started_at)
            case SpeechEnded():
                self._ended = event
            case Interim() if event.text:
                self._tell_words(stt.SpeechEventType.INTERIM_TRANSCRIPT, event)
            case Final():
                if event.text:
                    self._tell_words(stt.SpeechEventType.FINAL_TRANSCRIPT, event)
                self._end_speech()
                self._report_usage()
            case EndingSoon(limit="idle"):
                await stream.keep_alive()

    def _end_speech(self) -> None:
        """After the final: LiveKit takes a turn to be complete at END_OF_SPEECH."""
        if self._ended is not None:
            ended_at = self.start_time + self._ended.at_s
            self._tell(stt.SpeechEventType.END_OF_SPEECH, speech_end_time=ended_at)
            self._ended = None

    def _tell_words(self, kind: stt.SpeechEventType, result: Interim | Final) -> None:
        data = _speech_data(
            result.text, result.words, result.confidence, self._owner._language, self._offset_s
        )
        data.start_time = data.start_time or result.start_s + self._offset_s
        self._tell(kind, alternatives=[data])

    def _report_usage(self) -> None:
        if self._unreported_s:
            usage = stt.RecognitionUsage(audio_duration=self._unreported_s)
            self._unreported_s = 0.0
            self._tell(stt.SpeechEventType.RECOGNITION_USAGE, recognition_usage=usage)

    def _tell(self, kind: stt.SpeechEventType, **more: Any) -> None:
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id=self._session_id, **more))


def _speech_data(
    text: str,
    words: Sequence[HeardWord],
    confidence: float | None,
    language: LanguageCode,
    offset_s: float,
) -> stt.SpeechData:
    """Times count from the start of LiveKit's stream, which began `offset_s` before the server's."""
    return stt.SpeechData(
        language=language,
        text=text,
        start_time=words[0].start_s + offset_s if words else 0.0,
        end_time=words[-1].end_s + offset_s if words else 0.0,
        confidence=0.0 if confidence is None else confidence,
        words=[
            TimedString(
                word.text,
                start_time=word.start_s + offset_s,
                end_time=word.end_s + offset_s,
                start_time_offset=offset_s,
                **({} if word.confidence is None else {"confidence": word.confidence}),
            )
            for word in words
        ]
        or None,
    )


def api_error(error: AmiraClientError) -> APIError:
    """LiveKit's error of the same meaning: it decides by it whether to try again."""
    if error.status in (None, grpc.StatusCode.UNAVAILABLE):
        return APIConnectionError(str(error), retryable=isinstance(error, ServerError))
    if error.status is grpc.StatusCode.DEADLINE_EXCEEDED:
        return APITimeoutError(str(error))
    return APIStatusError(
        str(error),
        status_code=_HTTP_STATUS.get(error.status, 500) if error.status is not None else -1,
        retryable=error.retry_after_s is not None,
    )
