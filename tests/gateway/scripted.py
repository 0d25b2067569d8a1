"""A frontend and a decoder that do next to nothing, over real gRPC, and a gateway in front of them.

The frontend passes audio through as if it were features (10 ms = 320 bytes, as in 16 kHz LINEAR16);
the decoder counts them in chunks of 640 ms and says how many bytes a segment had. Both remember what
came and how each call ended, and call `hook` before they act on a message, to fail or to hang there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from amira.asr.v1 import config_pb2, result_pb2, speech_pb2, speech_pb2_grpc
from amira.decoder.v1 import decoder_pb2, decoder_pb2_grpc
from amira.frontend.v1 import frontend_pb2, frontend_pb2_grpc
from amira_core import errors
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer
from amira_core.rpc.status import from_rpc_error
from amira_gateway.replicas.settings import ReplicaSettings
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings

FRAME_BYTES = 320
CHUNK_FRAMES = 64


@dataclass
class Call:
    """One call as a scripted service saw it."""

    requests: list[Any] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: str = "running"
    context: Any = None

    @property
    def kinds(self) -> list[str]:
        return [request.WhichOneof("request") for request in self.requests]


Hook = Callable[[Call, Any], Awaitable[None]]

PATIENT = ReplicaSettings(accept_timeout_s=20, health_timeout_s=10)


async def _nothing(call: Call, request: Any) -> None:
    """The hook that lets everything pass."""


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that nobody announces; TimeoutError after 90 s."""
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


class _Scripted:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.hook: Hook = _nothing
        self.opened = asyncio.Event()

    async def _run(self, context: Any, step: Callable[[Call, Any], Awaitable[bool]]) -> None:
        call = Call(context=context)
        self.calls.append(call)
        self.opened.set()
        try:
            while (request := await context.read()) is not grpc.aio.EOF:
                call.requests.append(request)
                await self.hook(call, request)
                if await step(call, request):
                    break
            else:
                await asyncio.sleep(0.01)  # a cancelled call looks half-closed at first
                call.outcome = "half-closed"
                return
            call.outcome = "done"
        except asyncio.CancelledError:
            call.outcome = "cancelled"
            raise
        except BaseException as error:
            call.outcome = type(error).__name__
            raise
        finally:
            call.over.set()

    async def all_over(self) -> list[str]:
        """Outcomes, once every call has ended."""
        async with asyncio.timeout(30):
            for call in self.calls:
                await call.over.wait()
        return [call.outcome for call in self.calls]


class ScriptedFrontend(_Scripted, frontend_pb2_grpc.FrontendServicer):
    """Audio in, the same bytes out as frames."""

    async def Extract(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # noqa: N802
        start = sent = 0  # bytes since the start of the stream

        async def send_frames(call: Call, end: int) -> None:
            nonlocal sent
            frames = bytes(call.audio[sent - start : end])
            features = frontend_pb2.Features(
                frames=frames,
                first_frame=sent // FRAME_BYTES,
                received_samples=(start + len(call.audio)) // 2,
            )
            sent = start + end
            if frames:
                await context.write(frontend_pb2.ExtractResponse(features=features))

        async def step(call: Call, request: frontend_pb2.ExtractRequest) -> bool:
            nonlocal start, sent
            kind = request.WhichOneof("request")
            if kind == "audio":
                call.audio += request.audio
                await send_frames(call, len(call.audio) // FRAME_BYTES * FRAME_BYTES)
            elif kind == "barrier":
                await context.write(frontend_pb2.ExtractResponse(barrier=request.barrier))
            elif kind == "format":
                start = sent = request.format.first_sample * 2
            elif kind == "end":
                await send_frames(call, len(call.audio))
                samples = (start + len(call.audio)) // 2
                summary = frontend_pb2.ExtractSummary(frames=samples // 160, samples=samples)
                await context.write(frontend_pb2.ExtractResponse(summary=summary))
                return True
            return False

        await self._run(context, step)


class ScriptedDecoder(_Scripted, decoder_pb2_grpc.DecoderServicer):
    """Counts: an interim per 640 ms, a final per flush and at the end, marks echoed."""

    model = config_pb2.ModelInfo(name="counter", version="7", language_code="en")

    def __init__(self) -> None:
        super().__init__()
        self.model.chunk_duration.FromMilliseconds(640)
        self.model.look_ahead.FromMilliseconds(350)
        self.described = 0

    async def Describe(self, request: Any, context: Any) -> decoder_pb2.DescribeResponse:  # noqa: N802
        self.described += 1
        return decoder_pb2.DescribeResponse(
            models=[self.model],
            decoding_methods=[config_pb2.DECODING_METHOD_BEAM],
            slots_total=4,
            max_hotwords=200,
        )

    async def Decode(self, request_iterator: Any, context: Any) -> None:  # type: ignore[override]  # noqa: N802
        start = 0  # bytes before what this call is sent
        segment = 0
        segment_began = 0
        chunks = 0
        interims = False

        def position(call: Call) -> int:
            return start + len(call.audio)

        async def say(call: Call, **fields: Any) -> None:
            frames = position(call) // FRAME_BYTES
            await context.write(decoder_pb2.DecodeResponse(decoded_frames=frames, **fields))

        async def result(call: Call, final: bool) -> None:
            text = f"{position(call) - segment_began} bytes"
            heard = result_pb2.StreamingResult(
                segment_id=segment, is_final=final, alternatives=[result_pb2.Alternative(text=text)]
            )
            heard.audio_processed.FromMilliseconds(position(call) // FRAME_BYTES * 10)
            if not final:
                await say(call, result=heard)
                return
            frame = position(call) // FRAME_BYTES
            resume = decoder_pb2.ResumePoint(
                first_frame=frame, segment_id=segment + 1, segment_start_frame=frame
            )
            await say(call, result=heard, resume=resume)

        async def step(call: Call, request: decoder_pb2.DecodeRequest) -> bool:
            nonlocal start, segment, segment_began, chunks, interims
            kind = request.WhichOneof("request")
            if kind == "config":
                interims = request.config.interim_results
                start = segment_began = request.resume.first_frame * FRAME_BYTES
                segment = request.resume.segment_id
                chunks = start // (CHUNK_FRAMES * FRAME_BYTES)
                await say(call, accepted=decoder_pb2.StreamAccepted(model=self.model, slot=1))
            elif kind == "features":
                call.audio += request.features
                done = position(call) // (CHUNK_FRAMES * FRAME_BYTES)
                if done > chunks and interims:
                    await result(call, final=False)
                chunks = done
            elif kind in ("flush", "end"):
                if position(call) > segment_began:
                    await result(call, final=True)
                    segment += 1
                    segment_began = position(call)
            elif kind == "mark":
                await say(call, mark=request.mark)
            return bool(kind == "end")

        await self._run(context, step)


@dataclass
class Stack:
    """A gateway with its scripted services and a client's stub."""

    frontends: list[ScriptedFrontend]
    decoders: list[ScriptedDecoder]
    frontend_servers: list[RpcServer]
    decoder_servers: list[RpcServer]
    gateway: SpeechServicer
    gateway_server: RpcServer
    services: Services
    frontend_port: int
    decoder_port: int
    port: int
    channel: grpc.aio.Channel
    stub: Any

    @property
    def frontend(self) -> ScriptedFrontend:
        """The only (or first) one; likewise below."""
        return self.frontends[0]

    @property
    def decoder(self) -> ScriptedDecoder:
        return self.decoders[0]

    @property
    def frontend_server(self) -> RpcServer:
        return self.frontend_servers[0]

    @property
    def decoder_server(self) -> RpcServer:
        return self.decoder_servers[0]

    def open(self) -> DuplexCall[Any, Any]:
        """A new StreamingRecognize call."""
        return DuplexCall(self.stub.StreamingRecognize())

    async def freed(self) -> None:
        """Waits until the gateway holds no stream any more and every downstream call is over."""
        await until(lambda: len(self.gateway.admission) == 0)
        for service in (*self.frontends, *self.decoders):
            await service.all_over()


@asynccontextmanager
async def running(replicas: int = 1, **settings: Any) -> AsyncIterator[Stack]:
    """A whole stack on free ports, with so many of each service; `settings` are the gateway's.

    With one replica a loss ends the stream at once, unless the settings say otherwise. A machine that is
    busy with other things must not look like a service that hangs, so patience is long.
    """
    frontends = [ScriptedFrontend() for _ in range(replicas)]
    decoders = [ScriptedDecoder() for _ in range(replicas)]
    frontend_servers = [RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend") for _ in frontends]
    for frontend, frontend_server in zip(frontends, frontend_servers, strict=True):
        frontend_pb2_grpc.add_FrontendServicer_to_server(frontend, frontend_server.grpc)
    decoder_servers = [RpcServer("127.0.0.1:0", "amira.decoder.v1.Decoder") for _ in decoders]
    for decoder, decoder_server in zip(decoders, decoder_servers, strict=True):
        decoder_pb2_grpc.add_DecoderServicer_to_server(decoder, decoder_server.grpc)
    frontend_ports = [await server.start() for server in frontend_servers]
    decoder_ports = [await server.start() for server in decoder_servers]
    services = Services(_targets(frontend_ports), _targets(decoder_ports), PATIENT)
    settings = {"service_timeout_s": 30, "start_timeout_s": 30, "max_loop_lag_ms": 0} | settings
    if replicas == 1:
        settings.setdefault("recovery_timeout_s", 0)
    gateway = SpeechServicer(services, GatewaySettings(**settings))
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
    speech_pb2_grpc.add_SpeechServicer_to_server(gateway, server.grpc)
    port = await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
    try:
        yield Stack(
            frontends,
            decoders,
            frontend_servers,
            decoder_servers,
            gateway,
            server,
            services,
            frontend_ports[0],
            decoder_ports[0],
            port,
            channel,
            speech_pb2_grpc.SpeechStub(channel),
        )
    finally:
        await channel.close()
        await server.stop(0)
        await gateway.close()
        await services.close()
        for stopping in (*frontend_servers, *decoder_servers):
            await stopping.stop(0)


def _targets(ports: list[int]) -> str:
    return ",".join(f"127.0.0.1:{port}" for port in ports)


# --- what clients send -------------------------------------------------------------------------------

Request = speech_pb2.StreamingRecognizeRequest


def config(**fields: Any) -> Request:
    """A config; 16 kHz LINEAR16 with interims unless told otherwise."""
    settings: dict[str, Any] = {
        "encoding": config_pb2.AUDIO_ENCODING_LINEAR16,
        "sample_rate_hz": 16_000,
        "interim_results": True,
    }
    return Request(config=config_pb2.RecognitionConfig(**(settings | fields)))


def audio(content: bytes, offset: int | None = None) -> Request:
    """Audio, with an offset where one is given."""
    return Request(audio=speech_pb2.AudioChunk(content=content, offset=offset))


def control(**fields: Any) -> Request:
    """A control such as control(flush=speech_pb2.Flush())."""
    return Request(control=speech_pb2.StreamControl(**fields))


FLUSH = control(flush=speech_pb2.Flush())
END = control(end_of_audio=speech_pb2.EndOfAudio())
KEEP_ALIVE = control(keep_alive=speech_pb2.KeepAlive())


def mark(name: str) -> Request:
    """A MARK control."""
    return control(mark=speech_pb2.Mark(id=name))


def pattern(count: int) -> bytes:
    """Bytes that differ from place to place, so that a lost or doubled piece shows."""
    return (bytes(index * 131 % 251 for index in range(251)) * (count // 251 + 1))[:count]


# --- what clients get --------------------------------------------------------------------------------


@dataclass
class Answer:
    """Everything that came back on one call."""

    responses: list[speech_pb2.StreamingRecognizeResponse]
    error: errors.AmiraError | None
    code: grpc.StatusCode
    details: str | None = None
    """gRPC's own words, which tell a status of the server's from a broken connection."""

    @property
    def kinds(self) -> list[str]:
        return [str(response.WhichOneof("response")) for response in self.responses]

    @property
    def finals(self) -> list[str]:
        return [
            response.result.alternatives[0].text for response in self.responses if response.result.is_final
        ]


async def finish(call: DuplexCall[Any, Any]) -> Answer:
    """Reads a call to its end."""
    responses = []
    try:
        async with asyncio.timeout(90):
            while (response := await call.read()) is not None:
                responses.append(response)
    except grpc.aio.AioRpcError as failure:
        error = from_rpc_error(failure, errors.ServiceUnavailableError)
        return Answer(responses, error, failure.code(), failure.details())
    return Answer(responses, None, grpc.StatusCode.OK)


async def talk(stack: Stack, *requests: Request, half_close: bool = True) -> Answer:
    """Sends requests on a new call and reads it to its end."""
    call = stack.open()
    reading = asyncio.create_task(finish(call))
    for request in requests:
        if not await call.write(request):
            break
    else:
        if half_close:
            await call.done_writing()
    return await reading
