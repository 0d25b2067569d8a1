"""The client: a channel to each server that it may use, any number of streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

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
from amira_client.access import (
    Peer,
    Pem,
    Tls,
    Token,
    check_secret_stays_secret,
    secret_source,
    tls_options,
)
from amira_client.audio import Audio, Source, open_audio
from amira_client.connection import Connection
from amira_client.errors import ServerError, from_rpc_error
from amira_client.pacing import paced
from amira_client.resuming import Resuming, is_loss
from amira_client.servers import Server, Servers, split_targets
from amira_client.stream import RecognitionStream
from amira_client.tracing import StreamSpan
from amira_client.transcript import Transcript

UNARY_TIMEOUT_S = 120.0
_CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    # A connection of its own, with none of another client's failures.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    # Pings find a dead connection; the server allows one per 20 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A server that comes back is found again within two seconds (grpc would wait up to two minutes).
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Without it the window grows to minutes of audio before a busy server can slow us down.
    ("grpc.http2.bdp_probe", 0),
]

AnswerT = TypeVar("AnswerT")
OnResponse = Callable[[StreamingRecognizeResponse], None]


class AmiraClient:
    """Talks to an Amira server, or to several that can stand in for each other.

    Args:
        target: ``host:port``, or any gRPC name such as ``dns:///amira.example:443``; several, in a list
            or separated by commas, are used in that order.
        tls: True: the server's certificate must be of a public authority; a path or PEM bytes: of one of
            those; :class:`Tls` for more (client certificates, another name); False: plaintext.
        api_key: sent with every call.
        token: a JWT sent with every call in place of an API key, or a function that gives a fresh one.
        plaintext_secret: allows `api_key` and `token` to leave this machine without TLS.
        credentials: gRPC's own, in place of `tls`.
        metadata: sent with every call besides.
        resume: whether a stream that loses its server goes on by itself, there or at another one, without
            its user noticing; :class:`Resuming` says for how long it tries.

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
    ) -> None:
        targets = split_targets(target)
        self.target = ",".join(targets)
        self._resuming = Resuming() if resume is True else resume or None
        self._given_metadata = tuple(metadata)
        self._secret = secret_source(api_key, token)
        options, chosen = list(_CHANNEL_OPTIONS), tls_options(tls)
        if chosen is not None:
            if credentials is not None:
                raise ValueError("give tls or credentials, not both")
            credentials = chosen.credentials()
            if chosen.server_name:
                options.append(("grpc.ssl_target_name_override", chosen.server_name))
        has_secret = self._secret is not None or any(name == "authorization" for name, _ in metadata)
        peers = [Peer(one, credentials is not None, has_secret) for one in targets]
        if self._secret is not None:
            for peer in peers:
                check_secret_stays_secret(peer.target, peer.secure, plaintext_secret)
        self._servers = Servers([_server(peer, credentials, options) for peer in peers])
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

        def connect(server: Server) -> Connection:
            metadata = (*self._metadata(), *span.headers())
            return Connection(span.watch(server.speech.StreamingRecognize(metadata=metadata)), server)

        return RecognitionStream(self._servers, connect, config, self._resuming, span)

    async def capabilities(self, *, timeout_s: float = 10.0) -> GetCapabilitiesResponse:
        """What the server offers; asked once per client.

        Raises:
            ServerError: no answer, or an error.
        """
        if self._capabilities is None:
            self._capabilities = await self._ask(
                lambda server: server.speech.GetCapabilities(
                    GetCapabilitiesRequest(), timeout=timeout_s, metadata=self._metadata()
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
        return await self._ask(
            lambda server: server.speech.Recognize(request, timeout=timeout_s, metadata=self._metadata())
        )

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

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        if self._secret is None:
            return self._given_metadata
        return (*self._given_metadata, ("authorization", f"Bearer {self._secret()}"))

    async def _ask(self, ask: Callable[[Server], Awaitable[AnswerT]]) -> AnswerT:
        """The answer of the first server that is there. Raises the first one's ServerError if none is."""
        first: ServerError | None = None
        for server in self._servers.in_turn(self._servers.preferred):
            try:
                return await ask(server)
            except grpc.aio.AioRpcError as failure:
                error = from_rpc_error(failure, server.peer)
                error.__cause__ = failure
                if not is_loss(error):
                    raise error from failure
                first = first or error
        assert first is not None, "there is a server"
        raise first

    async def _open(self, source: Source, config: RecognitionConfig | None, *, paced: bool = False) -> Audio:
        accepted = (await self.capabilities()).encodings
        return await asyncio.to_thread(open_audio, source, config, accepted=set(accepted), paced=paced)


def _server(
    peer: Peer, credentials: grpc.ChannelCredentials | None, options: list[tuple[str, int | str]]
) -> Server:
    channel = (
        grpc.aio.insecure_channel(peer.target, options=options)
        if credentials is None
        else grpc.aio.secure_channel(peer.target, credentials, options=options)
    )
    return Server(peer, channel, SpeechStub(channel))
