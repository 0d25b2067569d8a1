"""Streams without the client library's manners: any messages in any order, and what the server says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import soundfile

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2, speech_pb2_grpc
from amira_client.errors import from_rpc_error
from amira_core.rpc.call import DuplexCall
from tests.conftest import ROOT

CLIP = ROOT / "demo" / "speech" / "sense-and-sensibility.flac"
RATE_HZ = 16_000
Request = speech_pb2.StreamingRecognizeRequest
PATIENCE_S = 60.0


@dataclass
class Answer:
    """All that a stream brought."""

    responses: list[speech_pb2.StreamingRecognizeResponse] = field(default_factory=list)
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    message: str = ""
    retry_after_s: float | None = None

    @property
    def outcome(self) -> str:
        """Status and reason: ``"OK"``, ``"INVALID_ARGUMENT BAD_HOTWORDS"``."""
        return f"{self.code.name} {self.reason}".strip()

    @property
    def finals(self) -> list[result_pb2.StreamingResult]:
        """The final results."""
        return [r.result for r in self.responses if r.HasField("result") and r.result.is_final]

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(final.alternatives[0].text for final in self.finals)

    @property
    def marks(self) -> list[str]:
        """The echoed marks."""
        return [r.mark.id for r in self.responses if r.HasField("mark")]


def config(encoding: str = "LINEAR16", rate_hz: int = RATE_HZ, **fields: Any) -> Request:
    """A config message."""
    return Request(
        config=config_pb2.RecognitionConfig(
            encoding=config_pb2.AudioEncoding.Value(f"AUDIO_ENCODING_{encoding}"),
            sample_rate_hz=rate_hz,
            **fields,
        )
    )


def audio(content: bytes, offset: int | None = None) -> Request:
    """An audio message."""
    return Request(audio=speech_pb2.AudioChunk(content=content, offset=offset))


def control(**fields: Any) -> Request:
    """A control message."""
    return Request(control=speech_pb2.StreamControl(**fields))


def mark(mark_id: str) -> Request:
    """A MARK."""
    return control(mark=speech_pb2.Mark(id=mark_id))


FLUSH = control(flush=speech_pb2.Flush())
END = control(end_of_audio=speech_pb2.EndOfAudio())
KEEP_ALIVE = control(keep_alive=speech_pb2.KeepAlive())


def pieces(content: bytes, size: int = 6400) -> list[Request]:
    """Audio messages of `size` bytes."""
    return [audio(content[begin : begin + size]) for begin in range(0, len(content), size)]


def clip_pcm(seconds: float = 8.0) -> bytes:
    """The start of the demo recording, 16-bit PCM at 16 kHz."""
    samples, _ = soundfile.read(CLIP, dtype="int16")
    return bytes(samples[: int(seconds * RATE_HZ)].tobytes())


@asynccontextmanager
async def speech_stub(target: str) -> AsyncIterator[speech_pb2_grpc.SpeechAsyncStub]:
    """A plain stub that lets anything pass on this side."""
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        yield speech_pb2_grpc.SpeechStub(channel)


async def talk(
    stub: speech_pb2_grpc.SpeechAsyncStub, requests: Iterable[Request], *, half_close: bool = True
) -> Answer:
    """Sends everything while reading everything; TimeoutError when the call does not end."""
    call = DuplexCall(stub.StreamingRecognize())

    async def send() -> None:
        try:
            for request in requests:
                if not await call.write(request):
                    return
            if half_close:
                await call.done_writing()
        except Exception:
            call.cancel()
            raise

    answer = Answer()
    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (response := await call.read()) is not None:
                answer.responses.append(response)
    except grpc.aio.AioRpcError as failure:
        take_status(answer, failure)
    finally:
        call.cancel()
        sending.cancel()
        [failure_to_send] = await asyncio.gather(sending, return_exceptions=True)
    if isinstance(failure_to_send, Exception):
        raise failure_to_send
    return answer


def take_status(answer: Answer, failure: grpc.aio.AioRpcError) -> None:
    """Notes how a call failed."""
    error = from_rpc_error(failure, "the stack")
    answer.code, answer.reason = failure.code(), error.reason
    answer.message, answer.retry_after_s = failure.details() or "", error.retry_after_s


async def recognize(stub: speech_pb2_grpc.SpeechAsyncStub, request: speech_pb2.RecognizeRequest) -> Answer:
    """The unary call."""
    answer = Answer()
    try:
        response = await stub.Recognize(request, timeout=PATIENCE_S)
    except grpc.aio.AioRpcError as failure:
        take_status(answer, failure)
        return answer
    answer.responses = [speech_pb2.StreamingRecognizeResponse(result=result) for result in response.results]
    return answer


def innocent_requests() -> Sequence[Request]:
    """A well-behaved stream of real speech."""
    return [config(word_times=True), *pieces(clip_pcm())]


@asynccontextmanager
async def bystander(target: str, undisturbed: Answer) -> AsyncIterator[None]:
    """An innocent stream, half of it before and half of it after what happens inside, its words checked."""
    async with speech_stub(target) as stub:
        call = DuplexCall(stub.StreamingRecognize())
        heard = Answer()

        async def read() -> None:
            while (response := await call.read()) is not None:
                heard.responses.append(response)

        reading = asyncio.create_task(read())
        requests = innocent_requests()
        try:
            for request in requests[: len(requests) // 2]:
                assert await call.write(request)
            yield
            for request in requests[len(requests) // 2 :]:
                assert await call.write(request)
            await call.done_writing()
            await asyncio.wait_for(reading, PATIENCE_S)
        finally:
            call.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    assert heard.text, "the recording holds speech"
    assert heard.finals == undisturbed.finals
