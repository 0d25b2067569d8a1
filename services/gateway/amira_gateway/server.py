"""The public gRPC service."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from amira.asr.v1 import speech_pb2, speech_pb2_grpc
from amira_core import errors
from amira_core.rpc.server import RpcServer
from amira_gateway import metrics
from amira_gateway.admission import Admission
from amira_gateway.capabilities import Capabilities
from amira_gateway.loop_lag import LoopLag
from amira_gateway.services import Services
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.client import BegunClient, Client, GrpcClient, RecordingClient, StreamContext
from amira_gateway.session.convert import unary_response
from amira_gateway.session.resume_token import ResumeTokens
from amira_gateway.session.session import Session
from amira_gateway.session.sessions import Sessions
from amira_gateway.session.validation import check_config
from amira_gateway.settings import GatewaySettings

_END_MARGIN_S = 2.0
_LOOK_AGAIN_S = 0.05


class SpeechServicer(speech_pb2_grpc.SpeechServicer):
    """Serves amira.asr.v1.Speech."""

    def __init__(self, services: Services, settings: GatewaySettings) -> None:
        self._services = services
        self._settings = settings
        self.capabilities = Capabilities(services, settings)
        self._tokens = ResumeTokens(settings.resume_secret)
        self.admission = Admission(settings.max_streams)
        self.loop_lag = LoopLag(settings.max_loop_lag_ms / 1000)
        """Somebody must run it."""
        self.sessions = Sessions(self.admission, self._tokens, settings.resume_window_s)

    async def StreamingRecognize(  # type: ignore[override]  # a coroutine that reads and writes by itself: a generator cannot time a write
        self, request_iterator: Any, context: StreamContext
    ) -> None:
        await self.stream(GrpcClient(context))

    async def stream(self, client: Client) -> None:
        """Serves a stream, whatever it came by. Raises AmiraError, ClientGoneError."""
        with metrics.refusals(), self.admission.opening(self.sessions.any_resumable):
            first = await self._first_message(client)
        if first is not None and first.WhichOneof("request") == "resume":
            await self.sessions.resume(first.resume, client)
            return
        with metrics.refusals():
            self.admission.check()
            if first is None or not first.HasField("resume_point"):  # it runs already, at another gateway
                self.loop_lag.check(self.admission.streams)
                self._services.fullness.check()
            session = Session(self._services, self._settings, self._tokens)
        await self.sessions.begin(session, BegunClient(client, first))

    async def Recognize(
        self, request: speech_pb2.RecognizeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> speech_pb2.RecognizeResponse:
        with metrics.refusals():
            self.admission.check()
            self.loop_lag.check(self.admission.streams)
            self._services.fullness.check()
            self._check_recording(request)
            client = RecordingClient(request.config, request.audio)
            max_audio_s = self._settings.max_unary_audio_s
            session = Session(self._services, self._settings, self._tokens, max_audio_s)
        await self.sessions.begin(session, client)
        return unary_response(client.responses)

    async def GetCapabilities(
        self, request: speech_pb2.GetCapabilitiesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> speech_pb2.GetCapabilitiesResponse:
        return await self.capabilities.get()

    async def close(self) -> None:
        """Ends the sessions that no call waits for."""
        await self.sessions.close()

    async def _first_message(self, client: Client) -> speech_pb2.StreamingRecognizeRequest | None:
        timeout_s = min(self._settings.first_message_timeout_s, self._settings.idle_timeout_s)
        try:
            async with asyncio.timeout(timeout_s):  # the call ends with it: nothing is read afterwards
                return await client.read()
        except TimeoutError:
            raise errors.IdleTimeoutError(
                f"No message came for {timeout_s:g} s: send config first."
            ) from None

    def _check_recording(self, request: speech_pb2.RecognizeRequest) -> None:
        if not request.HasField("config"):
            raise errors.ConfigMissingError("The request has no config.")
        check_config(request.config)
        shape = AudioShape.of(request.config)
        most_s = self._settings.max_unary_audio_s
        if shape.is_pcm and shape.seconds(len(request.audio)) > most_s:
            raise errors.AudioTooLongError(
                f"The recording is {shape.seconds(len(request.audio)):.1f} s long, "
                f"more than {most_s:g} s: use StreamingRecognize."
            )


async def drain(server: RpcServer, servicer: SpeechServicer, timeout_s: float) -> None:
    """Lets running streams finish, or move, for `timeout_s`, then ends them with a status that says why.

    Health flips first; the port is closed last, so that new streams learn why they are refused.
    """
    error = errors.DrainingError(
        "The server is shutting down: open a new stream, which another one will take."
    )
    await server.set_ready(False)
    servicer.admission.drain(error, timeout_s)
    ended_at = asyncio.get_running_loop().time() + timeout_s
    while len(servicer.admission) and asyncio.get_running_loop().time() < ended_at:  # noqa: ASYNC110 - rare
        await asyncio.sleep(_LOOK_AGAIN_S)
    servicer.admission.end_all(error)
    await servicer.close()
    await server.stop(_END_MARGIN_S)
