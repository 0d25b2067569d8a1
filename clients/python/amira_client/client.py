"""The client: one channel to one server, any number of streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import grpc

from amira.asr.v1.config_pb2 import RecognitionConfig
from amira.asr.v1.result_pb2 import SessionInfo
from amira.asr.v1.speech_pb2 import (
    GetCapabilitiesRequest,
    GetCapabilitiesResponse,
    RecognizeRequest,
    RecognizeResponse,
    StreamingRecognizeResponse,
)
from amira.asr.v1.speech_pb2_grpc import SpeechStub
from amira_client.audio import Audio, Source, open_audio
from amira_client.errors import ServerError, from_rpc_error
from amira_client.pacing import paced
from amira_client.stream import RecognitionStream
from amira_client.transcript import Transcript

UNARY_TIMEOUT_S = 120.0
_CHANNEL_OPTIONS = [
    # A connection of its own, with none of another client's failures.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # Pings find a dead connection; the server allows one per 20 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Without it the window grows to minutes of audio before a busy server can slow us down.
    ("grpc.http2.bdp_probe", 0),
]

OnResponse = Callable[[StreamingRecognizeResponse], None]


class AmiraClient:
    """Talks to one Amira server.

    Args:
        target: ``host:port``, or any gRPC name such as ``dns:///amira.example:443``.
        credentials: for TLS, for example ``grpc.ssl_channel_credentials()``; None means plain text.
        metadata: sent with every call, for example ``[("authorization", "Bearer ...")]``.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        self.target = target
        self._metadata = tuple(metadata)
        self._channel = (
            grpc.aio.insecure_channel(target, options=_CHANNEL_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)
        )
        self._speech = SpeechStub(self._channel)
        self._capabilities: GetCapabilitiesResponse | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the channel; running streams end with an error."""
        await self._channel.close()

    def stream(self, config: RecognitionConfig) -> RecognitionStream:
        """Opens a stream and sends `config`. Use it with ``async with``.

        An unreachable or refusing server shows at the first response, or at a later send.
        """
        call = self._speech.StreamingRecognize(metadata=self._metadata)
        return RecognitionStream(call, config, self.target)

    async def capabilities(self, *, timeout_s: float = 10.0) -> GetCapabilitiesResponse:
        """What the server offers; asked once per client.

        Raises:
            ServerError: no answer, or an error.
        """
        if self._capabilities is None:
            try:
                self._capabilities = await self._speech.GetCapabilities(
                    GetCapabilitiesRequest(), timeout=timeout_s, metadata=self._metadata
                )
            except grpc.aio.AioRpcError as failure:
                raise from_rpc_error(failure, self.target) from failure
        return self._capabilities

    async def recognize(
        self,
        source: Source,
        config: RecognitionConfig | None = None,
        *,
        timeout_s: float = UNARY_TIMEOUT_S,
    ) -> RecognizeResponse:
        """Recognizes a short recording (see Limits.max_unary_audio) in one unary call.

        Raises:
            UnreadableAudioError: `source` is not audio.
            ServerError: the server refused it or failed.
        """
        audio = await self._open(source, config)
        content = await asyncio.to_thread(lambda: b"".join(audio.pieces()))
        request = RecognizeRequest(config=audio.describe(config), audio=content)
        try:
            return await self._speech.Recognize(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            raise from_rpc_error(failure, self.target) from failure

    async def transcribe(
        self,
        source: Source,
        config: RecognitionConfig | None = None,
        *,
        real_time_factor: float | None = None,
        on_response: OnResponse | None = None,
    ) -> Transcript:
        """Streams a whole recording and gathers the finals.

        Args:
            source: a path or bytes: WAV, FLAC, Ogg-Opus, anything libsndfile reads, or headerless
                PCM when `config` names its encoding and rate.
            config: encoding, rate and channels are filled in from the audio.
            real_time_factor: None sends as fast as the server takes it; 1 sends at the speed of
                speech, 2 twice as fast.
            on_response: called with every response as it comes.

        Raises:
            UnreadableAudioError: `source` is not audio.
            ServerError: the server refused it or failed.
        """
        audio = await self._open(source, config, paced=real_time_factor is not None)
        loop = asyncio.get_running_loop()
        finals, session = [], SessionInfo()
        sent_at = last_final_at = loop.time()

        async def send_all(stream: RecognitionStream) -> None:
            nonlocal sent_at
            try:
                async for piece in paced(audio, real_time_factor):
                    await stream.send(piece)
                sent_at = loop.time()
                await stream.end()
            except ServerError:
                return  # the reading side says so, after everything that came before it
            except BaseException:
                await stream.aclose()  # ends the reading too
                raise

        async with self.stream(audio.describe(config)) as stream:
            sending = asyncio.create_task(send_all(stream), name="amira-send")
            try:
                async for response in stream:
                    if on_response is not None:
                        on_response(response)
                    if response.HasField("session"):
                        session = response.session
                    elif response.HasField("result") and response.result.is_final:
                        finals.append(response.result)
                        last_final_at = loop.time()
                await sending
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        return Transcript(finals, session, audio.duration_s, max(0.0, last_final_at - sent_at))

    async def _open(self, source: Source, config: RecognitionConfig | None, *, paced: bool = False) -> Audio:
        accepted = (await self.capabilities()).encodings
        return await asyncio.to_thread(open_audio, source, config, accepted=set(accepted), paced=paced)
