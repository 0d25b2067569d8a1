"""The client: a channel to each server that it may use, any number of streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
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
from amira_client.access import Peer, Pem, Tls, Token, check_secret_stays_secret, tls_options
from amira_client.audio import Audio, Source, open_audio
from amira_client.channels import open_channels
from amira_client.connection import Connection
from amira_client.events import Event
from amira_client.feeding import fed, send_all
from amira_client.pacing import paced
from amira_client.pieces import Pieces, Recording, described, whole_samples
from amira_client.recovery import Recovery
from amira_client.resuming import Resuming
from amira_client.retrying import Retrying
from amira_client.secret import Header, Secret
from amira_client.servers import Server, split_targets
from amira_client.stream import RecognitionStream
from amira_client.tracing import StreamSpan
from amira_client.transcript import Transcript
from amira_client.unary import Unary

UNARY_TIMEOUT_S = 120.0
OnResponse = Callable[[StreamingRecognizeResponse], None]


class AmiraClient:
    """Talks to an Amira server, or to several that can stand in for each other.

    Args:
        target: ``host:port``, or any gRPC name such as ``dns:///amira.example:443``; several, in a list
            or separated by commas, are used in that order.
        tls: True: the server's certificate must be of a public authority; a path or PEM bytes: of one of
            those; :class:`Tls` for more (client certificates, another name); False: plaintext.
        api_key: sent with every call.
        token: a JWT sent with every call in place of an API key, or what gives one for each call: a function
            or coroutine function that does not block, or a :class:`RefreshingToken`.
        plaintext_secret: allows `api_key` and `token` to leave this machine without TLS.
        credentials: gRPC's own, in place of `tls`.
        metadata: sent with every call besides.
        resume: whether a stream that loses its server goes on by itself, there or at another one, without
            its user noticing; :class:`Resuming` says for how long it tries.
        retry: whether a call that no server takes just now (NO_CAPACITY, nobody answers ...) waits and tries
            again, as servers advise; :class:`Retrying` says for how long. Streams only with `resume`:
            the audio that is sent meanwhile is kept for it.
        proxy: True: where the environment names an HTTP proxy (``https_proxy``, ``grpc_proxy``; ``no_proxy``
            for exceptions), connections are tunnelled through it (CONNECT); False: never;
            ``http://[user:password@]host:port``: always through this one.

    Raises:
        ValueError: arguments that contradict each other, or a key that would travel unencrypted.
        OSError: a certificate file cannot be read.
    """

    def __init__(
        self,
        target: str | Sequence[str],
        *,
        tls: bool | Pem | Tls = False,
        api_key: str | None = None,
        token: Token | None = None,
        plaintext_secret: bool = False,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Sequence[tuple[str, str | bytes]] = (),
        resume: bool | Resuming = True,
        retry: bool | Retrying = False,
        proxy: bool | str = True,
    ) -> None:
        targets = split_targets(target)
        self.target = ",".join(targets)
        self._resuming = Resuming() if resume is True else resume or None
        self._retrying = Retrying() if retry is True else retry or None
        self._given_metadata = tuple(metadata)
        self._secret = Secret(api_key, token)
        chosen = tls_options(tls)
        if chosen is not None:
            if credentials is not None:
                raise ValueError("give tls or credentials, not both")
            credentials = chosen.credentials()
        has_secret = self._secret.given or any(name == "authorization" for name, _ in metadata)
        peers = [Peer(one, credentials is not None, has_secret) for one in targets]
        if self._secret.given:
            for peer in peers:
                check_secret_stays_secret(
                    peer.target, peer.secure, plaintext_secret, by_proxy=isinstance(proxy, str)
                )
        self._servers = open_channels(peers, credentials, chosen, proxy)
        self._unary = Unary(self._servers, self._secret, self._given_metadata, self._retrying)
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
        """Closes the channels; running streams end with an error."""
        await self._servers.close()

    def stream(self, config: RecognitionConfig) -> RecognitionStream:
        """Opens a stream and sends `config`. Use it with ``async with``.

        An unreachable or refusing server shows at the first response, or at a later send.
        """
        span = StreamSpan()
        sent: Header = ()

        async def connect(server: Server) -> Connection:
            nonlocal sent
            sent = await self._secret.header()
            metadata = (*self._given_metadata, *sent, *span.headers())
            return Connection(span.watch(server.speech.StreamingRecognize(metadata=metadata)), server)

        recovery = Recovery(self._resuming, self._retrying, lambda error: self._secret.renewed(error, sent))
        return RecognitionStream(self._servers, connect, config, recovery, span)

    async def listen(
        self,
        source: Source | Pieces,
        config: RecognitionConfig | None = None,
        *,
        real_time_factor: float | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Streams `source`, see :meth:`transcribe`, and yields what the server says as it comes.

        Raises:
            UnreadableAudioError, MicrophoneError: from `source`.
            ServerError: the server refused it or failed.
        """
        recording = await self._prepare(source, config, real_time_factor)
        stream = self.stream(recording.config)
        async with stream, fed(stream, send_all(stream, recording.pieces)):
            async for event in stream.events():
                yield event

    async def capabilities(self, *, timeout_s: float = 10.0) -> GetCapabilitiesResponse:
        """What the server offers; asked once per client.

        Raises:
            ServerError: no answer, or an error.
        """
        if self._capabilities is None:
            self._capabilities = await self._unary.ask(
                lambda server, metadata: server.speech.GetCapabilities(
                    GetCapabilitiesRequest(), timeout=timeout_s, metadata=metadata
                )
            )
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
        return await self._unary.ask(
            lambda server, metadata: server.speech.Recognize(request, timeout=timeout_s, metadata=metadata)
        )

    async def transcribe(
        self,
        source: Source | Pieces,
        config: RecognitionConfig | None = None,
        *,
        real_time_factor: float | None = None,
        on_response: OnResponse | None = None,
    ) -> Transcript:
        """Streams a whole recording and gathers the finals.

        Args:
            source: a path or bytes: WAV, FLAC, Ogg-Opus, anything libsndfile reads, or headerless
                PCM when `config` names its encoding and rate. Or an iterator of bytes, asynchronous
                or not (it may block), in the config's encoding; a :class:`Microphone` says itself what
                it gives.
            config: encoding, rate and channels are filled in from the audio.
            real_time_factor: None sends as fast as the server takes it; 1 sends at the speed of
                speech, 2 twice as fast. For paths and bytes only.
            on_response: called with every response as it comes.

        Raises:
            UnreadableAudioError: `source` is not audio.
            ServerError: the server refused it or failed.
        """
        recording = await self._prepare(source, config, real_time_factor)
        loop = asyncio.get_running_loop()
        finals, session = [], SessionInfo()
        sent_at = last_final_at = loop.time()

        def note_sent() -> None:
            nonlocal sent_at
            sent_at = loop.time()

        stream = self.stream(recording.config)
        async with stream, fed(stream, send_all(stream, recording.pieces, note_sent)):
            async for response in stream:
                if on_response is not None:
                    on_response(response)
                if response.HasField("session"):
                    session = response.session
                elif response.HasField("result") and response.result.is_final:
                    finals.append(response.result)
                    last_final_at = loop.time()
        return Transcript(finals, session, recording.duration_s, max(0.0, last_final_at - sent_at))

    async def _prepare(
        self, source: Source | Pieces, config: RecognitionConfig | None, real_time_factor: float | None
    ) -> Recording:
        if not isinstance(source, Source):
            if real_time_factor is not None:
                raise ValueError("real_time_factor is for paths and bytes: pieces have a pace of their own")
            config = described(source, config)
            return Recording(config, whole_samples(source, config), None)
        audio = await self._open(source, config, paced=real_time_factor is not None)
        return Recording(audio.describe(config), paced(audio, real_time_factor), audio.duration_s)

    async def _open(self, source: Source, config: RecognitionConfig | None, *, paced: bool = False) -> Audio:
        accepted = (await self.capabilities()).encodings
        return await asyncio.to_thread(open_audio, source, config, accepted=set(accepted), paced=paced)
