"""What this server offers, put together from the decoder's answer and the gateway's own bounds."""

from __future__ import annotations

import asyncio
import time
from importlib import metadata

from amira.asr.v1 import config_pb2, speech_pb2
from amira.decoder.v1 import decoder_pb2
from amira_core import errors, limits
from amira_gateway.services import Services
from amira_gateway.session.audio import ENCODINGS
from amira_gateway.session.validation import MAX_ALTERNATIVES
from amira_gateway.settings import GatewaySettings

_FRESH_S = 5.0


class Capabilities:
    """Asks a decoder at most once in five seconds, however many clients ask."""

    def __init__(self, services: Services, settings: GatewaySettings) -> None:
        self._services = services
        self._settings = settings
        self._asking: asyncio.Task[speech_pb2.GetCapabilitiesResponse] | None = None
        self._answer: speech_pb2.GetCapabilitiesResponse | None = None
        self._answered_at = 0.0

    async def get(self) -> speech_pb2.GetCapabilitiesResponse:
        """The answer to GetCapabilities. Raises DecoderLostError."""
        if self._answer is not None and time.monotonic() - self._answered_at <= _FRESH_S:
            return self._answer
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="capabilities")
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(
            self._asking
        )  # whoever asks meanwhile has the same answer, or the same failure

    async def last_known(self) -> speech_pb2.GetCapabilitiesResponse:
        """As :meth:`get`; while no decoder can be asked, what was answered last. Raises DecoderLostError."""
        try:
            return await self.get()
        except errors.ServiceUnavailableError:
            if self._answer is None:
                raise
            return self._answer

    async def _ask(self) -> speech_pb2.GetCapabilitiesResponse:
        described = await self._services.describe()
        self._answer = self._combine(described)
        self._answered_at = time.monotonic()
        return self._answer

    def _asked(self, asking: asyncio.Task[speech_pb2.GetCapabilitiesResponse]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # who asked may have gone: then nobody else takes it

    def _combine(self, described: decoder_pb2.DescribeResponse) -> speech_pb2.GetCapabilitiesResponse:
        return speech_pb2.GetCapabilitiesResponse(
            models=described.models,
            encodings=ENCODINGS,
            decoding_methods=described.decoding_methods,
            limits=self._limits(described.max_hotwords),
            server_version=metadata.version("amira-asr"),
        )

    def _limits(self, max_hotwords: int) -> config_pb2.Limits:
        offered = config_pb2.Limits(
            min_sample_rate_hz=limits.MIN_SAMPLE_RATE_HZ,
            max_sample_rate_hz=limits.MAX_SAMPLE_RATE_HZ,
            max_channels=limits.MAX_CHANNELS,
            max_hotwords=max_hotwords,
            max_message_bytes=self._settings.max_message_audio_bytes,
            max_alternatives=MAX_ALTERNATIVES,
        )
        offered.max_unary_audio.FromMilliseconds(int(self._settings.max_unary_audio_s * 1000))
        offered.idle_timeout.FromMilliseconds(int(self._settings.idle_timeout_s * 1000))
        if self._settings.max_stream_s:
            offered.max_stream.FromMilliseconds(int(self._settings.max_stream_s * 1000))
        return offered
