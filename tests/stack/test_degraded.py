"""The whole way with real services: Triton dies for good under a stream, and not a word of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest
import soundfile

from amira.asr.v1 import config_pb2, speech_pb2, speech_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_client import AmiraClient, StreamingRecognizeResponse
from amira_core.rpc.options import CHANNEL_OPTIONS
from amira_core.rpc.server import RpcServer
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from tests.conftest import ROOT
from tests.decoder.conftest import serving
from tests.support.triton import TritonProcess

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
CONFIG = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
    sample_rate_hz=16_000,
    interim_results=True,
    word_times=True,
)
MESSAGE_BYTES = 6_400


class Machine:
    """A gateway with everything behind it, and the Triton that can be taken away."""

    def __init__(self, target: str, triton: TritonProcess) -> None:
        self.target = target
        self.triton = triton

    def take_triton_away(self) -> None:
        self.triton.kill_server()
        self.triton.process.kill()


@pytest.fixture
async def machine(model_dir: Path) -> AsyncIterator[Machine]:
    triton = await asyncio.to_thread(TritonProcess.start, model_dir, 4)
    async with AsyncExitStack() as held:
        held.callback(triton.stop)
        frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
        frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(FrontendSettings()), frontend.grpc)
        frontend_port = await frontend.start()
        held.push_async_callback(frontend.stop, 0)
        settings = DecoderSettings(
            model_dir=model_dir,
            triton_target=triton.target,
            degraded="in_process",
            degraded_after_s=0.5,
            degraded_streams=1,
            search="greedy",
        )
        decoder = await held.enter_async_context(serving(settings))
        services = Services(f"127.0.0.1:{frontend_port}", decoder.target)
        held.push_async_callback(services.close)
        servicer = SpeechServicer(services, GatewaySettings(recovery_timeout_s=60, service_timeout_s=30))
        held.push_async_callback(servicer.close)
        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
        speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
        port = await server.start()
        held.push_async_callback(server.stop, 0)
        yield Machine(f"127.0.0.1:{port}", triton)


async def hear(machine: Machine, *, take_triton_away: bool = False) -> list[StreamingRecognizeResponse]:
    """All responses to the clip; Triton goes when the first words have come, if that is wanted."""
    pcm = soundfile.read(CLIP, dtype="int16")[0].tobytes()
    responses: list[StreamingRecognizeResponse] = []
    heard = asyncio.Event()
    async with AmiraClient(machine.target) as client, client.stream(CONFIG) as stream:

        async def read() -> None:
            async for response in stream:
                responses.append(response)
                if response.HasField("result"):
                    heard.set()

        reading = asyncio.create_task(read())
        for start in range(0, len(pcm), MESSAGE_BYTES):
            await stream.send(pcm[start : start + MESSAGE_BYTES])
            if take_triton_away and start > len(pcm) / 3:
                take_triton_away = False
                await asyncio.wait_for(heard.wait(), 60)
                machine.take_triton_away()
        await stream.end()
        async with asyncio.timeout(120):
            await reading
    return responses


def words(responses: list[StreamingRecognizeResponse]) -> list[tuple[int, str, int]]:
    return [
        (response.result.segment_id, word.text, word.start.ToMilliseconds())
        for response in responses
        if response.HasField("result") and response.result.is_final
        for word in response.result.alternatives[0].words
    ]


async def test_a_stream_that_loses_triton_goes_on_and_says_that_it_is_degraded(machine: Machine) -> None:
    undisturbed = await hear(machine)
    assert len(words(undisturbed)) > 30
    assert not any(response.degraded for response in undisturbed)
    responses = await hear(machine, take_triton_away=True)
    assert words(responses) == words(undisturbed)
    said = [response.degraded for response in responses]
    assert not said[0]
    assert said[-1]
    assert said == sorted(said), "once degraded, every response says so"
    begun_without_triton = await hear(machine)
    assert words(begun_without_triton) == words(undisturbed)
    assert all(response.degraded for response in begun_without_triton)
    async with grpc.aio.insecure_channel(machine.target, options=CHANNEL_OPTIONS) as channel:
        stub = speech_pb2_grpc.SpeechStub(channel)
        pcm = soundfile.read(CLIP, dtype="int16")[0].tobytes()
        answer = await stub.Recognize(speech_pb2.RecognizeRequest(config=CONFIG, audio=pcm))  # type: ignore[misc]
        assert answer.degraded
