"""LiveKit's view of a server: streams and whole recordings."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Unpack

from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, LanguageCode, stt, utils
from livekit.agents.types import NOT_GIVEN, NotGivenOr

from amira.asr.v1.config_pb2 import AudioEncoding, Hotword, HotwordSet, RecognitionConfig
from amira_client.client import AmiraClient
from amira_client.errors import AmiraClientError
from amira_client.events import reading_of
from amira_client.livekit.speech_stream import SpeechStream
from amira_client.livekit.translation import api_error, speech_data
from amira_client.sync_client import ClientOptions

SAMPLE_RATE_HZ = 16_000


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
        self.language = LanguageCode(language)
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
        readings = [reading_of(result.alternatives[0]) for result in answer.results if result.alternatives]
        said = [reading for reading in readings if reading.text]
        data = speech_data(
            " ".join(reading.text for reading in said),
            [word for reading in said for word in reading.words],
            min((reading.confidence for reading in said if reading.confidence is not None), default=None),
            self.language,
            0.0,
        )
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
