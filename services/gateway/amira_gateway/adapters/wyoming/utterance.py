"""One utterance, from audio-start to audio-stop, as a session's client."""

from __future__ import annotations

import asyncio
from typing import Any

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core import errors
from amira_gateway.adapters.audio import WholeSamples
from amira_gateway.adapters.hotwords import add_phrase
from amira_gateway.adapters.models import choose
from amira_gateway.adapters.wyoming.events import Event, read_event, write_event
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.client import ClientGoneError

_BYTES_PER_SAMPLE = 2
_LEAST_RATE_HZ, _MOST_RATE_HZ = 1, 1_000_000


class Utterance:
    """Reads the connection while the session takes audio."""

    def __init__(
        self,
        config: config_pb2.RecognitionConfig,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        max_payload_bytes: int,
    ) -> None:
        self.texts: list[str] = []
        self.ended = False
        """Whether audio-stop has come: the connection can go on with something else."""
        self._config: config_pb2.RecognitionConfig | None = config
        self._samples = WholeSamples(config)
        self._shape = AudioShape.of(config)
        self._format = (config.sample_rate_hz, _BYTES_PER_SAMPLE, config.channels)
        self._reader = reader
        self._writer = writer
        self._max_payload_bytes = max_payload_bytes

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        """Raises ClientGoneError, InvalidRequestError, MessageTooLargeError."""
        if self._config is not None:
            config, self._config = self._config, None
            return speech_pb2.StreamingRecognizeRequest(config=config)
        while (event := await read_event(self._reader, self._max_payload_bytes)) is not None:
            if event.type == "audio-stop":
                self.ended = True
                return None
            if event.type != "audio-chunk":
                continue
            if _format_of(event) != self._format:
                raise errors.InvalidRequestError("An audio-chunk has another format than audio-start.")
            if whole := self._samples.take(event.payload):
                return speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=whole))
        raise ClientGoneError("the connection is lost")

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        try:
            if response.HasField("session"):
                await write_event(self._writer, "transcript-start", {})
            elif response.result.is_final and (text := response.result.alternatives[0].text):
                self.texts.append(text)
                chunk = f" {text}" if len(self.texts) > 1 else text
                await write_event(self._writer, "transcript-chunk", {"text": chunk})
        except ConnectionError:
            raise ClientGoneError("the connection is lost") from None


def config_of(
    start: Event, wishes: dict[str, Any], models: list[config_pb2.ModelInfo]
) -> config_pb2.RecognitionConfig:
    """For audio as audio-start has it, and for what a `transcribe` before it wants.

    Raises InvalidRequestError and below, UnknownModelError.
    """
    rate_hz, width, channels = _format_of(start)
    if width != _BYTES_PER_SAMPLE:
        raise errors.UnknownEncodingError(f"width is {width}: samples must have 2 bytes.")
    name, language = (str(wishes.get(key) or "") for key in ("name", "language"))
    config = config_pb2.RecognitionConfig(
        encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
        sample_rate_hz=rate_hz,
        channels=channels,
        model=choose(models, name, language, strict=True).name,
    )
    for key in ("transcript_names", "transcript_terms"):
        phrases = wishes.get(key)
        for phrase in phrases if isinstance(phrases, list) else []:
            add_phrase(config.hotwords, str(phrase), 0, key)
    return config


def _format_of(event: Event) -> tuple[int, int, int]:
    """Rate, bytes per sample and channels. Raises SampleRateError, ChannelError."""
    values = [event.data.get(name) for name in ("rate", "width", "channels")]
    rate_hz, width, channels = (value if isinstance(value, int) else -1 for value in values)
    if not _LEAST_RATE_HZ <= rate_hz <= _MOST_RATE_HZ:
        raise errors.SampleRateError("rate must be the samples per second.")
    if not 1 <= channels <= 1000:
        raise errors.ChannelError("channels must be the number of channels.")
    return rate_hz, width, channels
