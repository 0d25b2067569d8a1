"""Several gateways in front of the same scripted services, each behind a proxy that can cut connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from amira.asr.v1 import config_pb2, speech_pb2_grpc
from amira_client import AmiraClient, RecognitionStream, StreamingRecognizeResponse
from amira_core.rpc.server import RpcServer
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from tests.gateway.scripted import PATIENT, Request, Stack, running, until


class CuttingProxy:
    """Passes TCP connections on; cuts them all after so many bytes in one direction."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passed = {"up": 0, "down": 0}
        self.cuts: list[tuple[str, int]] = []
        """Direction and bytes in it since the cut before; the first one comes first."""
        self.happened = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Breaks every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._passed = {"up": 0, "down": 0}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pass("up", reader, far_writer), self._pass("down", far_reader, writer))
        for each in (writer, far_writer):
            self._writers.discard(each)
            each.transport.abort()

    async def _pass(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(65_536):
                self._passed[way] += len(content)
                if self.cuts and self.cuts[0][0] == way and self._passed[way] >= self.cuts[0][1]:
                    self.cuts.pop(0)
                    self.happened += 1
                    self.cut()
                    return
                writer.write(content)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@dataclass
class Gateway:
    """One of the gateways."""

    servicer: SpeechServicer
    server: RpcServer
    proxy: CuttingProxy

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.proxy.port}"

    async def kill(self) -> None:
        """It is gone at once, with all its sessions."""
        await self.proxy.stop()
        await self.server.stop(0)
        await self.servicer.close()


@dataclass
class Fleet:
    stack: Stack
    gateways: list[Gateway] = field(default_factory=list)

    @property
    def target(self) -> str:
        return ",".join(gateway.target for gateway in self.gateways)

    async def freed(self) -> None:
        """Waits until no gateway holds a stream, and every call to a service is over."""
        await until(lambda: all(len(gateway.servicer.admission) == 0 for gateway in self.gateways))
        await self.stack.freed()


@asynccontextmanager
async def fleet(gateways: int = 2, **settings: Any) -> AsyncIterator[Fleet]:
    """So many gateways, with two frontends and two decoders; `settings` are the gateways'.

    Sessions are kept for two seconds: one whose token was lost with the connection ends with that.
    """
    settings = {"resume_window_s": 2, "service_timeout_s": 30, "start_timeout_s": 30} | settings
    async with AsyncExitStack() as held:
        stack = await held.enter_async_context(running(replicas=2))
        built = Fleet(stack)
        for _ in range(gateways):
            services = Services(
                ",".join(replica.target for replica in stack.services.frontends.replicas),
                ",".join(replica.target for replica in stack.services.decoders.replicas),
                PATIENT,
            )
            held.push_async_callback(services.close)
            servicer = SpeechServicer(services, GatewaySettings(**settings))
            held.push_async_callback(servicer.close)
            server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
            speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
            proxy = CuttingProxy(await server.start())
            held.push_async_callback(server.stop, 0)
            await proxy.start()
            held.push_async_callback(proxy.stop)
            built.gateways.append(Gateway(servicer, server, proxy))
        yield built


async def say(stream: RecognitionStream, request: Request) -> None:
    """What a request is in the library's terms."""
    control = request.control
    match request.WhichOneof("request"), control.WhichOneof("control"):
        case "audio", _:
            await stream.send(request.audio.content)
        case _, "flush":
            await stream.flush()
        case _, "mark":
            await stream.mark(control.mark.id)
        case _, "keep_alive":
            await stream.keep_alive()
        case _, "update_config":
            await stream.update_config(interim_results=control.update_config.interim_results)


async def converse(
    client: AmiraClient,
    requests: list[Request],
    config: config_pb2.RecognitionConfig,
    before: Callable[[int], Any] = lambda number: None,
    begun: asyncio.Event | None = None,
) -> list[StreamingRecognizeResponse]:
    """Says everything and hears everything; `before` may act before each request.

    `begun` is set once the first response is there, which has what is needed to resume.
    """
    async with asyncio.timeout(200), client.stream(config) as stream:

        async def send_all() -> None:
            for number, request in enumerate(requests):
                acted = before(number)
                if asyncio.iscoroutine(acted):
                    await acted
                await say(stream, request)
            await stream.end()

        sending = asyncio.create_task(send_all())
        try:
            responses = []
            async for response in stream:
                responses.append(response)
                if begun is not None:
                    begun.set()
            return responses
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


def said(responses: list[StreamingRecognizeResponse]) -> list[tuple[object, ...]]:
    """Everything that a user relies on, in order."""
    heard: list[tuple[object, ...]] = []
    for response in responses:
        kind = response.WhichOneof("response")
        if kind == "session":
            heard.append(("session",))
        elif kind == "mark":
            heard.append(("mark", response.mark.id))
        elif kind == "event":
            heard.append(("event", response.event.kind, response.event.segment_id))
        elif kind == "result" and response.result.is_final:
            result = response.result
            processed_ms = result.audio_processed.ToMilliseconds()
            heard.append(("final", result.segment_id, result.alternatives[0].text, processed_ms))
        elif kind != "result":
            heard.append((str(kind),))
    return heard


PCM = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hz=16_000, interim_results=True
)
FLAC = config_pb2.RecognitionConfig(encoding=config_pb2.AUDIO_ENCODING_FLAC)
