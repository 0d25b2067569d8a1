"""Calls are counted by method and by how they ended; what a caller makes up gets no series of its own."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from amira.asr.v1 import speech_pb2, speech_pb2_grpc
from amira_core import errors
from amira_core.metrics.registry import REGISTRY
from amira_core.metrics.schema import OTHER
from amira_core.rpc.server import RpcServer


class Speech(speech_pb2_grpc.SpeechServicer):
    """Fails as it is asked to by the model's name."""

    async def Recognize(self, request, context):  # type: ignore[no-untyped-def, override]  # noqa: N802
        match request.config.model:
            case "full":
                raise errors.NoCapacityError("No.")
            case "broken":
                raise ZeroDivisionError
            case "slow":
                await asyncio.sleep(60)
        return speech_pb2.RecognizeResponse()

    async def StreamingRecognize(self, request_iterator, context):  # type: ignore[no-untyped-def, override]  # noqa: N802
        async for request in request_iterator:
            if request.config.model == "full":
                raise errors.NoCapacityError("No.")


def ended(method: str, status: str) -> float:
    """Calls that have ended so."""
    return REGISTRY.get_sample_value("amira_rpc_calls_total", {"method": method, "status": status}) or 0.0


async def until(method: str, status: str, more_than: float) -> None:
    """Waits for the server, which may see the end of a call after its client."""
    async with asyncio.timeout(60):
        while ended(method, status) <= more_than:  # noqa: ASYNC110 - a number in a registry
            await asyncio.sleep(0.01)


@pytest.fixture
async def channel():  # type: ignore[no-untyped-def]
    server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
    speech_pb2_grpc.add_SpeechServicer_to_server(Speech(), server.grpc)
    port = await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


def request(model: str) -> speech_pb2.RecognizeRequest:
    """Asks the servicer above to end so."""
    message = speech_pb2.RecognizeRequest()
    message.config.model = model
    return message


@pytest.mark.parametrize(("model", "status"), [("", "OK"), ("full", "NO_CAPACITY"), ("broken", "INTERNAL")])
async def test_unary_calls(channel: grpc.aio.Channel, model: str, status: str) -> None:
    before = ended("Recognize", status)
    try:
        await speech_pb2_grpc.SpeechStub(channel).Recognize(request(model))
    except grpc.aio.AioRpcError:
        assert status != "OK"
    assert ended("Recognize", status) == before + 1


async def test_a_caller_that_leaves(channel: grpc.aio.Channel) -> None:
    before = ended("Recognize", "CANCELLED")
    call = speech_pb2_grpc.SpeechStub(channel).Recognize(request("slow"))
    await asyncio.sleep(0.2)
    call.cancel()
    await until("Recognize", "CANCELLED", before)


@pytest.mark.parametrize(("model", "status"), [("", "OK"), ("full", "NO_CAPACITY")])
async def test_streams(channel: grpc.aio.Channel, model: str, status: str) -> None:
    before = ended("StreamingRecognize", status)
    call = speech_pb2_grpc.SpeechStub(channel).StreamingRecognize()
    message = speech_pb2.StreamingRecognizeRequest()
    message.config.model = model
    try:
        await call.write(message)
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK
    except grpc.aio.AioRpcError:
        assert status != "OK"
    await until("StreamingRecognize", status, before)


async def test_other_services_and_aborts_count_as_other(channel: grpc.aio.Channel) -> None:
    before = ended(OTHER, "NOT_FOUND")
    with pytest.raises(grpc.aio.AioRpcError):
        await health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest(service="nobody")
        )
    assert ended(OTHER, "NOT_FOUND") == before + 1


async def test_methods_that_a_caller_makes_up_get_no_series(channel: grpc.aio.Channel) -> None:
    for method in ("/amira.asr.v1.Speech/Nothing", "/made.up/Method", "/amira.made.up/X"):
        with pytest.raises(grpc.aio.AioRpcError):
            await channel.unary_unary(method)(b"")
    for sample in (sample for family in REGISTRY.collect() for sample in family.samples):
        assert not {"Nothing", "Method", "X"} & set(sample.labels.values())
