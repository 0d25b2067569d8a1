"""A real gRPC server that speaks amira.asr.v1, with behaviour that each test can script.

It recognizes nothing: its finals say how many bytes came, which is what a client's tests need.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

from google.protobuf.duration_pb2 import Duration

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2, speech_pb2_grpc
from amira_core.rpc.server import RpcServer

Requests = AsyncIterator[speech_pb2.StreamingRecognizeRequest]
Responses = AsyncIterator[speech_pb2.StreamingRecognizeResponse]
Script = Callable[["ScriptedSpeech", Requests], Responses]

ALL_ENCODINGS = [value for value in config_pb2.AudioEncoding.values() if value]


def session() -> speech_pb2.StreamingRecognizeResponse:
    """The first response of every stream."""
    return speech_pb2.StreamingRecognizeResponse(
        session=result_pb2.SessionInfo(session_id="s-1", model="scripted")
    )


def result(
    text: str, *, final: bool, segment: int = 0, stable: int = 0
) -> speech_pb2.StreamingRecognizeResponse:
    """An interim or final with a latency of 42 ms."""
    response = speech_pb2.StreamingRecognizeResponse(
        result=result_pb2.StreamingResult(
            segment_id=segment,
            is_final=final,
            stable_words=stable,
            alternatives=[result_pb2.Alternative(text=text)],
        )
    )
    latency = Duration()
    latency.FromMilliseconds(42)
    response.lag.server_latency.CopyFrom(latency)
    return response


async def count_bytes(server: ScriptedSpeech, requests: Requests) -> Responses:
    """An interim for each piece, an echo for each mark, a final at each flush and at the end."""
    yield session()
    received, segment = 0, 0
    async for request in requests:
        server.requests.append(request)
        if request.HasField("audio"):
            received += len(request.audio.content)
            yield result(f"{received} bytes so far", final=False, segment=segment, stable=2)
        elif request.HasField("control"):
            match request.control.WhichOneof("control"):
                case "mark":
                    yield speech_pb2.StreamingRecognizeResponse(mark=request.control.mark)
                case "flush":
                    yield result(f"{received} bytes", final=True, segment=segment)
                    segment += 1
                case "end_of_audio":
                    yield result(f"{received} bytes", final=True, segment=segment)
                    return


class ScriptedSpeech(speech_pb2_grpc.SpeechServicer):
    """``async with ScriptedSpeech() as server: server.target``."""

    def __init__(self, script: Script = count_bytes, **server: Any) -> None:
        """`server`: what else RpcServer is given (interceptors, transport)."""
        self.script = script
        self.encodings = list(ALL_ENCODINGS)
        self.requests: list[speech_pb2.StreamingRecognizeRequest] = []
        self.unary_requests: list[speech_pb2.RecognizeRequest] = []
        self.metadata: dict[str, Any] = {}
        self.target = ""
        self._server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech", **server)

    @property
    def audio(self) -> bytes:
        """All audio of all streams so far."""
        return b"".join(request.audio.content for request in self.requests)

    async def __aenter__(self) -> Self:
        speech_pb2_grpc.add_SpeechServicer_to_server(self, self._server.grpc)
        self.target = f"127.0.0.1:{await self._server.start()}"
        await self._server.set_ready(True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.stop(0)

    async def StreamingRecognize(self, requests: Requests, context: Any) -> Responses:  # noqa: N802
        self.metadata = dict(context.invocation_metadata())
        async for response in self.script(self, requests):
            yield response

    async def Recognize(self, request: speech_pb2.RecognizeRequest, context: Any) -> Any:  # noqa: N802
        self.unary_requests.append(request)
        final = result(f"{len(request.audio)} bytes", final=True).result
        return speech_pb2.RecognizeResponse(session=session().session, results=[final])

    async def GetCapabilities(self, request: Any, context: Any) -> Any:  # noqa: N802
        return speech_pb2.GetCapabilitiesResponse(encodings=self.encodings, server_version="scripted")
