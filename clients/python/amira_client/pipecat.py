"""Speech recognition for Pipecat.

    stt = AmiraSTTService("amira.example:443", client_options={"tls": True, "api_key": "..."})
    pipeline = Pipeline([transport.input(), stt, ...])

Interim and final transcriptions (`result` is the :class:`Interim` or :class:`Final`, with word times), and
either way of finding the end of a turn: Pipecat's own (a VAD in the pipeline, whose end of speech makes the
server finish the segment at once) or the server's (`server_turns`). A server that is lost is replaced without
Pipecat noticing. Needs pipecat-ai: ``pip install 'amira-client[pipecat]'``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.transcriptions.language import Language
from pipecat.turns.user_turn_strategies import ExternalUserTurnStrategies
from pipecat.utils.errors import ErrorCategory
from pipecat.utils.time import time_now_iso8601
from pipecat.utils.types import NOT_GIVEN, NotGiven, is_given

from amira.asr.v1.config_pb2 import AudioEncoding, Hotword, HotwordSet, RecognitionConfig
from amira_client.bounded_audio import BoundedAudio
from amira_client.client import AmiraClient
from amira_client.errors import AmiraClientError, ServerError
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
from amira_client.resuming import Backoff
from amira_client.stream import RecognitionStream
from amira_client.sync_client import ClientOptions

_BUFFER_S = 30.0
_LAST_FINAL_S = 10.0

_CATEGORIES = {
    grpc.StatusCode.UNAUTHENTICATED: ErrorCategory.AUTHENTICATION,
    grpc.StatusCode.PERMISSION_DENIED: ErrorCategory.AUTHORIZATION,
    grpc.StatusCode.INVALID_ARGUMENT: ErrorCategory.INVALID_REQUEST,
    grpc.StatusCode.NOT_FOUND: ErrorCategory.INVALID_REQUEST,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorCategory.RATE_LIMIT,
    grpc.StatusCode.UNAVAILABLE: ErrorCategory.CONNECTIVITY,
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorCategory.CONNECTIVITY,
    grpc.StatusCode.INTERNAL: ErrorCategory.SERVER,
}


@dataclass
class AmiraSTTSettings(STTSettings):
    """What can be changed while the pipeline runs.

    Parameters:
        hotwords: phrases to favour; from the next segment on.
    """

    hotwords: Sequence[str] | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)


class AmiraSTTService(STTService):
    """Pipecat's interface to Amira. Another `model` begins a new stream when the user's turn is over."""

    Settings = AmiraSTTSettings
    _settings: AmiraSTTSettings

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        config: RecognitionConfig | None = None,
        server_turns: bool = False,
        settings: AmiraSTTSettings | None = None,
        sample_rate: int | None = None,
        ttfs_p99_latency: float | None = None,
        client_options: ClientOptions | None = None,
        **options: Any,
    ) -> None:
        """Args:
        target: as for :class:`AmiraClient`.
        config: how to recognize; encoding, rate and channels, interim results and word times are set here.
        server_turns: the server's ends of segments propose ends of turns (`config.endpoint` says how soon);
            otherwise Pipecat finds them.
        settings: model, language (of the frames: Amira's models know one each) and hotwords.
        sample_rate: of the pipeline's audio in Hz; None: as the pipeline says.
        ttfs_p99_latency: measured from the end of speech to the final, in seconds; see Pipecat.
        client_options: the other arguments of :class:`AmiraClient`: `tls`, `api_key` ...
        options: Pipecat's own.
        """
        self._config = RecognitionConfig()
        if config is not None:
            self._config.CopyFrom(config)
        self._config.encoding = AudioEncoding.AUDIO_ENCODING_LINEAR16
        self._config.interim_results = self._config.word_times = True
        chosen = AmiraSTTSettings(
            model=self._config.model or None,
            language=Language.EN,
            hotwords=[hotword.phrase for hotword in self._config.hotwords.phrases],
        )
        if settings is not None:
            chosen.apply_update(settings)
        super().__init__(
            settings=chosen, sample_rate=sample_rate, ttfs_p99_latency=ttfs_p99_latency, **options
        )
        self._target = target
        self._client_options: ClientOptions = client_options or {}
        self._server_turns = server_turns
        self._client: AmiraClient | None = None
        self._stream: RecognitionStream | None = None
        self._audio: BoundedAudio | None = None
        self._running: asyncio.Task[None] | None = None
        self._ended: SpeechEnded | None = None
        self._losing = False

    def can_generate_metrics(self) -> bool:
        """It does."""
        return True

    def service_metadata_frame(self) -> STTMetadataFrame:
        """With `server_turns`, asks the aggregator to follow the server."""
        frame = super().service_metadata_frame()
        if self._server_turns:
            frame.user_turn_strategies = ExternalUserTurnStrategies()
        return frame

    # -- life ----------------------------------------------------------------------------------

    async def setup(self, setup: FrameProcessorSetup) -> None:
        """Connects."""
        await super().setup(setup)
        self._client = AmiraClient(self._target, **self._client_options)
        self._connect()

    async def stop(self, frame: EndFrame) -> None:
        """What was said until now still becomes words, which go ahead of the EndFrame."""
        if self._audio is not None and self._running is not None:
            self._audio.end()
            await asyncio.wait([self._running], timeout=_LAST_FINAL_S)
        await super().stop(frame)
        await self._disconnect()

    async def cancel(self, frame: CancelFrame) -> None:
        """Gives the stream up."""
        await super().cancel(frame)
        await self._disconnect()

    async def cleanup(self) -> None:
        """Closes the connections."""
        await super().cleanup()
        await self._disconnect()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _connect(self) -> None:
        self._audio = BoundedAudio(int(_BUFFER_S * self.sample_rate) * 2)
        self._running = self.create_task(self._run(self._audio), name="amira-stt")

    async def _disconnect(self) -> None:
        if self._running is not None:
            await self.cancel_task(self._running)
            self._running = None

    async def _do_reconnect(self) -> None:
        await self._disconnect()
        self._connect()

    # -- towards the server --------------------------------------------------------------------

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Takes audio; what is heard comes by itself. Never waits: the pipeline must go on."""
        lost = self._audio is not None and not self._audio.put(audio)
        if lost and not self._losing:
            await self.push_error(f"Audio is lost: no server has taken any for {_BUFFER_S:g} s")
        self._losing = lost
        yield None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """The end of speech that a VAD has found makes the server finish the segment."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame) and not self._server_turns:
            self.request_finalize()
            if self._audio is not None:
                self._audio.flush()

    async def _update_settings(self, delta: STTSettings) -> dict[str, Any]:
        changed: dict[str, Any] = await super()._update_settings(delta)
        if "model" in changed:
            await self._request_reconnect()
        elif "hotwords" in changed and self._stream is not None:
            await self._stream.update_config(hotwords=self._hotwords())
        return changed

    def _describe(self) -> RecognitionConfig:
        config = RecognitionConfig()
        config.CopyFrom(self._config)
        config.sample_rate_hz, config.channels, config.channel = self.sample_rate, 1, 0
        config.hotwords.CopyFrom(self._hotwords())
        if self._settings.model and is_given(self._settings.model):
            config.model = str(self._settings.model)
        return config

    def _hotwords(self) -> HotwordSet:
        """The phrases of the moment, with the boosts that the config gives them."""
        phrases = self._settings.hotwords if is_given(self._settings.hotwords) else None
        boosts = {hotword.phrase: hotword.boost for hotword in self._config.hotwords.phrases}
        return HotwordSet(
            default_boost=self._config.hotwords.default_boost,
            phrases=[Hotword(phrase=phrase, boost=boosts.get(phrase, 0.0)) for phrase in phrases or ()],
        )

    # -- from the server -----------------------------------------------------------------------

    async def _run(self, audio: BoundedAudio) -> None:
        """One stream after another, until the audio ends."""
        backoff = Backoff()
        while True:
            try:
                await self._recognize(audio)
                return
            except ServerError as error:
                await self._call_event_handler("on_disconnected")
                if error.reason == "STREAM_TOO_LONG":
                    continue
                await self._call_event_handler("on_connection_error", str(error))
                await self.push_error(str(error), exception=error)
                if not self.is_usable:
                    return
                await asyncio.sleep(max(error.retry_after_s or 0.0, backoff.next_s()))
            except AmiraClientError as error:
                await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
                return

    async def _recognize(self, audio: BoundedAudio) -> None:
        assert self._client is not None, "it was set up"
        self._ended = None
        stream = self._client.stream(self._describe())
        try:
            async with stream, fed(stream, audio.send_to(stream)):
                self._stream = stream
                async for event in stream.events():
                    await self._hear(event, stream)
        finally:
            self._stream = None

    async def _hear(self, event: Event, stream: RecognitionStream) -> None:
        match event:
            case SessionStarted():
                await self._call_event_handler("on_connected")
            case SpeechStarted():
                if self._server_turns:
                    await self.broadcast_frame(ProposedUserStartedSpeakingFrame)
            case SpeechEnded():
                self._ended = event
            case Interim() if event.text:
                await self.push_frame(InterimTranscriptionFrame(event.text, *self._told(), result=event))
            case Final():
                await self._finish_segment(event)
            case EndingSoon(limit="idle"):
                await stream.keep_alive()

    async def _finish_segment(self, final: Final) -> None:
        if final.text:
            self.confirm_finalize()
            frame = TranscriptionFrame(final.text, *self._told(), result=final)
            frame.finalized = self._server_turns
            await self.push_frame(frame)
            await self.emit_stt_usage_metrics()
        if self._ended is not None and self._server_turns:
            await self.broadcast_frame(ProposedUserStoppedSpeakingFrame)
        self._ended = None

    def _told(self) -> tuple[str, str, Language | None]:
        language = self._settings.language
        spoken = Language(language) if is_given(language) and language else None
        return self._user_id, time_now_iso8601(), spoken

    def _classify_error(self, exception: Exception) -> ErrorCategory | None:
        """Whether it makes sense to try again is Pipecat's to decide, by this."""
        if isinstance(exception, AmiraClientError) and exception.status is not None:
            return _CATEGORIES.get(exception.status)
        return None
