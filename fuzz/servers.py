"""Services on free ports for the message fuzzer, each of which must hold nothing when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from amira.asr.v1 import speech_pb2_grpc
from amira.decoder.v1 import decoder_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_core.rpc.server import RpcServer, cancel_and_wait
from amira_decoder.decoder import StreamingDecoder
from amira_decoder.server import DecoderServicer
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from amira_gateway.access import Door
from amira_gateway.replicas.settings import ReplicaSettings
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from amira_gateway.web import WebServer

_MODEL = Path(__file__).resolve().parents[1] / "models" / "starter-en"
_FREE_WITHIN_S = 30
_SLOTS = 64
_PATIENT = ReplicaSettings(accept_timeout_s=60, health_timeout_s=60)
"""All of it and its clients share a processor: slow is not lost."""


@asynccontextmanager
async def frontend() -> AsyncIterator[str]:
    """A frontend; its address."""
    warm_up()
    servicer = FrontendServicer(FrontendSettings())
    server = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
    frontend_pb2_grpc.add_FrontendServicer_to_server(servicer, server.grpc)
    async with _serving(server) as target:
        yield target
        await _none(lambda: servicer.streams, "streams of the frontend")


@asynccontextmanager
async def decoder() -> AsyncIterator[str]:
    """A decoder with the bundled model in its own process; its address."""
    settings = DecoderSettings(
        model_dir=_MODEL,
        encoder="in_process",
        in_process_slots=_SLOTS,
        in_process_engine="onnxruntime",
        target_load=0,  # all are taken, or what comes behind the door would not be tried
    )
    decoding = StreamingDecoder(settings)
    server = RpcServer("127.0.0.1:0", "amira.decoder.v1.Decoder")
    decoder_pb2_grpc.add_DecoderServicer_to_server(DecoderServicer(decoding), server.grpc)
    ready = asyncio.Event()

    async def on_ready(is_ready: bool) -> None:
        ready.set()

    try:
        async with _serving(server) as target:
            running = asyncio.create_task(decoding.run(on_ready))
            waiting = asyncio.create_task(ready.wait())
            try:
                await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
                yield target
                if running.done():
                    running.result()
                await _none(lambda: decoding.describe().slots_used, "slots of the decoder")
                assert decoding.describe().slots_orphaned == 0
            finally:
                await cancel_and_wait([running, waiting])
    finally:
        await decoding.close()


@asynccontextmanager
async def gateway() -> AsyncIterator[str]:
    """A gateway before one of each; its address."""
    async with _speech(GatewaySettings(resume_window_s=1)) as servicer:
        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
        speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
        async with _serving(server) as target:
            yield target
            await _none(lambda: len(servicer.admission), "places of the gateway")


@asynccontextmanager
async def web() -> AsyncIterator[str]:
    """The web port of a gateway before one of each; its address. What waits for a client waits seconds."""
    settings = GatewaySettings(
        web_listen="127.0.0.1:0",
        resume_window_s=1,
        first_message_timeout_s=0.5,
        idle_timeout_s=0.5,
        max_loop_lag_ms=0,
        service_timeout_s=60,
        start_timeout_s=60,
    )
    async with _speech(settings) as servicer:
        server = WebServer(settings, Door.of(settings), servicer, lambda: True)
        port = await server.start()
        try:
            yield f"127.0.0.1:{port}"
            await _none(lambda: len(servicer.admission), "places of the gateway")
        finally:
            await server.stop()


@asynccontextmanager
async def _speech(settings: GatewaySettings) -> AsyncIterator[SpeechServicer]:
    async with AsyncExitStack() as behind:
        services = Services(
            await behind.enter_async_context(frontend()),
            await behind.enter_async_context(decoder()),
            _PATIENT,
        )
        behind.push_async_callback(services.close)
        servicer = SpeechServicer(services, settings)
        behind.push_async_callback(servicer.close)
        yield servicer


SERVERS: Final[dict[str, Callable[[], AbstractAsyncContextManager[str]]]] = {
    "frontend": frontend,
    "decoder": decoder,
    "gateway": gateway,
}


@asynccontextmanager
async def _serving(server: RpcServer) -> AsyncIterator[str]:
    port = await server.start()
    await server.set_ready(True)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def _none(count: Callable[[], int], what: str) -> None:
    """Raises AssertionError if they are not all given back in time."""
    try:
        async with asyncio.timeout(_FREE_WITHIN_S):
            while count():  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{count()} {what} are still held after {_FREE_WITHIN_S} s") from None
