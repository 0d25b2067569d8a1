"""The kinds of client that a session can have: a stream, by gRPC or otherwise, or one recording."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

import grpc

from amira.asr.v1 import config_pb2, speech_pb2
from amira_core.tracing.stream import stream_trace
from amira_gateway.session.audio import AudioShape

StreamContext = grpc.aio.ServicerContext[
    speech_pb2.StreamingRecognizeRequest, speech_pb2.StreamingRecognizeResponse
]


class ClientGoneError(Exception):
    """A message cannot be sent: the connection is lost. What grpc calls have in its place is grpc's own."""


class Client(Protocol):
    """Where a session's messages come from and go to. One reader and one writer at a time."""

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        """The next message; None once the client sends no more."""

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        """Sends a message; waits while the client is not reading. Raises ClientGoneError."""


class BegunClient:
    """A client whose first message has been looked at; it is read once more."""

    def __init__(self, client: Client, first: speech_pb2.StreamingRecognizeRequest | None) -> None:
        self._client = client
        self._first = first

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        if self._first is None:
            return await self._client.read()
        first, self._first = self._first, None
        return first

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        await self._client.write(response)


class GrpcClient:
    """A StreamingRecognize call."""

    def __init__(self, context: StreamContext) -> None:
        self._context = context
        self._answered = False

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        request: object = await self._context.read()
        if not isinstance(request, speech_pb2.StreamingRecognizeRequest):  # grpc.aio.EOF
            # A cancelled call looks half-closed until grpc cancels the handler, some ticks later.
            for _ in range(3):
                await asyncio.sleep(0)
            return None
        return request

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        if not self._answered:
            self._answered = True
            if answer := stream_trace().answer():
                await self._context.send_initial_metadata(answer)
        await self._context.write(response)


class RecordingClient:
    """A Recognize call: sends one recording and keeps what comes back."""

    def __init__(self, config: config_pb2.RecognitionConfig, audio: bytes) -> None:
        """`config` must be valid."""
        self.responses: list[speech_pb2.StreamingRecognizeResponse] = []
        self._requests = _recording(config, audio)

    async def read(self) -> speech_pb2.StreamingRecognizeRequest | None:
        return next(self._requests, None)

    async def write(self, response: speech_pb2.StreamingRecognizeResponse) -> None:
        self.responses.append(response)


def _recording(
    config: config_pb2.RecognitionConfig, audio: bytes
) -> Iterator[speech_pb2.StreamingRecognizeRequest]:
    quiet = config_pb2.RecognitionConfig()
    quiet.CopyFrom(config)
    quiet.interim_results = False
    yield speech_pb2.StreamingRecognizeRequest(config=quiet)
    for piece in AudioShape.of(config).cut(audio):
        yield speech_pb2.StreamingRecognizeRequest(audio=speech_pb2.AudioChunk(content=piece))
