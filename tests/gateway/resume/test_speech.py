"""Real speech, real services: gateways go and connections break, and not a word, time or event differs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import numpy as np
import soundfile

from amira.asr.v1 import config_pb2, speech_pb2_grpc
from amira.frontend.v1 import frontend_pb2_grpc
from amira_client import AmiraClient, StreamingRecognizeResponse
from amira_core.rpc.server import RpcServer
from amira_decoder.settings import DecoderSettings
from amira_frontend.server import FrontendServicer
from amira_frontend.settings import FrontendSettings
from amira_frontend.warmup import warm_up
from amira_gateway.server import SpeechServicer
from amira_gateway.services import Services
from amira_gateway.settings import GatewaySettings
from tests.conftest import MODEL, ROOT
from tests.decoder.conftest import serving
from tests.gateway.resume.fleet import CuttingProxy, Gateway
from tests.gateway.scripted import PATIENT

CLIP = sorted((ROOT / "demo" / "speech").glob("*.flac"))[0]
CONFIG = config_pb2.RecognitionConfig(
    encoding=config_pb2.AUDIO_ENCODING_LINEAR16,
    sample_rate_hz=16_000,
    interim_results=True,
    word_times=True,
)


def talk() -> bytes:
    """The clip, silence that ends a segment without words, and the clip's beginning once more."""
    clip = soundfile.read(CLIP, dtype="int16")[0]
    return np.concatenate([clip, np.zeros(4 * 16_000, np.int16), clip[: 9 * 16_000]]).tobytes()


@dataclass
class Net:
    gateways: list[Gateway]

    @property
    def target(self) -> str:
        return ",".join(gateway.target for gateway in self.gateways)


@asynccontextmanager
async def services() -> AsyncIterator[tuple[str, str]]:
    """Where one frontend and one decoder listen."""
    warm_up()
    frontend = RpcServer("127.0.0.1:0", "amira.frontend.v1.Frontend")
    frontend_pb2_grpc.add_FrontendServicer_to_server(
        FrontendServicer(FrontendSettings(max_streams=8)), frontend.grpc
    )
    frontend_port = await frontend.start()
    try:
        settings = DecoderSettings(model_dir=MODEL, encoder="in_process", in_process_slots=8)
        async with serving(settings) as decoder:
            yield f"127.0.0.1:{frontend_port}", decoder.target
    finally:
        await frontend.stop(0)


@asynccontextmanager
async def net(targets: tuple[str, str], gateways: int) -> AsyncIterator[Net]:
    """So many gateways in front of the services there."""
    async with AsyncExitStack() as held:
        built = Net([])
        for _ in range(gateways):
            clients = Services(*targets, PATIENT)
            held.push_async_callback(clients.close)
            servicer = SpeechServicer(clients, GatewaySettings(service_timeout_s=30, start_timeout_s=30))
            held.push_async_callback(servicer.close)
            server = RpcServer("127.0.0.1:0", "amira.asr.v1.Speech")
            speech_pb2_grpc.add_SpeechServicer_to_server(servicer, server.grpc)
            proxy = CuttingProxy(await server.start())
            held.push_async_callback(server.stop, 0)
            await proxy.start()
            held.push_async_callback(proxy.stop)
            built.gateways.append(Gateway(servicer, server, proxy))
        yield built


async def hear(client: AmiraClient, trouble: asyncio.Queue[int]) -> list[StreamingRecognizeResponse]:
    """The whole talk's responses; says into `trouble` how many there were, after each."""
    sound = talk()
    responses = []
    async with asyncio.timeout(120), client.stream(CONFIG) as stream:

        async def send_all() -> None:
            for start in range(0, len(sound), 6_400):
                await stream.send(sound[start : start + 6_400])
                if start == len(sound) // 2 // 6_400 * 6_400:
                    await stream.mark("half")
            await stream.end()

        sending = asyncio.create_task(send_all())
        async for response in stream:
            responses.append(response)
            trouble.put_nowait(len(responses))
        await sending
    return responses


def said(responses: list[StreamingRecognizeResponse]) -> list[tuple[object, ...]]:
    """Finals with their words and times, events with theirs, marks. Confidences have other last bits."""
    heard: list[tuple[object, ...]] = []
    for response in responses:
        kind = response.WhichOneof("response")
        if kind == "result" and response.result.is_final:
            result = response.result
            words = [
                (w.text, w.start.ToMilliseconds(), w.end.ToMilliseconds())
                for w in result.alternatives[0].words
            ]
            heard.append(("final", result.segment_id, result.segment_start.ToMilliseconds(), words))
        elif kind == "event":
            event = response.event
            heard.append((event.kind, event.segment_id, event.offset.ToMilliseconds()))
        elif kind == "mark":
            heard.append(("mark", response.mark.id))
    return heard


async def hear_through(
    targets: tuple[str, str], fault: str, places: list[int]
) -> list[StreamingRecognizeResponse]:
    """The talk through two gateways of its own, with the fault after so many responses each."""
    counts: asyncio.Queue[int] = asyncio.Queue()
    async with net(targets, gateways=2) as fleet, AmiraClient(fleet.target) as client:
        first, second = fleet.gateways

        async def disturb() -> None:
            for number, place in enumerate(places):
                while await counts.get() < place:
                    pass
                if "kill" in fault and number == 1:
                    await first.kill()
                elif "cut" in fault:
                    first.proxy.cut()
                    second.proxy.cut()

        disturbing = asyncio.create_task(disturb())
        heard = await hear(client, counts)
        await disturbing
        return heard


async def test_not_a_word_differs() -> None:
    async with services() as targets:
        async with net(targets, gateways=1) as alone, AmiraClient(alone.target) as client:
            expected = await hear(client, asyncio.Queue())
        finals = [
            number for number, r in enumerate(expected, 1) if r.HasField("result") and r.result.is_final
        ]
        assert len(finals) >= 3
        for fault in ("cut", "kill", "kill and cut"):
            heard = await hear_through(targets, fault, [finals[0] - 2, finals[1] + 1, finals[1] + 4])
            assert said(heard) == said(expected), fault
