"""The whole way with real services: Triton dies for good, or stops, under a stream, and no word is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

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
    """A gateway with everything behind it."""

    def __init__(self, target: str, tritons: list[TritonProcess]) -> None:
        self.target = target
        self.tritons = tritons


@asynccontextmanager
async def running(model_dir: Path, tritons: int, **settings: Any) -> AsyncIterator[Machine]:
    """So many Tritons with a decoder each; `settings` are the decoders'."""
    async with AsyncExitStack() as held:
        frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
        frontend_pb2_grpc.add_FrontendServicer_to_server(FrontendServicer(FrontendSettings()), frontend.grpc)
        frontend_port = await frontend.start()
        held.push_async_callback(frontend.stop, 0)
        processes, decoders = [], []
        for _ in range(tritons):
            triton = await asyncio.to_thread(TritonProcess.start, model_dir, 4, drain_timeout_s=60)
            held.callback(triton.stop)
            held.callback(triton.process.kill)
            values = {"triton_target": triton.target, "model_dir": model_dir, "search": "greedy"}
            decoder = await held.enter_async_context(serving(DecoderSettings(**{**values, **settings})))
            processes.append(triton)
            decoders.append(decoder.target)
        services = Services(f"127.0.0.1:{frontend_port}", ",".join(decoders))
        held.push_async_callback(services.close)
        servicer = SpeechServicer(services, GatewaySettings(recovery_timeout_s=60, service_timeout_s=30))
        held.push_async_callback(servicer.close)
        server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
        speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
        port = await server.start()
        held.push_async_callback(server.stop, 0)
        yield Machine(f"127.0.0.1:{port}", processes)


async def hear(
    machine: Machine, disturb: Callable[[], None] | None = None, pause_s: float = 0.0
) -> list[StreamingRecognizeResponse]:
    """All responses to the clip; something is done when the first words have come. `pause_s` per message."""
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
            await asyncio.sleep(pause_s)
            if disturb is not None and start > len(pcm) / 3:
                await asyncio.wait_for(heard.wait(), 60)
                disturb()
                disturb = None
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


async def test_a_stream_that_loses_triton_goes_on_and_says_that_it_is_degraded(model_dir: Path) -> None:
    few = {"degraded": "in_process", "degraded_after_s": 0.5, "degraded_streams": 1}
    async with running(model_dir, 1, **few) as machine:
        (triton,) = machine.tritons

        def take_triton_away() -> None:
            triton.kill_server()
            triton.process.kill()

        undisturbed = await hear(machine)
        assert len(words(undisturbed)) > 30
        assert not any(response.degraded for response in undisturbed)
        responses = await hear(machine, take_triton_away)
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
            request = speech_pb2.RecognizeRequest(config=CONFIG, audio=pcm)
            answer = await stub.Recognize(request)  # type: ignore[misc]  # types are those of a blocking stub
            assert answer.degraded


@pytest.mark.slow
async def test_a_triton_that_stops_waits_until_its_streams_are_elsewhere(
    model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(model_dir, 2) as machine:
        undisturbed = words(await hear(machine))
        assert len(undisturbed) > 30

        # One stream each: the two decoders take them in turn.
        heard = await asyncio.gather(
            hear(machine, machine.tritons[0].ask_to_stop, pause_s=0.15), hear(machine, pause_s=0.15)
        )
        assert [words(responses) for responses in heard] == [undisturbed, undisturbed]
        stopped = machine.tritons[0]
        assert await asyncio.to_thread(stopped.process.wait, 60) == 0
        assert stopped.count("drain_timeout") == 0
    log = capsys.readouterr().out
    assert "cause=DRAINING" in log
    assert "cause=ENCODER_LOST" not in log
