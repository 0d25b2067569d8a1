"""The public gRPC service."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from amira.asr.v1 import speech_pb2, speech_pb2_grpc
from amira_core import errors
from amira_core.rpc.server import RpcServer
from amira_gateway.admission import Admission
from amira_gateway.capabilities import Capabilities
from amira_gateway.services import Services
from amira_gateway.session.audio import AudioShape
from amira_gateway.session.client import GrpcClient, RecordingClient, StreamContext
from amira_gateway.session.convert import unary_response
from amira_gateway.session.session import Session
from amira_gateway.session.validation import check_config
from amira_gateway.settings import GatewaySettings

_END_MARGIN_S = 2.0


class SpeechServicer(speech_pb2_grpc.SpeechServicer):
    """Serves amira.asr.v1.Speech."""

    def __init__(self, services: Services, settings: GatewaySettings) -> None:
        self._services = services
        self._settings = settings
        self._capabilities = Capabilities(services, settings)
        self.admission = Admission(settings.max_streams)

    async def StreamingRecognize(  # type: ignore[override]  # a coroutine that reads and writes by itself: a generator cannot time a write
        self, request_iterator: Any, context: StreamContext
    ) -> None:
        self.admission.check()
        session = Session(GrpcClient(context), self._services, self._settings)
        with self.admission.place(session):
            await session.run()

    async def Recognize(
        self, request: speech_pb2.RecognizeRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> speech_pb2.RecognizeResponse:
        self.admission.check()
        self._check_recording(request)
        client = RecordingClient(request.config, request.audio)
        session = Session(client, self._services, self._settings, self._settings.max_unary_audio_s)
        with self.admission.place(session):
            await session.run()
        return unary_response(client.responses)

    async def GetCapabilities(
        self, request: speech_pb2.GetCapabilitiesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> speech_pb2.GetCapabilitiesResponse:
        return await self._capabilities.get()

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
    """Lets running streams finish for `timeout_s`, then ends them with a status that says why."""
    stopping = asyncio.create_task(server.stop(timeout_s + _END_MARGIN_S))
    done, _ = await asyncio.wait([stopping], timeout=timeout_s)
    if not done:
        servicer.admission.end_all(
            errors.DrainingError(
                "The server is shutting down: open a new stream, which another one will take."
            )
        )
    await stopping
