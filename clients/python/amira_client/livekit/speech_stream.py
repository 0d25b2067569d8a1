"""LiveKit's view of one stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Protocol

from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, utils

from amira.asr.v1.config_pb2 import HotwordSet, RecognitionConfig
from amira_client.client import AmiraClient
from amira_client.errors import AmiraClientError, ServerError, StreamStateError
from amira_client.events import (
    EndingSoon,
    Event,
    Final,
    Interim,
    SessionStarted,
    SpeechEnded,
    SpeechStarted,
)
from amira_client.feeding import fed
from amira_client.livekit.translation import api_error, speech_data
from amira_client.stream import RecognitionStream

_MESSAGES_PER_S = 20
"""Frames of a room are shorter; servers and networks pay per message."""


class Owner(Protocol):
    """What a stream asks of the STT that opened it."""

    language: LanguageCode

    @property
    def client(self) -> AmiraClient:
        """Where to go."""
        ...

    def describe(self, sample_rate_hz: int, channels: int) -> RecognitionConfig:
        """How to recognize."""
        ...

    def hotwords(self) -> HotwordSet:
        """Those of the moment."""
        ...


class SpeechStream(stt.RecognizeStream):
    """What :meth:`STT.stream` gives."""

    def __init__(self, owner: Owner, sample_rate_hz: int, conn_options: APIConnectOptions) -> None:
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
            told = api_error(error)
            if self._input_over:
                told.retryable = False  # nothing is left that could be sent again
            raise told from error

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
        self._session_id = ""
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
        data = speech_data(result.text, result.words, result.confidence, self._owner.language, self._offset_s)
        data.start_time = data.start_time or result.start_s + self._offset_s
        self._tell(kind, alternatives=[data])

    def _report_usage(self) -> None:
        if self._unreported_s and self._session_id:
            usage = stt.RecognitionUsage(audio_duration=self._unreported_s)
            self._unreported_s = 0.0
            self._tell(stt.SpeechEventType.RECOGNITION_USAGE, recognition_usage=usage)

    def _tell(self, kind: stt.SpeechEventType, **more: Any) -> None:
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id=self._session_id, **more))
