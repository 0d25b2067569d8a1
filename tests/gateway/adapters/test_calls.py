"""What all foreign calls have from the gateway: scopes, drain, losses, garbage, the process itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from amira.googlespeech.v1 import speech_pb2 as google_pb2
from amira.riva.v1 import riva_pb2
from amira_core.metrics.registry import REGISTRY
from amira_core.rpc.call import DuplexCall
from amira_core.rpc.server import RpcServer
from amira_gateway.access.interceptor import SCOPES
from amira_gateway.adapters import google, riva
from amira_gateway.adapters.grpc_services import add_foreign_services
from amira_gateway.server import drain
from amira_gateway.service import GatewayService
from amira_gateway.settings import GatewaySettings
from amira_local.ports import free_ports
from tests.gateway.scripted import Stack, pattern, running, until

RIVA = f"/{riva.SERVICE}/StreamingRecognize"
GOOGLE = f"/{google.SERVICES_V1[0]}/StreamingRecognize"


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[Stack, RpcServer, grpc.aio.Channel]]:
    """Scripted services, and a port of the gateway with its foreign services."""
    async with running(**settings) as stack:
        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
        add_foreign_services(server.grpc, stack.gateway)
        port = await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield stack, server, channel
        finally:
            await server.stop(0)


def open_riva(channel: grpc.aio.Channel) -> DuplexCall[Any, Any]:
    method: Any = channel.stream_stream(
        RIVA,
        request_serializer=riva_pb2.StreamingRecognizeRequest.SerializeToString,
        response_deserializer=riva_pb2.StreamingRecognizeResponse.FromString,
    )
    return DuplexCall(method())


def first(interim_results: bool = True) -> riva_pb2.StreamingRecognizeRequest:
    config = riva_pb2.RecognitionConfig(sample_rate_hertz=16_000)
    return riva_pb2.StreamingRecognizeRequest(
        streaming_config=riva_pb2.StreamingRecognitionConfig(config=config, interim_results=interim_results)
    )


def audio(count: int) -> riva_pb2.StreamingRecognizeRequest:
    return riva_pb2.StreamingRecognizeRequest(audio_content=pattern(count))


async def transcripts(call: DuplexCall[Any, Any]) -> list[str]:
    said = []
    async with asyncio.timeout(60):
        while (response := await call.read()) is not None:
            said += [each.alternatives[0].transcript for each in response.results if each.is_final]
    return said


def test_every_method_that_is_served_has_a_scope() -> None:
    class Methods:
        names: list[str] = []  # noqa: RUF012 - filled below

        def add_generic_rpc_handlers(self, handlers: Any) -> None:
            for handler in handlers:
                self.names += handler._method_handlers

    server: Any = Methods()
    speech: Any = None
    add_foreign_services(server, speech)
    assert len(server.names) == 12
    assert set(server.names) <= set(SCOPES)


async def test_a_drain_is_waited_for_and_ends_what_goes_on() -> None:
    async with serving() as (stack, server, channel):
        ending, staying = open_riva(channel), open_riva(channel)
        for call in (ending, staying):
            await call.write(first())
            await call.write(audio(64_000))
            assert (await call.read()).results
        draining = asyncio.create_task(drain(server, stack.gateway, timeout_s=2.0))
        await until(lambda: not server.ready)
        await ending.done_writing()
        assert await transcripts(ending) == ["64000 bytes "]
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await transcripts(staying)
        assert failure.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "shutting down" in str(failure.value.details())
        await draining


async def test_a_lost_decoder_is_gone_on_without() -> None:
    async with serving(replicas=2, recovery_timeout_s=30) as (stack, _, channel):
        call = open_riva(channel)
        await call.write(first())
        await call.write(audio(64_000))
        assert (await call.read()).results
        number = next(n for n, decoder in enumerate(stack.decoders) if decoder.calls)
        await stack.decoder_servers[number].stop(0)
        await call.write(audio(64_000))
        await call.done_writing()
        assert await transcripts(call) == ["128000 bytes "]


async def test_without_any_decoder_calls_are_refused() -> None:
    async with serving(start_timeout_s=1) as (stack, _, channel):
        await stack.decoder_server.stop(0)
        calls = [open_riva(channel) for _ in range(20)]
        for call in calls:
            await call.write(first())
            await call.write(audio(32_000))
        ended = await asyncio.gather(*map(transcripts, calls), return_exceptions=True)
        failures = [each for each in ended if isinstance(each, grpc.aio.AioRpcError)]
        assert [each.code() for each in failures] == [grpc.StatusCode.UNAVAILABLE] * 20


def ended(status: str) -> float:
    """Streams of Riva's that have ended so."""
    labels = {"method": RIVA.removeprefix("/"), "status": status}
    return REGISTRY.get_sample_value("amira_rpc_calls_total", labels) or 0.0


async def test_a_full_gateway_refuses_and_calls_are_counted() -> None:
    before = ended("OK"), ended("NO_CAPACITY")
    async with serving(max_streams=1) as (stack, _, channel):
        call = open_riva(channel)
        await call.write(first())
        await call.write(audio(32_000))
        await stack.decoder.opened.wait()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await transcripts(open_riva(channel))
        assert failure.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await call.done_writing()
        assert await transcripts(call) == ["32000 bytes "]
        await stack.freed()
        await until(lambda: (ended("OK"), ended("NO_CAPACITY")) == (before[0] + 1, before[1] + 1))


@pytest.mark.parametrize("content", [b"\xff\xff", b"\x0a\x7f", b"\x00"])
@pytest.mark.parametrize("method", [RIVA, GOOGLE, f"/{google.SERVICE_V2}/StreamingRecognize"])
async def test_garbage_is_refused(method: str, content: bytes) -> None:
    async with serving() as (stack, _, channel):
        call: Any = channel.stream_stream(method)()
        await call.write(content)
        await call.done_writing()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await channel.unary_unary(method.replace("Streaming", ""))(content)
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        await stack.freed()


async def test_a_cancelled_stream_that_might_have_ended_by_itself_frees_all() -> None:
    async with serving() as (stack, _, channel):
        method: Any = channel.stream_stream(
            GOOGLE, request_serializer=google_pb2.StreamingRecognizeRequest.SerializeToString
        )
        call = method()
        config = google_pb2.RecognitionConfig(sample_rate_hertz=16_000, encoding=1)  # type: ignore[arg-type]
        streaming = google_pb2.StreamingRecognitionConfig(config=config, single_utterance=True)
        await call.write(google_pb2.StreamingRecognizeRequest(streaming_config=streaming))
        await call.write(google_pb2.StreamingRecognizeRequest(audio_content=pattern(64_000)))
        await stack.decoder.opened.wait()
        call.cancel()
        await stack.freed()


async def test_the_gateway_itself_serves_them() -> None:
    (port,) = free_ports(1)
    nowhere = {"frontend_target": "127.0.0.1:1", "decoder_target": "127.0.0.1:1"}
    service = GatewayService(GatewaySettings(listen=f"127.0.0.1:{port}", start_timeout_s=1, **nowhere))
    async with service, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        for served in (riva.SERVICE, *google.SERVICES_V1, google.SERVICE_V2):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await channel.unary_unary(f"/{served}/Recognize")(b"\xff\xff")
            assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
